import Testing
import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenSimulator

@Suite("A socket that is full, or gone")
struct FullSocketTests {
  @Test("is written to as soon as it has room, each time", arguments: 1...5 as ClosedRange<UInt64>)
  func full(seed: UInt64) async throws {
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
      let configuration = QUICConfiguration(protocols: ["test"])
      let client = QUICEndpoint(on: alice, try QUICIdentity(keys[0]), configuration)
      let server = QUICEndpoint(on: bob, try QUICIdentity(keys[1]), configuration)
      var options = UDPOptions()
      options.bufferBytes = 20_000
      // The simulation has one thread.
      nonisolated(unsafe) let socket = try alice.bindUDP(to: .any(.v4), options: options)
      await client.use(socket)
      let address = SocketAddress(bob.address(.v4), port: try await server.bind().port)
      for turn in 1...3 {
        // Somebody else fills it, for 16 ms.
        var others = DatagramOutbox()
        for _ in 0..<30 {
          others.append([UInt8](repeating: 0, count: 1000).span.bytes, to: SocketAddress(address.ip, port: 9))
        }
        try socket.send(&others)
        let start = alice.now
        let connection = try await client.connect(to: address, expecting: keys[1].peerID)
        let took = start.duration(to: alice.now)
        #expect(took < .milliseconds(40), "the \(turn)th took \(took)")
        await connection.close()
      }
      await client.close()
      await server.close()
    }
  }

  @Test(
    "that is given up ends the connection that goes through it, in its time, and not one that goes elsewhere")
  func givenUp() async throws {
    var link = LinkConfiguration(latency: .milliseconds(1))
    link.bitsPerSecond = 10_000_000
    let world = World(seed: 1) {
      Server("alice").linked(link)
      Server("bob").linked(link)
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      var random = alice.random
      let keys = [PrivateKey(using: &random), PrivateKey(using: &random)]
      var configuration = QUICConfiguration(protocols: ["test"])
      configuration.answerTimeout = .seconds(10)
      configuration.keepAlive = .seconds(5)
      let client = QUICEndpoint(on: alice, try QUICIdentity(keys[0]), configuration)
      let server = QUICEndpoint(on: bob, try QUICIdentity(keys[1]), configuration)
      var options = UDPOptions()
      options.bufferBytes = 20_000
      // The simulation has one thread.
      nonisolated(unsafe) let first = try alice.bindUDP(to: .any(.v4), options: options)
      nonisolated(unsafe) let second = try alice.bindUDP(to: .any(.v4), options: options)
      let channel = await client.use(first)
      let address = SocketAddress(bob.address(.v4), port: try await server.bind().port)
      let lost = try await client.connect(to: address, expecting: keys[1].peerID)
      let moved = try await client.connect(to: address, expecting: keys[1].peerID)
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
      try await moved.migrate(to: NetworkPath(to: address, through: other), atOnce: true)
      #expect(try await lost.closed() == QUICError(.idle))
      #expect((.seconds(10)...(.seconds(16))).contains(start.duration(to: alice.now)))
      try await alice.sleep(for: .seconds(60))
      #expect(taken.withLock { $0 } == 200_000)
      await client.close()
      await server.close()
    }
  }
}
