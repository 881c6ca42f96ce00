import Testing

@testable import Warren

/// A registry on one machine, and peers on both.
struct PeerScene: Sendable {
  let world: TwoMachines
  let machines: TwoMachines.Pair
  let server: RegistryServer
  let address: RegistryAddress

  static func run(
    _ world: TwoMachines, relays: Bool = false, _ body: @escaping @Sendable (PeerScene) async throws -> Void
  ) async throws {
    try await world.run { machines in
      var random = machines.bob.random
      var terms = Registry.Configuration()
      terms.permitsLoopback = world == .local
      var configuration = RegistryServer.Configuration()
      if relays {
        var relay = RelayConfiguration(at: RelayAddress(machines.bobIP(.v4)))
        relay.permits = [IPPrefix(.any(.v4), length: 0)]
        configuration.relay = relay
      }
      let server = RegistryServer(
        Registry(on: machines.bob, terms), on: machines.bob, key: PrivateKey(using: &random), configuration)
      var address = try await server.start(at: .any(.v4))
      address.host = "\(machines.bobIP(.v4))"
      try await body(PeerScene(world: world, machines: machines, server: server, address: address))
      await server.stop()
    }
  }

  /// A peer that the registry knows, if it is to.
  func peer(
    _ name: String, on machine: (any Machine)? = nil, _ change: (inout Peer.Configuration) -> Void = { _ in }
  ) async throws -> Peer {
    var configuration = Peer.Configuration()
    configuration.name = name
    configuration.registry = address
    configuration.families = [.v4]
    configuration.policy = .everyone
    configuration.usesLoopback = world == .local
    change(&configuration)
    let peer = try Peer(configuration, on: machine ?? machines.alice)
    try await peer.start()
    guard configuration.registry != nil else { return peer }
    try await peer.machine.withDeadline(.seconds(10)) {
      while await server.registry.find(.key(peer.id)) == nil {
        try await peer.machine.sleep(for: .milliseconds(1))
      }
    }
    return peer
  }

  /// Where a peer is, for those who are told by hand.
  func addresses(of peer: Peer, isBob: Bool) async -> [SocketAddress] {
    let ip = isBob ? machines.bobIP(.v4) : machines.aliceIP(.v4)
    return await peer.hostAddresses().filter { $0.ip == ip }
  }

  /// One says something over a connection, and the other answers.
  func talk(_ one: Connection, _ other: Connection) async throws {
    let answering = machines.bob.spawn("an answer") {
      for await stream in other.incomingStreams {
        while let bytes = try await stream.read() { try await stream.write(bytes) }
        return try await stream.finish()
      }
    }
    let stream = try await one.openStream()
    try await stream.write([1, 2, 3])
    try await stream.finish()
    #expect(try await stream.read() == [1, 2, 3])
    try await answering.value
  }
}

extension Peer {
  func isDialling(_ peer: PeerID) -> Bool { table.isDialling(peer) }

  /// The next connection that another has begun.
  func nextConnection() async throws -> Connection {
    try await machine.withDeadline(.seconds(20)) {
      for await connection in self.connections { return connection }
      throw PeerError(.closed, "there are no more connections")
    }
  }

  func nextRequest() async throws -> ConnectionRequest {
    try await machine.withDeadline(.seconds(20)) {
      for await request in self.requests { return request }
      throw PeerError(.closed, "there are no more requests")
    }
  }
}
