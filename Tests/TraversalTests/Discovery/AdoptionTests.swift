import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("A hole puncher that was told what discovery has found")
struct AdoptionTests {
  /// Pairs of kinds that can be connected only if it is known that their filters are not strict.
  private static var pairs: [(Place, Place)] {
    func isHopeless(_ one: NATKind, _ other: NATKind) -> Bool {
      if case .relayOnly = SearchPlan.decide(mine: one, theirs: other) { true } else { false }
    }
    func strict(_ kind: NATKind) -> NATKind { NATKind(mapping: kind.mapping, allocation: kind.allocation) }
    let kinds = Place.kinds
    return kinds.flatMap { one in
      kinds.filter { !isHopeless(one.kind, $0.kind) && isHopeless(strict(one.kind), strict($0.kind)) }
        .map { (one.place, $0.place) }
    }
  }

  /// What discovery says of a place.
  private func told(_ place: Place) async throws -> Place {
    var (place, laboratory) = (place, DiscoveryLaboratory())
    laboratory.boxes = place.boxes
    let (report, _) = try await laboratory.discover(seed: 1)
    var configuration = PunchConfiguration()
    configuration.adopt(report)
    place.filtering = configuration.filtering ?? .addressAndPortDependent
    return place
  }

  @Test("goes where it would not have tried to")
  func adopted() async throws {
    let pairs = Self.pairs
    #expect(!pairs.isEmpty)
    var gained = 0
    for (alice, bob) in pairs {
      var (one, other) = (alice, bob)
      one.filtering = .addressAndPortDependent
      other.filtering = .addressAndPortDependent
      let ignorant = try await PunchTrial(alice: one, bob: other).run(seed: 1)
      let (first, second) = (try await told(one), try await told(other))
      let outcome = try await PunchTrial(alice: first, bob: second).run(seed: 1)
      #expect(outcome.isDirect, "\(alice) with \(bob)")
      if !ignorant.isDirect { gained += 1 }
    }
    // Some are found by a prediction that was made for another reason.
    #expect(gained > 0)
  }
}
