import TestSupport
import Testing
import Warren
import WarrenCrypto

@testable import WarrenQUIC

@Suite("QUIC between two machines")
struct QUICTests {
  /// An endpoint on each machine, and a connection between them.
  struct Pair {
    let alice, bob: QUICEndpoint
    let keys: (alice: PrivateKey, bob: PrivateKey)
    let address: SocketAddress
    let one, other: Connection

    func close() async {
      await alice.close()
      await bob.close()
    }
  }

  private static func endpoint(
    on machine: any Machine, _ change: (inout QUICConfiguration) -> Void = { _ in }
  ) throws -> (QUICEndpoint, PrivateKey) {
    var random = machine.random
    let key = PrivateKey(using: &random)
    var configuration = QUICConfiguration(protocols: ["warren-test"])
    change(&configuration)
    return (QUICEndpoint(on: machine, try QUICIdentity(key), configuration), key)
  }

  private func connect(
    _ world: TwoMachines, _ change: @escaping @Sendable (inout QUICConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (Pair, TwoMachines.Pair) async throws -> Void
  ) async throws {
    try await world.run { machines in
      let (alice, aliceKey) = try Self.endpoint(on: machines.alice, change)
      let (bob, bobKey) = try Self.endpoint(on: machines.bob, change)
      try await alice.bind()
      let port = try await bob.bind().port
      let address = SocketAddress(machines.bobIP(.v4), port: port)
      let one = try await alice.connect(to: address, expecting: bobKey.peerID)
      var arrivals = bob.connections.makeAsyncIterator()
      let other = try #require(await arrivals.next())
      #expect(one.peer == bobKey.peerID && other.peer == aliceKey.peerID)
      let pair = Pair(
        alice: alice, bob: bob, keys: (aliceKey, bobKey), address: address, one: one, other: other)
      try await body(pair, machines)
      await pair.close()
    }
  }

  /// Sends back whatever comes.
  private static func echo(_ connection: Connection, on machine: any Machine) {
    machine.spawn("echo") {
      for await stream in connection.incomingStreams {
        machine.spawn("an echo") {
          for try await chunk in stream { try await stream.write(chunk) }
          try await stream.finish()
        }
      }
    }
  }

  @Test("streams are echoed, one after the other and many at once", arguments: TwoMachines.allCases)
  func echo(world: TwoMachines) async throws {
    try await connect(world) { pair, machines in
      Self.echo(pair.other, on: machines.bob)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<1000 {
          group.addTask {
            let stream = try await pair.one.openStream()
            let bytes = (0..<(number * 7 % 3000)).map { UInt8(truncatingIfNeeded: $0 &* number) }
            try await stream.write(bytes)
            try await stream.finish()
            var back: [UInt8] = []
            for try await chunk in stream { back += chunk }
            #expect(back == bytes)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test(
    "a large transfer arrives whole, and its writer waits for its reader", arguments: TwoMachines.allCases)
  func large(world: TwoMachines) async throws {
    try await connect(world) { pair, machines in
      let size = 4_000_000
      let writing = machines.alice.spawn("writer") {
        let stream = try await pair.one.openStream(isBidirectional: false)
        var random = SeededRandom(1)
        for _ in 0..<(size / 40_000) { try await stream.write(random.bytes(40_000)) }
        try await stream.finish()
      }
      var streams = pair.other.incomingStreams.makeAsyncIterator()
      let stream = try #require(await streams.next())
      var random = SeededRandom(1)
      var count = 0
      var expected: ArraySlice<UInt8> = []
      var wrong = 0
      for try await chunk in stream {
        count += chunk.count
        var rest = chunk[...]
        while !rest.isEmpty {
          if expected.isEmpty { expected = random.bytes(40_000)[...] }
          let step = min(rest.count, expected.count)
          if rest.prefix(step) != expected.prefix(step) { wrong += 1 }
          rest = rest.dropFirst(step)
          expected = expected.dropFirst(step)
        }
      }
      try await writing.value
      #expect(count == size && wrong == 0)
    }
  }

  @Test("datagrams come both ways", arguments: TwoMachines.allCases)
  func datagrams(world: TwoMachines) async throws {
    try await connect(world) { pair, machines in
      machines.bob.spawn("echo") {
        for await bytes in pair.other.datagrams { try await pair.other.send(datagram: bytes) }
      }
      let capacity = await pair.one.datagramCapacity
      #expect(capacity > 1100)
      var back = pair.one.datagrams.makeAsyncIterator()
      for size in [0, 1, 100, capacity] {
        try await pair.one.send(datagram: [UInt8](repeating: 7, count: size))
        #expect(await back.next()?.count == size)
      }
      await #expect(throws: QUICError(.datagram)) {
        try await pair.one.send(datagram: [UInt8](repeating: 7, count: 65_000))
      }
    }
  }

  @Test("nothing is left of connections that have ended", arguments: TwoMachines.allCases)
  func leaks(world: TwoMachines) async throws {
    try await world.run { machines in
      let (alice, _) = try Self.endpoint(on: machines.alice)
      let (bob, bobKey) = try Self.endpoint(on: machines.bob)
      try await alice.bind()
      let address = SocketAddress(machines.bobIP(.v4), port: try await bob.bind().port)
      var arrivals = bob.connections.makeAsyncIterator()
      nonisolated(unsafe) var cores: [() -> ConnectionCore?] = []
      for _ in 0..<5 {
        let connection = try await alice.connect(to: address, expecting: bobKey.peerID)
        let other = try #require(await arrivals.next())
        let stream = try await connection.openStream()
        try await stream.write([1])
        for core in [connection.core, other.core] { cores.append { [weak core] in core } }
        await connection.close()
      }
      try await machines.alice.sleep(for: .seconds(4))
      let counts = (await alice.connectionCount, await bob.connectionCount)
      #expect(counts == (0, 0))
      #expect(cores.count == 10 && cores.allSatisfy { $0() == nil })
      await alice.close()
      await bob.close()
    }
  }

  @Test("nothing is left of an endpoint whose connections nobody took", arguments: TwoMachines.allCases)
  func untaken(world: TwoMachines) async throws {
    nonisolated(unsafe) weak var left: QUICEndpoint?
    try await world.run { machines in
      let (alice, _) = try Self.endpoint(on: machines.alice)
      let (bob, bobKey) = try Self.endpoint(on: machines.bob)
      try await alice.bind()
      let address = SocketAddress(machines.bobIP(.v4), port: try await bob.bind().port)
      let connection = try await alice.connect(to: address, expecting: bobKey.peerID)
      _ = try await connection.openStream().write([1])
      try await machines.alice.sleep(for: .milliseconds(100))
      left = bob
      await alice.close()
      await bob.close()
      for await _ in bob.connections { Issue.record("a connection of a closed endpoint") }
    }
    #expect(left == nil)
  }

  @Test("an end is told to everybody who waits", arguments: TwoMachines.allCases)
  func ends(world: TwoMachines) async throws {
    try await connect(world) { pair, machines in
      let stream = try await pair.one.openStream()
      let reading = machines.alice.spawn("a reader") { try await stream.read() }
      let closed = machines.alice.spawn("a watcher") { try await pair.one.closed() }
      try await machines.alice.sleep(for: .milliseconds(20))
      await pair.other.close(code: 9, reason: "enough")
      let error = QUICError(.application(9), reason: "enough", isRemote: true)
      await #expect(throws: error) { try await reading.value }
      #expect(try await closed.value == error)
      await #expect(throws: error) { _ = try await pair.one.openStream() }
      for await _ in pair.one.incomingStreams {}
      for await _ in pair.one.datagrams {}
    }
  }

  @Test(
    "a wait ends when its task is cancelled, and the stream is as it was", arguments: TwoMachines.allCases)
  func cancelled(world: TwoMachines) async throws {
    try await connect(world) { pair, machines in
      Self.echo(pair.other, on: machines.bob)
      let stream = try await pair.one.openStream()
      let reading = machines.alice.spawn("a reader") { try await stream.read() }
      try await machines.alice.sleep(for: .milliseconds(20))
      reading.cancel()
      await #expect(throws: CancellationError.self) { try await reading.value }
      try await stream.write([1, 2, 3])
      #expect(try await stream.read(exactly: 3) == [1, 2, 3])
    }
  }

  @Test("who comes back need not wait to be heard", arguments: TwoMachines.allCases)
  func early(world: TwoMachines) async throws {
    try await world.run { machines in
      let (alice, aliceKey) = try Self.endpoint(on: machines.alice) { $0.permitsEarlyData = true }
      let (bob, bobKey) = try Self.endpoint(on: machines.bob) { $0.permitsEarlyData = true }
      try await alice.bind()
      let address = SocketAddress(machines.bobIP(.v4), port: try await bob.bind().port)
      machines.bob.spawn("serving") {
        for await connection in bob.connections {
          #expect(connection.peer == aliceKey.peerID)
          Self.echo(connection, on: machines.bob)
        }
      }
      for turn in 0..<4 {
        let start = machines.alice.now
        let connection = try await alice.connect(to: address, expecting: bobKey.peerID, early: true)
        let stream = try await connection.openStream()
        try await stream.write([1, 2, 3])
        #expect(try await stream.read(exactly: 3) == [1, 2, 3])
        let took = start.duration(to: machines.alice.now)
        if world == .simulated {
          // 50 ms there and back.
          #expect(took < (turn == 0 ? .milliseconds(115) : .milliseconds(60)), "\(took) the \(turn)th time")
        }
        #expect(connection.peer == bobKey.peerID && connection.protocolName == "warren-test")
        #expect(try await connection.confirmed())
        // Its tickets come after the answer; every other connection has ended before.
        if turn % 2 == 0 { try await machines.alice.sleep(for: .milliseconds(100)) }
        await connection.close()
      }
      await alice.close()
      await bob.close()
    }
  }

  @Test("nobody is let in who should not be", arguments: TwoMachines.allCases)
  func trust(world: TwoMachines) async throws {
    try await world.run { machines in
      let (alice, aliceKey) = try Self.endpoint(on: machines.alice)
      let (bob, bobKey) = try Self.endpoint(on: machines.bob) { $0.accepts = { $0 != aliceKey.peerID } }
      try await alice.bind()
      let address = SocketAddress(machines.bobIP(.v4), port: try await bob.bind().port)
      await #expect(throws: QUICError(.wrongPeer(bobKey.peerID))) {
        _ = try await alice.connect(to: address, expecting: aliceKey.peerID)
      }
      // A client believes that it is connected before it can know that it is not wanted.
      do {
        let connection = try await alice.connect(to: address, expecting: bobKey.peerID)
        #expect(try await connection.closed() == QUICError(.tls(42), isRemote: true))
      } catch let error as QUICError {
        #expect(error == QUICError(.tls(42), isRemote: true))
      }
      await alice.close()
      await bob.close()
      await #expect(throws: QUICError.self) { _ = try await alice.connect(to: address, expecting: nil) }
    }
  }

  @Test("a dial to where nobody is ends in time, or when it is cancelled", arguments: TwoMachines.allCases)
  func nobody(world: TwoMachines) async throws {
    try await world.run { machines in
      let (alice, _) = try Self.endpoint(on: machines.alice) { $0.handshakeTimeout = .seconds(1) }
      try await alice.bind()
      let nobody = SocketAddress.nobody(at: machines.bobIP(.v4))
      await #expect(throws: QUICError(.handshakeTimeout)) {
        _ = try await alice.connect(to: nobody, expecting: nil)
      }
      let dialling = machines.alice.spawn("a dial") {
        _ = try await alice.connect(to: nobody, expecting: nil)
      }
      try await machines.alice.sleep(for: .milliseconds(20))
      dialling.cancel()
      await #expect(throws: CancellationError.self) { try await dialling.value }
      await alice.close()
    }
  }
}
