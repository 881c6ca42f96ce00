// Does my program connect from behind this NAT? Asked in a simulated internet, with the answer that is the same every time:
// swift run ExampleBehindNATs
import Warren
import WarrenSimulator

@main
struct BehindNATs {
  static func main() async throws {
    let nats: [(name: String, nat: NATConfiguration)] = [
      ("full cone", .fullCone), ("restricted", .restrictedCone), ("port-restricted", .portRestrictedCone),
      ("symmetric", .symmetric),
    ]
    for alice in nats {
      for bob in nats {
        let time = try await connect(alice.nat, bob.nat, seed: 1)
        print("\(alice.name) with \(bob.name): " + (time.map { "after \($0)" } ?? "not without a relay"))
      }
    }
  }

  /// How long it takes until the first byte is there; nil where it does not come.
  private static func connect(
    _ first: NATConfiguration, _ second: NATConfiguration, seed: UInt64
  ) async throws -> Duration? {
    let world = World(seed: seed) {
      Machine("alice").behind(first).linked(.access)
      Machine("bob").behind(second).linked(.access)
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    return try await world.run { world in
      let registry = world.machine("registry")
      var random = registry.random
      let server = RegistryServer(Registry(on: registry), on: registry, key: PrivateKey(using: &random))
      let address = try await server.start(at: SocketAddress(registry.address(.v4), port: 3478))
      var configuration = Peer.Configuration()
      configuration.registry = address
      configuration.patience = .seconds(10)
      // With two places to ask it is known what the NAT does with ports.
      for port in [3478, 3479] as [UInt16] {
        let stun = SocketAddress(world.machine("stun").address(.v4), port: port)
        try await STUNServer(on: world.machine("stun")).start(at: stun)
        configuration.stunServers.append(stun)
      }
      let alice = try Peer(configuration, on: world.machine("alice"))
      configuration.name = "bob"
      configuration.policy = .everyone
      let bob = try Peer(configuration, on: world.machine("bob"))
      try await alice.start()
      try await bob.start()
      for await event in bob.events { if case .registered = event { break } }
      let start = alice.machine.now
      guard let connection = try? await alice.connect(to: "bob") else { return nil }
      let stream = try await connection.openStream()
      try await stream.write([1])
      let came = await bob.connections.first { _ in true }
      let received = await came?.incomingStreams.first { _ in true }
      _ = try await received?.read(exactly: 1)
      return start.duration(to: alice.machine.now)
    }
  }
}
