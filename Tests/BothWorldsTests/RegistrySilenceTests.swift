import Testing
import Warren
import WarrenSimulator

@Suite("A registry over TLS")
struct RegistrySilenceTests {
  @Test("lets go of a peer that says nothing, and not before its time")
  func silence() async throws {
    try await TwoMachines.simulated.run { machines in
      var random = machines.bob.random
      let key = PrivateKey(using: &random)
      let server = RegistryServer(Registry(on: machines.bob), on: machines.bob, key: key)
      var address = try await server.start()
      address.host = "\(machines.bobIP(.v4))"
      let remote = SocketAddress(machines.bobIP(.v4), port: address.port)
      let identity = try TLSIdentity(PrivateKey(using: &random))
      let tcp = try await machines.alice.connectTCP(to: remote)
      let connection = try await TLSConnection.connect(
        over: tcp, identity, TLSConfiguration(protocols: [RegistryMessage.protocolName]),
        expecting: key.peerID)
      // It says what it speaks, is welcomed, and says that it is there once more in time.
      let hello: [UInt8] = [0, 5, 0, 0, 0, 0, 0]
      try await connection.write(hello)
      #expect(try await connection.read() != nil)
      try await machines.alice.sleep(for: RegistryLimits.silence - .seconds(1))
      try await connection.write(hello)
      try await machines.alice.sleep(for: RegistryLimits.silence - .seconds(1))
      #expect(await server.sessionCount == 1)
      try await machines.alice.sleep(for: .seconds(2))
      #expect(await server.sessionCount == 0)
      #expect(try await connection.read() == nil)
      await connection.close()
      await server.stop()
    }
  }
}
