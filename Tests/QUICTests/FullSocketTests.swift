import Testing
import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenSimulator

@Suite("A socket that is full, or gone")
struct FullSocketTests {
  /// Two with an endpoint each, on links of 10 Mbit/s.
  private struct Scene: Sendable {
    let alice, bob: SimulatedMachine
    let client, server: QUICEndpoint
    let address: SocketAddress
    let id: PeerID

    /// A socket of alice's that has little room.
    func bind() throws -> any UDPSocket {
      var options = UDPOptions()
      options.bufferBytes = 20_000
      return try alice.bindUDP(to: .any(.v4), options: options)
    }
  }

  private static func run(
    seed: UInt64, _ configuration: QUICConfiguration = QUICConfiguration(protocols: ["test"]),
    _ body: @escaping @Sendable (Scene) async throws -> Void
  ) async throws {
    var link = LinkConfiguration(latency: .milliseconds(1))
    link.bitsPerSecond = 10_000_000
    let world = World(seed: seed) {
      Server("alice").linked(link)
      Server("bob").linked(link)
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      var random = alice.random
      let keys = [PrivateKey(using: &random), PrivateKey(using: &random)]
      let client = QUICEndpoint(on: alice, try QUICIdentity(keys[0]), configuration)
      let server = QUICEndpoint(on: bob, try QUICIdentity(keys[1]), configuration)
      let address = SocketAddress(bob.address(.v4), port: try await server.bind().port)
      try await body(
        Scene(alice: alice, bob: bob, client: client, server: server, address: address, id: keys[1].peerID))
      await client.close()
      await server.close()
    }
  }

  @Test("is written to as soon as it has room, each time", arguments: 1...5 as ClosedRange<UInt64>)
  func full(seed: UInt64) async throws {
    try await Self.run(seed: seed) { scene in
      // The simulation has one thread.
      nonisolated(unsafe) let socket = try scene.bind()
      await scene.client.use(socket)
      for turn in 1...3 {
        // Somebody else fills it, for 16 ms.
        var others = DatagramOutbox()
        for _ in 0..<30 {
          others.append(
            [UInt8](repeating: 0, count: 1000).span.bytes, to: SocketAddress(scene.address.ip, port: 9))
        }
        try socket.send(&others)
        let start = scene.alice.now
        let connection = try await scene.client.connect(to: scene.address, expecting: scene.id)
        let took = start.duration(to: scene.alice.now)
        #expect(took < .milliseconds(40), "the \(turn)th took \(took)")
        await connection.close()
      }
    }
  }

  @Test(
    "that is given up ends the connection that goes through it, in its time, and not one that goes elsewhere")
  func givenUp() async throws {
    var configuration = QUICConfiguration(protocols: ["test"])
    configuration.answerTimeout = .seconds(10)
    configuration.keepAlive = .seconds(5)
    try await Self.run(seed: 1, configuration) { scene in
      let (alice, bob, client, server) = (scene.alice, scene.bob, scene.client, scene.server)
      // The simulation has one thread.
      nonisolated(unsafe) let first = try scene.bind()
      nonisolated(unsafe) let second = try scene.bind()
      let channel = await client.use(first)
      let lost = try await client.connect(to: scene.address, expecting: scene.id)
      let moved = try await client.connect(to: scene.address, expecting: scene.id)
      for connection in [lost, moved] { try await connection.taken() }
      let other = await client.use(second)
      let taken = Guarded(0)
      bob.spawn("what is heard") {
        for await connection in server.connections {
          bob.spawn("what is said") {
            for await stream in connection.incomingStreams {
              while let bytes = try await stream.read() { taken.withLock { $0 += bytes.count } }
            }
          }
        }
      }
      // More than there is room for: what does not fit waits.
      let stream = try await moved.openStream()
      alice.spawn("what does not fit") { try await stream.write([UInt8](repeating: 1, count: 200_000)) }
      try await alice.sleep(for: .milliseconds(5))
      let start = alice.now
      await client.giveUp(channel)
      try await moved.migrate(to: NetworkPath(to: scene.address, through: other), atOnce: true)
      #expect(try await lost.closed() == QUICError(.idle))
      #expect((.seconds(10)...(.seconds(16))).contains(start.duration(to: alice.now)))
      try await alice.sleep(for: .seconds(60))
      #expect(taken.withLock { $0 } == 200_000)
    }
  }
}
