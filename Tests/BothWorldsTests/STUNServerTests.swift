import Testing
import Warren
import WarrenSimulator

@Suite("A STUN server, written once")
struct STUNServerTests {
  private static func question(on machine: any Machine) -> [UInt8] {
    var writer = STUNMessageWriter()
    var random = machine.random
    writer.begin(.request, .binding, TransactionID(using: &random))
    return writer.copy
  }

  private static func mapped(_ bytes: [UInt8]) throws -> SocketAddress? {
    let message = try STUNMessage(bytes.span.bytes)
    return message.mappedAddress
  }

  @Test(
    "answers over TCP, in whatever pieces it is asked, and hangs up when it stops",
    arguments: TwoMachines.allCases)
  func overTCP(world: TwoMachines) async throws {
    try await world.run { pair in
      let (alice, server) = (pair.alice, STUNServer(on: pair.bob))
      let address = try await server.start(at: SocketAddress(pair.bobIP(.v4), port: 0)).primary
      let connection = try alice.openTCP(to: address, options: TCPOptions())
      try await connection.opened()
      for byte in Self.question(on: alice) { try await connection.write([byte]) }
      var answer: [UInt8] = []
      while answer.count < 32, let more = try await connection.read() { answer += more }
      #expect(try Self.mapped(answer) == connection.localAddress)
      #expect(await server.callerCount == 1)

      await server.stop()
      do {
        #expect(try await connection.read() == nil)
      } catch {
        // It is reset: that is an end as well.
        #expect(error is NetworkError)
      }
      connection.close()
      #expect(await server.callerCount == 0)
    }
  }

  @Test("chooses another port where the first is free for UDP alone", arguments: [false, true])
  func takenPort(hasAlternate: Bool) async throws {
    var chosen: [SocketAddress] = []
    for attempt in 0..<2 {
      let taken = chosen.first
      let result = Guarded<[SocketAddress]>([])
      try await TwoMachines.simulated.run { pair in
        let machine = pair.bob
        let own = SocketAddress(pair.bobIP(.v4), port: 0)
        // The same seed chooses the same port, which another program has this time.
        let other = try taken.map { try machine.listenTCP(on: $0) }
        let server = STUNServer(on: machine)
        let addresses = try await server.start(
          at: own, alternate: hasAlternate ? .loopback(.v4) : nil)
        result.withLock { $0 = [addresses.primary] }
        let connection = try await pair.alice.connectTCP(to: addresses.primary)
        try await connection.write(Self.question(on: pair.alice))
        let answer = try #require(try await connection.read())
        #expect(try Self.mapped(answer) == connection.localAddress)
        connection.close()
        await server.stop()
        // Nothing is left open of what was tried.
        if let taken { try machine.bindUDP(to: taken).close() }
        other?.close()
      }
      chosen += result.withLock { $0 }
      #expect(chosen.count == attempt + 1)
    }
    #expect(chosen[0] != chosen[1])
  }

  @Test("hangs up on who says nothing, or says what is no STUN")
  func silence() async throws {
    try await TwoMachines.simulated.run { pair in
      let (alice, server) = (pair.alice, STUNServer(on: pair.bob))
      let address = try await server.start(at: SocketAddress(pair.bobIP(.v4), port: 3478)).primary
      let silent = try alice.openTCP(to: address, options: TCPOptions())
      try await silent.opened()
      let hostile = try alice.openTCP(to: address, options: TCPOptions())
      try await hostile.opened()
      try await hostile.write(Array("GET / HTTP/1.1\r\n\r\n GET GET".utf8))
      try await alice.sleep(for: .seconds(1))
      #expect(await server.callerCount == 1)
      try await alice.sleep(for: STUNLimits.callerPatience)
      #expect(await server.callerCount == 0)
      silent.close()
      hostile.close()
      await server.stop()
    }
  }

  @Test("has no more callers over TCP than it can have, and takes a new one instead of the first")
  func crowd() async throws {
    try await TwoMachines.simulated.run { pair in
      let (alice, server) = (pair.alice, STUNServer(on: pair.bob))
      let address = try await server.start(at: SocketAddress(pair.bobIP(.v4), port: 3478)).primary
      nonisolated(unsafe) var connections: [any TCPConnection] = []
      for _ in 0..<STUNLimits.callers + 50 {
        connections.append(try alice.openTCP(to: address, options: TCPOptions()))
      }
      // Those whom the listener's queue had no room for try again after 1, 3 and 7 s.
      try await alice.sleep(for: .seconds(20))
      #expect(await server.callerCount == STUNLimits.callers)
      let new = try alice.openTCP(to: address, options: TCPOptions())
      try await new.opened()
      try await new.write(Self.question(on: alice))
      #expect(try await new.read()?.isEmpty == false)
      #expect(await server.callerCount == STUNLimits.callers)
      new.close()
      for connection in connections { connection.close() }
      try await alice.sleep(for: .seconds(2))
      #expect(await server.callerCount == 0)
      let late = try alice.openTCP(to: address, options: TCPOptions())
      try await late.opened()
      try await alice.sleep(for: .milliseconds(100))
      #expect(await server.callerCount == 1)
      late.close()
      await server.stop()
    }
  }
}
