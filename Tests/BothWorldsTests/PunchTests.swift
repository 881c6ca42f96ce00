import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("A hole puncher, written once")
struct HolePuncherTests {
  @Test(
    "connects two machines over UDP, and hands on datagrams of the peer's alone",
    arguments: TwoMachines.allCases)
  func datagrams(world: TwoMachines) async throws {
    try await world.run { pair in
      let (a, b) = try await Self.punchers(pair, [.udp])
      async let first = a.connection()
      async let second = b.connection()
      let (alice, bob) = try await (first, second)
      try await alice.send([1, 2, 3])
      var fromAlice = bob.datagrams.makeAsyncIterator()
      #expect(await fromAlice.next() == [1, 2, 3])
      // A stranger's datagram to the same port is not the peer's.
      let path = try #require(await alice.path)
      try await pair.alice.run {
        let stranger = try pair.alice.bindUDP(to: .any(path.remote.ip.family))
        var outbox = DatagramOutbox(byteCapacity: 100)
        outbox.append(([9, 9] as [UInt8]).span.bytes, to: path.remote)
        try stranger.send(&outbox)
      }
      try await pair.alice.sleep(for: .milliseconds(100))
      try await alice.send([4])
      #expect(await fromAlice.next() == [4])
      try await bob.send([5])
      var fromBob = alice.datagrams.makeAsyncIterator()
      #expect(await fromBob.next() == [5])
      await alice.close()
      await bob.close()
      #expect(await fromBob.next() == nil)
      await #expect(throws: PunchError.closed) { try await alice.send([1]) }
    }
  }

  @Test("connects two machines over TCP, and hands over a plain connection", arguments: TwoMachines.allCases)
  func tcp(world: TwoMachines) async throws {
    try await world.run { pair in
      let (a, b) = try await Self.punchers(pair, [.tcp])
      // Bob's machine writes as soon as it has the connection: not a byte of it may be taken for a frame.
      let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
      let sending = pair.bob.spawn("bob") {
        let connection = try await b.takeConnection()
        await b.close()
        try await connection.write(bytes)
        try connection.finish()
        let answer = try await connection.read(exactly: 2)
        connection.close()
        return answer
      }
      let receiving = pair.alice.spawn("alice") {
        let connection = try await a.takeConnection()
        await a.close()
        var received: [UInt8] = []
        while let more = try await connection.read() { received += more }
        try await connection.write([7, 8])
        try connection.finish()
        connection.close()
        return received
      }
      let received = try await receiving.value
      #expect(received == bytes)
      #expect(try await sending.value == [7, 8])
    }
  }

  @Test(
    "ends every wait when it is closed, and when the waiting task is cancelled",
    arguments: TwoMachines.allCases)
  func cancelled(world: TwoMachines) async throws {
    try await world.run { pair in
      let puncher = HolePuncher(on: pair.alice, role: .controlling, Self.configuration([.udp, .tcp]))
      try await puncher.start()
      let waiting = pair.alice.spawn("a wait") { try await puncher.firstPath() }
      try await pair.alice.sleep(for: .milliseconds(10))
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      let another = pair.alice.spawn("another wait") { try await puncher.firstPath() }
      let third = pair.alice.spawn("a third") { _ = try await puncher.connection() }
      try await pair.alice.sleep(for: .milliseconds(10))
      await puncher.close()
      await #expect(throws: PunchError.closed) { try await another.value }
      await #expect(throws: PunchError.closed) { try await third.value }
      var events = puncher.events.makeAsyncIterator()
      #expect(await events.next() == nil)
    }
  }

  @Test(
    "ends the wait for a connection when it is closed, and gives none that is not its way",
    arguments: TwoMachines.allCases)
  func closedOverTCP(world: TwoMachines) async throws {
    try await world.run { pair in
      let puncher = HolePuncher(on: pair.alice, role: .controlling, Self.configuration([.tcp]))
      try await puncher.start()
      await #expect(throws: PunchError.transports) { try await puncher.connection() }
      let waiting = pair.alice.spawn("a wait") { _ = try await puncher.takeConnection() }
      try await pair.alice.sleep(for: .milliseconds(10))
      await puncher.close()
      await #expect(throws: PunchError.closed) { try await waiting.value }
      let both = HolePuncher(on: pair.alice, role: .controlling, Self.configuration([.udp, .tcp]))
      await #expect(throws: PunchError.transports) { _ = try await both.takeConnection() }
    }
  }

  @Test("pairs two who hold one key and know an address, and nobody else", arguments: TwoMachines.allCases)
  func key(world: TwoMachines) async throws {
    #expect(PairingKey("") == nil)
    try await world.run { pair in
      var first = Self.configuration([.udp])
      first.pairingKey = PairingKey("correct horse")
      first.port = 40_001
      var second = first
      second.port = 40_002
      let a = HolePuncher(on: pair.alice, role: .controlling, first)
      let b = HolePuncher(on: pair.bob, role: .controlled, second)
      try await a.start()
      try await b.start()
      var third = second
      third.pairingKey = PairingKey("battery staple")
      third.port = 40_003
      let mallory = HolePuncher(on: pair.bob, role: .controlled, third)
      try await mallory.start()
      await a.receive(addresses: [40_002, 40_003].map { SocketAddress(pair.bobIP(.v4), port: $0) })
      await b.receive(addresses: [SocketAddress(pair.aliceIP(.v4), port: 40_001)])
      await mallory.receive(addresses: [SocketAddress(pair.aliceIP(.v4), port: 40_001)])
      let path = try await a.firstPath()
      #expect(path.remote.port == 40_002)
      _ = try await b.firstPath()
      try await pair.alice.sleep(for: .milliseconds(500))
      #expect(await mallory.paths.isEmpty)
      #expect(await a.paths.allSatisfy { $0.remote.port == 40_002 })
      for puncher in [a, b, mallory] { await puncher.close() }
    }
  }

  static func configuration(_ transports: Set<TransportProtocol>) -> PunchConfiguration {
    var configuration = PunchConfiguration()
    configuration.transports = transports
    configuration.usesLoopback = true
    configuration.families = [.v4]
    return configuration
  }

  /// Two that have begun and tell each other all they signal.
  static func punchers(
    _ pair: TwoMachines.Pair, _ transports: Set<TransportProtocol>
  ) async throws -> (HolePuncher, HolePuncher) {
    let (a, b) = HolePuncher.pair(on: pair.alice, pair.bob, configuration(transports))
    try await a.start()
    try await b.start()
    return (a, b)
  }
}
