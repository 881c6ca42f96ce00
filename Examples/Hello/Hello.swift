// Two peers find each other by name, and talk. All in one program, with a registry of its own: swift run ExampleHello
import Warren

@main
struct Hello {
  static func main() async throws {
    let machine = LocalMachine(name: "hello")
    let registry = try await startRegistry(on: machine)

    // Bob lets everybody in, and answers whatever is said.
    let bob = try await peer("bob", registry, machine)
    machine.spawn("bob's visitors") {
      for await connection in bob.connections {
        for await stream in connection.incomingStreams {
          for try await chunk in stream { try await stream.write(Array("You said: ".utf8) + chunk) }
          try await stream.finish()
        }
      }
    }

    // Alice knows his name, and nothing else.
    let alice = try await peer("alice", registry, machine)
    let connection = try await alice.connect(to: "bob")
    let stream = try await connection.openStream()
    try await stream.write(Array("Hello, Bob!".utf8))
    try await stream.finish()
    for try await chunk in stream { print(String(decoding: chunk, as: UTF8.self)) }
    print("…over a path that is \(await connection.path)")

    await alice.close()
    await bob.close()
    await machine.close()
  }

  private static func peer(
    _ name: String, _ registry: RegistryAddress, _ machine: LocalMachine
  ) async throws -> Peer {
    var configuration = Peer.Configuration()
    configuration.name = name
    configuration.registry = registry
    configuration.policy = .everyone
    configuration.usesLoopback = true
    let peer = try Peer(configuration, on: machine)
    try await peer.start()
    // Whoever is called has to be known before.
    for await event in peer.events { if case .registered = event { break } }
    return peer
  }

  private static func startRegistry(on machine: LocalMachine) async throws -> RegistryAddress {
    var configuration = Registry.Configuration()
    configuration.permitsLoopback = true
    var random = machine.random
    let server = RegistryServer(
      Registry(on: machine, configuration), on: machine, key: PrivateKey(using: &random))
    return try await server.start(at: .init(.loopback(.v4), port: 0))
  }
}
