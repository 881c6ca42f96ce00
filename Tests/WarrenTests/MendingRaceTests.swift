import Testing
import WarrenLaboratory
import WarrenSimulator

@testable import Warren

@Suite("Two who mend one connection")
struct MendingRaceTests {
  @Test("leave nothing behind where it ends while one of them gives way")
  func ends() async throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let world = World(seed: seed) {
        Place.portRestricted.node("alice")
        Place.portRestricted.node("bob")
        Server("registry").linked(.access)
        Server("stun").linked(.access)
      }
      try await world.run { world in
        let setting = try await PeerSetting(in: world)
        let alice = try await setting.peer("alice") { $0.policy = .everyone }
        let bob = try await setting.peer("bob") { $0.policy = .everyone }
        let connection = try await alice.connect(to: bob.id)
        try await alice.machine.sleep(for: .seconds(30))
        // The one with the higher key gives way.
        let (one, other) = alice.id > bob.id ? (alice, bob) : (bob, alice)
        let asked = one.machine.spawn("the other's wish") { await one.giveWay(to: other.id) }
        await connection.close()
        try await asked.value
        try await one.machine.sleep(for: .seconds(1))
        #expect(await one.connectedPeers.isEmpty)
        #expect(await one.mends == 0, "seed \(seed)")
        await alice.close()
        await bob.close()
        await setting.close()
      }
    }
  }
}

extension Peer {
  /// How many ways are being looked for.
  fileprivate var mends: Int { approaches.count { $0.isMending && !$0.isOver } }

  /// It looks for a way when the other side says that it does.
  fileprivate func giveWay(to peer: PeerID) async {
    guard let adopted = table.adopted(peer) else { return }
    let own = Approach(.ours, with: peer, at: machine.now)
    own.mended = adopted
    // Nobody answers to it, which takes a moment to say.
    own.introduction = 999
    adopted.mending[.udp] = own
    await takeMending(Introduction(id: 1000, of: peer, at: [], isQuestion: false), .udp)
  }
}
