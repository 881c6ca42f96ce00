import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenRelay

@Suite("QUIC over relays")
struct RelayedQUICTests {
  /// An endpoint whose only way is a relayed socket.
  private static func endpoint(
    over socket: RelayedSocket, on machine: any Machine, _ key: PrivateKey
  ) async throws -> QUICEndpoint {
    let endpoint = QUICEndpoint(
      on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["warren-test"]))
    await endpoint.use(socket)
    return endpoint
  }

  /// Sends bytes there and back between two endpoints, each behind a relay.
  static func transfer(
    _ count: Int, on machine: any Machine, from alice: RelayedSocket, to bob: RelayedSocket
  ) async throws {
    var random = machine.random
    let keys = (PrivateKey(using: &random), PrivateKey(using: &random))
    let client = try await endpoint(over: alice, on: machine, keys.0)
    let server = try await endpoint(over: bob, on: machine, keys.1)
    bob.permit([alice.localAddress.ip])
    let serving = machine.spawn("an echo") {
      for await connection in server.connections {
        for await stream in connection.incomingStreams {
          for try await chunk in stream { try await stream.write(chunk) }
          try await stream.finish()
        }
      }
    }
    let connection = try await client.connect(to: bob.localAddress, expecting: keys.1.peerID)
    let stream = try await connection.openStream()
    let bytes = SeededRandom.stretch(count)
    machine.spawn("a writer") {
      try await stream.write(bytes)
      try await stream.finish()
    }
    var back: [UInt8] = []
    for try await chunk in stream { back += chunk }
    #expect(back == bytes)
    await client.close()
    await server.close()
    serving.cancel()
    _ = await serving.result
  }

  @Test(
    "carries every byte, in order", arguments: RelayWorld.allCases, [RelayServerAddress.Transport.udp, .tcp])
  func carries(world: RelayWorld, transport: RelayServerAddress.Transport) async throws {
    try await world.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let any = SocketAddress(scene.serverIP(.v4), port: 0)
      let address = transport == .udp ? try await relay.start(at: any) : try await relay.listen(at: any)
      let server = RelayedSocketTests.server(address, transport)
      let alice = try await RelayClient.allocate(at: [server], on: scene.client)
      let bob = try await RelayClient.allocate(at: [server], on: scene.client)
      try await Self.transfer(300_000, on: scene.client, from: alice, to: bob)
      alice.close()
      bob.close()
      try await RelayedSocketTests.until(scene.client) { await relay.core.allocations.isEmpty }
      await relay.stop()
    }
  }
}

extension SeededRandom {
  /// So many bytes, which are not alike for long.
  static func stretch(_ count: Int) -> [UInt8] {
    var random = SeededRandom(9)
    return random.bytes(count)
  }
}
