import Testing
import WarrenLaboratory
import WarrenSimulator

@testable import Warren

@Suite("Who comes before the registry's word of it")
struct EarlyCallerTests {
  @Test("is let in where somebody waits for just that one, and wants nobody else")
  func isLetIn() async throws {
    let world = World(seed: 1) {
      Server("alice").linked(.ideal)
      Server("bob").linked(.ideal)
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      let alice = try await setting.peer("alice") { $0.policy = .everyone }
      let bob = try await setting.peer("bob") { $0.policy = .decide { _, _ in false } }
      let waiting = bob.machine.spawn("bob waits") { try await bob.wait(forKey: "green frogs") }
      while await setting.server.waitingCount == 0 { try await alice.machine.sleep(for: .milliseconds(1)) }
      world.cut(from: "registry", to: "bob")
      let asking = alice.machine.spawn("alice asks") { try await alice.connect(withKey: "green frogs") }
      try await alice.machine.sleep(for: .milliseconds(150))
      #expect(await alice.connectedPeers == [bob.id], "she has come, and he knows nothing of it")
      world.mend(from: "registry", to: "bob")
      try await alice.machine.sleep(for: .seconds(3))
      #expect(await alice.connectedPeers == [bob.id])
      #expect(await bob.connectedPeers == [alice.id])
      #expect(try await asking.value.peer == bob.id)
      #expect(try await waiting.value.peer == alice.id)
      await alice.close()
      await bob.close()
      await setting.close()
    }
  }
}
