import TestSupport
import Testing
import Warren

@Suite("A crowd of peers, over loopback")
struct PeerCrowdTests {
  private func start(_ count: Int, on machine: any Machine, _ address: RegistryAddress) async throws -> [Peer]
  {
    var peers: [Peer] = []
    for number in 0..<count {
      var configuration = Peer.Configuration()
      configuration.name = "peer \(number)"
      configuration.registry = address
      configuration.policy = .everyone
      configuration.usesLoopback = true
      configuration.families = [.v4]
      let peer = try Peer(configuration, on: machine)
      try await peer.start()
      peers.append(peer)
    }
    for peer in peers { for await event in peer.events { if case .registered = event { break } } }
    return peers
  }

  private func registry(
    on machine: any Machine, _ key: PrivateKey, at port: UInt16 = 0
  ) async throws -> (RegistryServer, RegistryAddress) {
    var terms = Registry.Configuration()
    terms.permitsLoopback = true
    let server = RegistryServer(Registry(on: machine, terms), on: machine, key: key)
    var address = try await server.start(at: SocketAddress(.any(.v4), port: port))
    address.host = "127.0.0.1"
    return (server, address)
  }

  private func run(_ body: @escaping @Sendable (any Machine, any Machine, PrivateKey) async throws -> Void)
    async throws
  {
    try await TwoMachines.local.run(isAlone: true) { machines in
      var random = machines.bob.random
      try await body(machines.alice, machines.bob, PrivateKey(using: &random))
    }
  }

  /// Everyone connects with everyone after it; and all of them know the same.
  ///
  /// One core does here what the machines of all of them would: only so many try at the same time that no answer is
  /// longer on its way than a peer waits for one.
  private func meet(_ peers: [Peer]) async throws {
    let atOnce = 100
    var pairs: [(Peer, Peer)] = []
    for (number, peer) in peers.enumerated() {
      for other in peers[(number + 1)...] { pairs.append((peer, other)) }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, (peer, other)) in pairs.enumerated() {
        if number >= atOnce { try await group.next() }
        group.addTask {
          let connection = try await peer.connect(to: other.id)
          #expect(connection.peer == other.id)
        }
      }
      try await group.waitForAll()
    }
  }

  /// Who has no connection with whom.
  private func lonely(_ peers: [Peer]) async -> [String] {
    var pairs: [String] = []
    for (number, peer) in peers.enumerated() {
      let known = await peer.connectedPeers
      for (place, other) in peers.enumerated() where place != number && !known.contains(other.id) {
        pairs.append("\(number) with \(place)")
      }
    }
    return pairs
  }

  @Test("everyone connects with everyone")
  func allToAll() async throws {
    try await run { machine, server, key in
      let (registry, address) = try await self.registry(on: server, key)
      let peers = try await self.start(50, on: machine, address)
      try await self.meet(peers)
      // Who was called knows as soon as the caller's last word of the handshake is there.
      for _ in 0..<1000 {
        if await self.lonely(peers).isEmpty { break }
        try await machine.sleep(for: .milliseconds(10))
      }
      let left = await self.lonely(peers)
      #expect(left == [])
      for peer in peers { await peer.close() }
      await registry.stop()
    }
  }

  @Test("goes on when its registry is killed, and is back when that is")
  func registryKilled() async throws {
    try await run { machine, server, key in
      let (first, address) = try await self.registry(on: server, key, at: restingPort(on: server))
      let peers = try await self.start(4, on: machine, address)
      let connection = try await peers[0].connect(to: peers[1].id)
      await first.vanish()
      let stream = try await connection.openStream()
      try await stream.write([1])
      let (second, _) = try await self.registry(on: server, key, at: address.port)
      for peer in peers {
        await peer.networkChanged()
        for await event in peer.events { if case .registryLost = event { break } }
        for await event in peer.events { if case .registered = event { break } }
      }
      try await self.meet(peers)
      for peer in peers { await peer.close() }
      await second.stop()
    }
  }
}
