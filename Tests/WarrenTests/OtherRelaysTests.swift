import TestSupport
import Testing
import WarrenLaboratory
import WarrenSimulator

@testable import Warren

@Suite("Two whose relays are different ones")
struct OtherRelaysTests {
  /// A relay on this machine.
  private static func relay(on machine: SimulatedMachine) async throws -> (RelayServer, RelayServerAddress) {
    var configuration = RelayConfiguration(
      RelayCredentials(users: ["peer": "open sesame"]), at: RelayAddress(machine.address(.v4)))
    configuration.permits = [IPPrefix(.any(.v4), length: 0)]
    let relay = RelayServer(on: machine, configuration)
    let address = SocketAddress(machine.address(.v4), port: 3478)
    _ = try await relay.start(at: address)
    let server = RelayServerAddress(
      host: "\(address.ip)", port: 3478, transport: .udp, username: "peer", password: "open sesame")
    return (relay, server)
  }

  @Test("connect, and say where their relays are as long as they have them and no longer")
  func announced() async throws {
    let world = World(seed: 1) {
      Place.random.node("alice")
      Place.random.node("bob")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
      Server("relay").linked(.access)
      Server("other").linked(.access)
    }
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      let (relay, server) = try await Self.relay(on: world.machine("relay"))
      let (other, otherServer) = try await Self.relay(on: world.machine("other"))
      let a = try await setting.peer("alice") { $0.relays = [server] }
      let b = try await setting.peer("bob") { ($0.relays, $0.policy) = ([otherServer], .everyone) }
      #expect(await a.attestedRelays.isEmpty)
      let connection = try await a.connect(to: b.id)
      #expect(await connection.path.kind == .relayed)
      let first = await a.attestedRelays
      #expect(await first.map(\.address) == a.relayedAddresses && !first.isEmpty)
      #expect(await a.announcement.relayed == first)
      // A proof is good for a while, and there is a new one in time.
      try await a.machine.sleep(for: RegistryLimits.attestationPeriod * 3)
      let later = await a.attestedRelays
      #expect(later.map(\.address) == first.map(\.address) && later.map(\.proof) != first.map(\.proof))
      await connection.close()
      try await a.machine.sleep(for: PeerLimits.keepingRelays + .seconds(20))
      #expect(await a.attestedRelays.isEmpty)
      #expect(await a.announcement.relayed.isEmpty)
      await a.close()
      await b.close()
      for server in [relay, other] { await server.stop() }
      await setting.close()
    }
  }

  @Test("do not ask about a relay that is the registry's own")
  func registrysOwn() async throws {
    let world = World(seed: 1) {
      Place.random.node("alice")
      Place.random.node("bob")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    try await world.run { world in
      let setting = try await PeerSetting(in: world, relays: true)
      let a = try await setting.peer("alice")
      let b = try await setting.peer("bob") { $0.policy = .everyone }
      let connection = try await a.connect(to: b.id)
      #expect(await connection.path.kind == .relayed)
      #expect(await !a.relayedAddresses.isEmpty)
      #expect(await a.attestedRelays.isEmpty)
      await a.close()
      await b.close()
      await setting.close()
    }
  }
}
