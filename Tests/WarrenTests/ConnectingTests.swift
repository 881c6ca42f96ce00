import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("A peer connects")
struct ConnectingTests {
  private static let easy: [Place] = [
    .public, .fullCone, .restricted, .portRestricted, .firewall, .public.overCarrier,
    .portRestricted.overCarrier,
  ]

  @Test("and its first byte arrives after two round trips", arguments: easy)
  func twoRoundTrips(alice: Place) async throws {
    for bob in Self.easy {
      let outcome = try await PeerTrial(alice: alice, bob: bob).run(seed: 1).outcome
      #expect(outcome.firstByte == PeerTrial.oneWay * 4, "\(alice) to \(bob): \(outcome)")
      #expect(outcome.agree && !outcome.isPunched, "\(alice) to \(bob): \(outcome)")
    }
  }

  @Test(
    "and is heard with its first packet, where the two have met before",
    arguments: [Place.public, .portRestricted])
  func early(alice: Place) async throws {
    for bob in Self.easy + [.random] {
      var trial = PeerTrial(alice: alice, bob: bob)
      trial.isEarly = true
      let outcome = try await trial.run(seed: 1).outcome
      #expect(try #require(outcome.firstByte) <= PeerTrial.oneWay * 2, "\(alice) to \(bob): \(outcome)")
      #expect(outcome.agree && outcome.answered != nil, "\(alice) to \(bob): \(outcome)")
    }
  }

  @Test("with one whom nobody holds: what was started lives until it is closed, or its machine is")
  func unheld() async throws {
    let world = World(seed: 1) {
      for name in ["alice", "bob"] { Machine(name).behind(.portRestrictedCone) }
      for name in ["registry", "stun"] { Server(name).linked(.access) }
    }
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      let connections = try await setting.peer("bob") { $0.policy = .everyone }.connections
      let alice = try await setting.peer("alice") { _ in }
      try await alice.machine.sleep(for: .seconds(60))
      let connection = try await alice.connect(to: "bob")
      var iterator = connections.makeAsyncIterator()
      #expect(await iterator.next()?.peer == alice.id)
      await connection.close()
      await alice.close()
      await setting.close()
    }
  }

  /// Two who dial each other at once.
  struct Crossing {
    var alice, bob: Place
    var loss: Double

    init(_ alice: Place, _ bob: Place, loss: Double) {
      (self.alice, self.bob, self.loss) = (alice, bob, loss)
    }
  }

  @Test(
    "whose other side connects as well, whatever is lost, and one of the two tries is enough",
    arguments: [
      Crossing(.portRestricted, .random, loss: 0.05), Crossing(.firewall, .random, loss: 0.05),
      Crossing(.sequential, .sequential, loss: 0), Crossing(.public, .fullCone, loss: 0.2),
      Crossing(.sequential, .firewall.speaking(.v4, .v6), loss: 0.1),
      Crossing(.random.speaking(.v4, .v6), .random.speaking(.v4, .v6), loss: 0),
    ])
  func crossing(crossing: Crossing) async throws {
    var trial = PeerTrial(alice: crossing.alice, bob: crossing.bob)
    trial.crosses = true
    trial.loss = crossing.loss
    for seed in 1...12 as ClosedRange<UInt64> {
      let outcome = try await trial.run(seed: seed).outcome
      #expect(outcome.firstByte != nil && outcome.agree, "seed \(seed): \(outcome)")
    }
  }
}
