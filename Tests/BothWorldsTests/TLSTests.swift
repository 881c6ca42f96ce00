import Glibc
import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("TLS between two machines")
struct TLSTests {
  /// A server on bob's machine that hands each connection to `serve`, and a TCP connection of alice's with it.
  ///
  /// - Parameters:
  ///   - serve: is told what came of the handshake.
  ///   - body: is lent the TCP connection and both keys.
  private static func connect(
    _ machines: TwoMachines.Pair, _ change: @escaping @Sendable (inout TLSConfiguration) -> Void = { _ in },
    serve: @escaping @Sendable (Result<TLSConnection, any Error>) async throws -> Void,
    _ body: @escaping @Sendable (any TCPConnection, (alice: PrivateKey, bob: PrivateKey)) async throws -> Void
  ) async throws {
    var random = machines.alice.random
    let keys = (alice: PrivateKey(using: &random), bob: PrivateKey(using: &random))
    let (ports, continuation) = AsyncStream.makeStream(of: UInt16.self)
    let serving = machines.bob.spawn("serving") {
      let listener = try machines.bob.listenTCP(on: .any(.v4))
      continuation.yield(listener.localAddress.port)
      continuation.finish()
      let tcp = try await listener.accept()
      listener.close()
      var configuration = configuration
      change(&configuration)
      let result: Result<TLSConnection, any Error>
      do {
        result = .success(try await TLSConnection.accept(over: tcp, TLSIdentity(keys.bob), configuration))
      } catch {
        result = .failure(error)
      }
      try await serve(result)
    }
    var port: UInt16 = 0
    for await value in ports { port = value }
    let tcp = try await machines.alice.connectTCP(to: SocketAddress(machines.bobIP(.v4), port: port))
    try await body(tcp, keys)
    try await serving.value
  }

  /// So many bytes, of which no two stretches are alike for long.
  private static func pattern(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed)
    let stretch = random.bytes(10_007)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes += [UInt8(truncatingIfNeeded: bytes.count / stretch.count)] + stretch }
    return Array(bytes.prefix(count))
  }

  /// Whether `bytes` stand at `place` of `all`.
  private static func stand(_ bytes: [UInt8], at place: Int, of all: [UInt8]) -> Bool {
    place + bytes.count <= all.count
      && all.withUnsafeBytes { memcmp($0.baseAddress! + place, bytes, bytes.count) == 0 }
  }

  private static let configuration = TLSConfiguration(protocols: ["warren-test"])

  /// Sends back whatever comes, and finishes when the other side has.
  private static func echo(_ result: Result<TLSConnection, any Error>) async throws {
    let connection = try result.get()
    while let bytes = try await connection.read() { try await connection.write(bytes) }
    try await connection.finish()
    await connection.close()
  }

  @Test(
    "makes both known to each other, and brings bytes there and back to a clean end",
    arguments: TwoMachines.allCases)
  func echoes(world: TwoMachines) async throws {
    try await world.run { machines in
      let seen = Guarded<PeerID?>(nil)
      try await Self.connect(machines) { result in
        seen.withLock { $0 = try? result.get().peer }
        try await Self.echo(result)
      } _: { tcp, keys in
        let start = machines.alice.now
        let connection = try await TLSConnection.connect(
          over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.bob.peerID)
        #expect(connection.peer == keys.bob.peerID && connection.protocolName == "warren-test")
        // One round trip for TLS itself.
        if world == .simulated { #expect(start.duration(to: machines.alice.now) < .milliseconds(60)) }
        try await connection.write([])
        for size in [1, 1000, 100_000] {
          let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
          try await connection.write(bytes)
          var back: [UInt8] = []
          while back.count < size {
            back += try #require(try await connection.read(atMost: size - back.count))
          }
          #expect(back == bytes)
        }
        try await connection.finish()
        #expect(try await connection.read() == nil)
        #expect(try await connection.read() == nil, "the end stays the end")
        await #expect(throws: TLSError(.closed)) { try await connection.write([1]) }
        await connection.close()
        await connection.close()
        #expect(seen.withLock { $0 } == keys.alice.peerID)
      }
    }
  }

  @Test("does not come about with somebody else, and both are told", arguments: TwoMachines.allCases)
  func wrongPeer(world: TwoMachines) async throws {
    try await world.run { machines in
      let heard = Guarded<(any Error)?>(nil)
      try await Self.connect(machines) { result in
        heard.withLock { if case .failure(let error) = result { $0 = error } }
      } _: { tcp, keys in
        await #expect(throws: TLSError(.wrongPeer(keys.bob.peerID))) {
          _ = try await TLSConnection.connect(
            over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.alice.peerID)
        }
        #expect(tcp.phase == .closed)
      }
      #expect(heard.withLock { $0 } as? TLSError == TLSError(.alert(42), isRemote: true))
    }
  }

  @Test("does not let in who is not accepted, and both are told", arguments: TwoMachines.allCases)
  func unwanted(world: TwoMachines) async throws {
    try await world.run { machines in
      let heard = Guarded<(any Error)?>(nil)
      let caller = Guarded<PeerID?>(nil)
      try await Self.connect(machines, { $0.accepts = { _ in false } }) { result in
        heard.withLock { if case .failure(let error) = result { $0 = error } }
      } _: { tcp, keys in
        caller.withLock { $0 = keys.alice.peerID }
        // A client believes that it is connected before it can know that it is not wanted.
        let connection = try await TLSConnection.connect(
          over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.bob.peerID)
        await #expect(throws: TLSError(.alert(49), isRemote: true)) { try await connection.read() }
        await #expect(throws: TLSError(.alert(49), isRemote: true)) { try await connection.write([1]) }
        await connection.close()
      }
      #expect(
        heard.withLock { $0 } as? TLSError == caller.withLock { $0 }.map { TLSError(.unwantedPeer($0)) })
    }
  }

  @Test(
    "carries 10 MB each way at once, to readers who take their time", arguments: TwoMachines.allCases)
  func large(world: TwoMachines) async throws {
    let streams = [Self.pattern(10_000_000, seed: 1), Self.pattern(10_000_000, seed: 2)]
    /// Writes, and reads slowly at the same time: two tasks on one connection.
    @Sendable func exchange(_ connection: TLSConnection, on machine: any Machine, side: Int) async throws {
      let writing = machine.spawn("a writer") {
        try await connection.write(streams[side])
        try await connection.finish()
      }
      var (count, wrong, turn) = (0, 0, 0)
      while let bytes = try await connection.read(atMost: 40_000) {
        if !Self.stand(bytes, at: count, of: streams[1 - side]) { wrong += 1 }
        count += bytes.count
        turn += 1
        if turn % 50 == 0 { try await machine.sleep(for: .milliseconds(1)) }
      }
      try await writing.value
      #expect(count == streams[1 - side].count && wrong == 0)
      await connection.close()
    }
    try await world.run { machines in
      try await Self.connect(machines) { result in
        try await exchange(try result.get(), on: machines.bob, side: 0)
      } _: { tcp, keys in
        let connection = try await TLSConnection.connect(
          over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.bob.peerID)
        try await exchange(connection, on: machines.alice, side: 1)
      }
    }
  }

  @Test("tells an end that was said from one that just came", arguments: TwoMachines.allCases, [false, true])
  func truncated(world: TwoMachines, isReset: Bool) async throws {
    try await world.run { machines in
      try await Self.connect(machines) { result in
        let connection = try result.get()
        #expect(try await connection.read() == [1])
        await #expect {
          _ = try await connection.read()
        } throws: { error in
          isReset ? error is NetworkError : error as? TLSError == TLSError(.truncated)
        }
        await connection.close()
      } _: { tcp, keys in
        let connection = try await TLSConnection.connect(
          over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.bob.peerID)
        try await connection.write([1])
        try await machines.alice.sleep(for: .milliseconds(100))
        // As if somebody had pulled the plug.
        if isReset { tcp.reset() } else { tcp.close() }
        await #expect(throws: NetworkError.closed) { try await connection.read() }
        await connection.close()
      }
    }
  }

  @Test(
    "gives up a handshake with whoever is silent, or is not wanted any more", arguments: TwoMachines.allCases)
  func silent(world: TwoMachines) async throws {
    try await world.run { machines in
      var random = machines.alice.random
      let identity = try TLSIdentity(PrivateKey(using: &random))
      let listener = try machines.alice.listenTCP(on: .any(.v4))
      let address = SocketAddress(machines.aliceIP(.v4), port: listener.localAddress.port)
      var configuration = Self.configuration
      configuration.handshakeTimeout = .milliseconds(200)
      for isServer in [false, true] {
        let tcp = try await machines.alice.connectTCP(to: address)
        let start = machines.alice.now
        await #expect(throws: TLSError(.handshakeTimeout)) {
          _ =
            isServer
            ? try await TLSConnection.accept(over: tcp, identity, configuration)
            : try await TLSConnection.connect(over: tcp, identity, configuration, expecting: nil)
        }
        if world == .simulated { #expect(start.duration(to: machines.alice.now) == .milliseconds(200)) }
        #expect(tcp.phase == .closed)
        try await listener.accept().close()
      }
      let shaking = machines.alice.spawn("a handshake") {
        let tcp = try await machines.alice.connectTCP(to: address)
        _ = try await TLSConnection.connect(over: tcp, identity, Self.configuration, expecting: nil)
      }
      try await machines.alice.sleep(for: .milliseconds(120))
      shaking.cancel()
      await #expect(throws: CancellationError.self) { try await shaking.value }
      #expect(machines.alice.waits.waiting == [])
      // Both ends of it are closed.
      let other = try await listener.accept()
      while try await other.read() != nil {}
      other.close()
      listener.close()
    }
  }

  @Test("goes on as it was when a call that waits is cancelled", arguments: TwoMachines.allCases)
  func cancelled(world: TwoMachines) async throws {
    let bytes = Self.pattern(30_000_000, seed: 1)
    try await world.run { machines in
      let mayRead = Guarded(false)
      try await Self.connect(machines) { result in
        let connection = try result.get()
        while !mayRead.withLock({ $0 }) { try await machines.bob.sleep(for: .milliseconds(10)) }
        var all: [UInt8] = []
        while let bytes = try await connection.read() { all += bytes }
        // Nobody knows how many, but they are the first, and the end is in order.
        #expect(all.count > 100_000 && all.count < bytes.count && Self.stand(all, at: 0, of: bytes))
        try await connection.write([9])
        try await connection.finish()
        await connection.close()
      } _: { tcp, keys in
        let connection = try await TLSConnection.connect(
          over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.bob.peerID)
        let reading = machines.alice.spawn("a reader") { try await connection.read() }
        // More than all buffers on the way hold, and nobody reads.
        let writing = machines.alice.spawn("a writer") { try await connection.write(bytes) }
        try await machines.alice.sleep(for: .seconds(1))
        #expect(machines.alice.waits.waiting.count == 2, "both wait")
        reading.cancel()
        writing.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
        await #expect(throws: CancellationError.self) { try await writing.value }
        mayRead.withLock { $0 = true }
        try await connection.finish()
        #expect(try await connection.read() == [9])
        #expect(try await connection.read() == nil)
        await connection.close()
      }
    }
  }

  @Test(
    "ends the calls that wait when it is closed, and leaves nothing behind", arguments: TwoMachines.allCases)
  func closed(world: TwoMachines) async throws {
    nonisolated(unsafe) weak var left: TLSConnection?
    nonisolated(unsafe) weak var leftTCP: (any TCPConnection)?
    try await world.run { machines in
      try await Self.connect(machines) { result in
        let connection = try result.get()
        #expect(try await connection.read() == nil, "closing says that this was all")
        await connection.close()
      } _: { tcp, keys in
        let connection = try await TLSConnection.connect(
          over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.bob.peerID)
        (left, leftTCP) = (connection, tcp)
        let reading = machines.alice.spawn("a reader") { try await connection.read() }
        try await machines.alice.sleep(for: .milliseconds(50))
        await connection.close()
        await #expect(throws: TLSError(.closed)) { try await reading.value }
        await #expect(throws: TLSError(.closed)) { try await connection.read() }
        await #expect(throws: TLSError(.closed)) { try await connection.write([1]) }
        await #expect(throws: TLSError(.closed)) { try await connection.finish() }
      }
      try await machines.alice.sleep(for: .seconds(1))
      for machine in [machines.alice, machines.bob] { #expect(machine.waits.waiting == []) }
      #expect(!machines.bob.waits.runningTasks.contains("serving"))
    }
    #expect(left == nil && leftTCP == nil)
  }

  @Test(
    "is the same through loss and over a long way, for whatever seed", arguments: 1...5 as ClosedRange<UInt64>
  )
  func lossy(seed: UInt64) async throws {
    var link = LinkConfiguration(latency: .milliseconds(80))
    (link.jitter, link.loss) = (.milliseconds(20), 0.05)
    let world = World(seed: seed) { [link] in
      Server("alice").linked(link)
      Server("bob")
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      let machines = TwoMachines.Pair(
        alice: alice, bob: bob, bobIP: { bob.address($0) }, aliceIP: { alice.address($0) })
      try await Self.connect(machines) { result in
        try await Self.echo(result)
      } _: { tcp, keys in
        let connection = try await TLSConnection.connect(
          over: tcp, TLSIdentity(keys.alice), Self.configuration, expecting: keys.bob.peerID)
        var random = SeededRandom(seed)
        let bytes = random.bytes(300_000)
        let writing = machines.alice.spawn("a writer") {
          try await connection.write(bytes)
          try await connection.finish()
        }
        var back: [UInt8] = []
        while let more = try await connection.read() { back += more }
        try await writing.value
        #expect(back == bytes)
        await connection.close()
      }
    }
  }
}
