import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("Strangers who connect over TCP")
struct StrangerTests {
  @Test("are forgotten, however many there are, and the peer still gets in")
  func crowd() async throws {
    let world = World(seed: 1) {
      Machine("alice")
      Machine("bob")
      Machine("mallory")
    }
    try await world.run { world in
      let (alice, bob, mallory) = (world.machine("alice"), world.machine("bob"), world.machine("mallory"))
      var configuration = PunchConfiguration()
      configuration.transports = [.tcp]
      configuration.families = [.v4]
      let a = HolePuncher(on: alice, role: .controlling, configuration)
      try await a.start()
      let description = try #require(await a.firstDescription)
      let address = description.candidates[0].address
      // Some say nothing, some what is no STUN, some what is not signed.
      for round in 0..<20 {
        nonisolated(unsafe) var connections: [any TCPConnection] = []
        for number in 0..<30 {
          let connection = try mallory.openTCP(to: address, options: TCPOptions())
          connections.append(connection)
          try await connection.opened()
          if number % 3 == 1 { try await connection.write(Array("GET / HTTP/1.1\r\n\r\n".utf8)) }
          if number % 3 == 2 {
            var check = STUNMessageWriter()
            check.begin(.request, .binding, TransactionID(UInt32(round), UInt64(number)))
            check.add(.username, "\(description.usernameFragment):them")
            check.sign(with: STUNKey(password: "not the password"), .sha1)
            check.addFingerprint()
            try await connection.write([0, UInt8(check.byteCount)] + check.copy)
          }
        }
        try await mallory.sleep(for: PunchLimits.proofPatience + .seconds(1))
        for connection in connections { connection.close() }
      }
      #expect(await a.paths.isEmpty)

      let b = HolePuncher(on: bob, role: .controlled, configuration)
      bob.spawn("signals of bob") { for await signal in b.signals { await a.receive(signal) } }
      try await b.start()
      await b.receive(PunchSignal(.description(description)))
      let path = try await alice.withDeadline(.seconds(2)) { try await a.firstPath() }
      #expect(path.remote.ip == bob.address())
      await a.close()
      await b.close()
    }
  }
}
