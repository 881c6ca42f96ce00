import TestSupport
import Testing
import WarrenSimulator

@testable import Warren
@testable import WarrenLaboratory

@Suite("Two whose relays are different ones")
struct OtherRelaysTests {
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
      let (relay, servers) = try await PathTrial.secondRelay(in: world)
      let (other, otherServers) = try await PathTrial.secondRelay(in: world, on: "other")
      let a = try await setting.peer("alice") { $0.relays = [servers[0]] }
      let b = try await setting.peer("bob") { ($0.relays, $0.policy) = ([otherServers[0]], .everyone) }
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
