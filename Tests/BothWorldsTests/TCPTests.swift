import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("A TCP connection")
struct TCPTests {
  /// Somebody who reads, and whom each call takes a turn.
  private actor Reader {
    let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

    init(on machine: any Machine) { self.machine = machine }

    func read(_ connection: any TCPConnection) async throws { _ = try await connection.read() }
    func accept(from listener: any TCPListener) async throws { _ = try await listener.accept() }
  }

  /// A listener of bob's, on alice's task: in both worlds calls on bob must run on bob.
  private func connected(
    _ pair: TwoMachines.Pair, _ body: @escaping @Sendable (any TCPConnection) async throws -> Void,
    other: @escaping @Sendable (any TCPConnection) async throws -> Void
  ) async throws {
    let (ports, continuation) = AsyncStream.makeStream(of: UInt16.self)
    let bob = pair.bob.spawn("bob") {
      let listener = try pair.bob.listenTCP(on: .any(.v4))
      continuation.yield(listener.localAddress.port)
      continuation.finish()
      let connection = try await listener.accept()
      listener.close()
      try await other(connection)
    }
    var port: UInt16 = 0
    for await value in ports { port = value }
    let connection = try await pair.alice.connectTCP(to: SocketAddress(pair.bobIP(.v4), port: port))
    try await body(connection)
    try await bob.value
  }

  @Test("is refused where nothing listens, and says by whom", arguments: TwoMachines.allCases)
  func refused(world: TwoMachines) async throws {
    try await world.run { pair in
      let target = SocketAddress.nobody(at: pair.bobIP(.v4))
      await #expect(throws: NetworkError.connectionRefused(target)) {
        _ = try await pair.alice.connectTCP(to: target)
      }
    }
  }

  @Test(
    "ends whoever reads when it is closed, also in the moment in which they begin",
    arguments: 1...40 as ClosedRange<UInt64>)
  func closedMeanwhile(seed: UInt64) async throws {
    let world = World(seed: seed) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      nonisolated(unsafe) let listener = try bob.listenTCP(on: .any(.v4, port: 7))
      bob.spawn("bob") { _ = try await listener.accept() }
      nonisolated(unsafe) let connection = try await alice.connectTCP(
        to: SocketAddress(bob.address(.v4), port: 7))
      let reader = Reader(on: alice)
      let reading = alice.spawn("reading") {
        try await alice.withDeadline(.seconds(5)) { try await reader.read(connection) }
      }
      let closing = alice.spawn("closing") { connection.close() }
      await #expect(throws: NetworkError.closed) { try await reading.value }
      try await closing.value
    }
  }

  @Test(
    "is waited for no more when its listener is closed, also in the moment in which that begins",
    arguments: 1...40 as ClosedRange<UInt64>)
  func listenerClosedMeanwhile(seed: UInt64) async throws {
    let world = World(seed: seed) { Server("bob") }
    try await world.run { world in
      let bob = world.machine("bob")
      nonisolated(unsafe) let listener = try bob.listenTCP(on: .any(.v4, port: 7))
      let reader = Reader(on: bob)
      let accepting = bob.spawn("accepting") {
        try await bob.withDeadline(.seconds(5)) { try await reader.accept(from: listener) }
      }
      let closing = bob.spawn("closing") { listener.close() }
      await #expect(throws: NetworkError.closed) { try await accepting.value }
      try await closing.value
    }
  }

  @Test("lets one side finish while the other goes on", arguments: TwoMachines.allCases)
  func halfClose(world: TwoMachines) async throws {
    try await world.run { pair in
      try await connected(pair) { connection in
        try await connection.write(Array("question".utf8))
        try connection.finish()
        #expect(throws: NetworkError.finished) { try connection.writeNow([1 as UInt8].span.bytes) }
        #expect(try await connection.read(exactly: 6) == Array("answer".utf8))
        #expect(try await connection.read() == nil)
        #expect(try await connection.read() == nil, "the end stays the end")
        connection.close()
        await #expect(throws: NetworkError.closed) { try await connection.read() }
      } other: { connection in
        var question: [UInt8] = []
        while let more = try await connection.read() { question += more }
        #expect(question == Array("question".utf8))
        try await connection.write(Array("answer".utf8))
        connection.close()
      }
    }
  }

  @Test("tells the other side when it is reset", arguments: TwoMachines.allCases)
  func reset(world: TwoMachines) async throws {
    try await world.run { pair in
      try await connected(pair) { connection in
        try await connection.write([1])
        await #expect(throws: NetworkError.connectionReset(connection.remoteAddress)) {
          _ = try await connection.read()
        }
        connection.close()
      } other: { connection in
        let heard = try await connection.read()
        #expect(heard == [1])
        connection.reset()
      }
    }
  }

  @Test(
    "stops taking bytes when nobody reads, and goes on when somebody does", arguments: TwoMachines.allCases)
  func backPressure(world: TwoMachines) async throws {
    let total = 8_000_000
    try await world.run { pair in
      try await connected(pair) { connection in
        let chunk = [UInt8](repeating: 5, count: 100_000)
        var taken = 0
        // As much as goes in without waiting, on two occasions: far less than all of it.
        for _ in 0..<2 {
          while case let more = try connection.writeNow(chunk.span.bytes), more > 0 { taken += more }
          try await pair.alice.sleep(for: .milliseconds(200))
        }
        #expect(taken < total)
        try await connection.write(Array(repeating: 5, count: total - taken))
        try connection.finish()
        #expect(try await connection.read() == nil)
        connection.close()
      } other: { connection in
        try await pair.bob.sleep(for: .milliseconds(600))
        var received = 0
        while let more = try await connection.read() { received += more.count }
        #expect(received == total)
        connection.close()
      }
    }
  }

  @Test("opens when both sides call each other at once, and nobody listens", arguments: TwoMachines.allCases)
  func simultaneousOpen(world: TwoMachines) async throws {
    try await world.run { pair in
      // Ports that nobody else has, found by binding them for a moment.
      func freePort(_ machine: any Machine) async throws -> UInt16 {
        try await machine.run {
          let listener = try machine.listenTCP(on: .any(.v4))
          defer { listener.close() }
          return listener.localAddress.port
        }
      }
      let alicePort = try await freePort(pair.alice)
      let bobPort = try await freePort(pair.bob)
      func call(
        _ machine: any Machine, from port: UInt16, at own: IPAddress, _ target: SocketAddress,
        say word: String
      ) -> Task<String, any Error> {
        machine.spawn("call \(target)") {
          var options = TCPOptions()
          options.localAddress = SocketAddress(own, port: port)
          options.sharesPort = true
          // Whoever is first is refused: it calls again until the calls cross. Two that keep step never would.
          let connection = try await machine.withDeadline(.seconds(20)) {
            var random = machine.random
            while true {
              do {
                let connection = try await machine.connectTCP(to: target, options: options)
                return Held(connection)
              } catch NetworkError.connectionRefused {
                try await machine.sleep(for: .microseconds(Int64.random(in: 0...400, using: &random)))
              } catch NetworkError.connectionReset {
                continue
              }
            }
          }.connection
          try await connection.write(Array(word.utf8))
          try connection.finish()
          var heard: [UInt8] = []
          while let more = try await connection.read() { heard += more }
          connection.close()
          return String(decoding: heard, as: UTF8.self)
        }
      }
      let alice = call(
        pair.alice, from: alicePort, at: pair.aliceIP(.v4), SocketAddress(pair.bobIP(.v4), port: bobPort),
        say: "from alice")
      let bob = call(
        pair.bob, from: bobPort, at: pair.bobIP(.v4), SocketAddress(pair.aliceIP(.v4), port: alicePort),
        say: "from bob")
      #expect(try await alice.value == "from bob")
      #expect(try await bob.value == "from alice")
    }
  }

  /// A connection on its way out of a deadline, on the same machine.
  struct Held: @unchecked Sendable {
    let connection: any TCPConnection
    init(_ connection: any TCPConnection) { self.connection = connection }
  }

  @Test("may listen and call from one port when it is shared", arguments: TwoMachines.allCases)
  func sharedPort(world: TwoMachines) async throws {
    try await world.run { pair in
      let machine = pair.alice
      let called = try machine.listenTCP(on: .any(.v4))
      let target = SocketAddress(pair.aliceIP(.v4), port: called.localAddress.port)
      var options = TCPOptions()
      options.sharesPort = true
      let listener = try machine.listenTCP(on: .any(.v4), options: options)
      let shared = listener.localAddress
      options.localAddress = shared
      let caller = try await machine.connectTCP(to: target, options: options)
      #expect(caller.localAddress.port == shared.port)
      let twin = try machine.listenTCP(on: shared, options: options)
      #expect(throws: NetworkError.addressInUse(shared)) { try machine.listenTCP(on: shared) }
      for listener in [called, listener, twin] { listener.close() }
      caller.close()
    }
  }
}
