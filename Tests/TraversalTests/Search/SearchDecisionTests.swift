import Testing
import Warren
import WarrenSimulator

@testable import WarrenTraversal

/// What each of the 378 unordered pairs of 27 kinds needs.
///
/// The proof, for mutual paths: each side sends from one outside port, a at A and b at B, and hears from the other.
/// Call a port *known* if STUN servers saw it (endpoint-independent mapping: 9 kinds), *foreseen* if it is kept or
/// counted (12 of the other 18), *hidden* if it is random (6). A port *stays* unless it is another for each port of
/// the peer. A filter is *open* unless it wants the very port that was sent to.
///
/// - Both known, 45 pairs: each sends to the other. One known and open against one that is not known, 6 x 18 = 108:
///   the packet from the unknown port passes and names it. **153 pairs need no guess.**
/// - Known and closed against not known, 3 x 18: 36 foreseen, 18 hidden. The hidden one opens K mappings to the
///   known port, M probes leave from it: K M / N hits. (36 predicted, 18 birthday.)
/// - Both foreseen, 12 x 13 / 2 = 78: each sends to the other's next port. (78 predicted.)
/// - Foreseen F against hidden H, 12 x 6 = 72. F stays (9 kinds: 6 that keep ports, 3 that count by address): if it is
///   open, 6 x 6 = 36, H's packet passes and names H's port (predicted); if closed, 3 x 6 = 18, F is as good as known
///   and closed (birthday). F moves (3 kinds, a counter by address and port): F open and H stays, 2 x 3 = 6: H's packet
///   names H's port, which stays while F answers from its next, foreseen port (predicted). F closed and H stays: each
///   probe of F leaves from another port; if H is open, 2, the one that meets an open mapping names it (birthday). If H is
///   closed, 1, H must have sent to the very port from which F probes the very port of H: as each of n packets of H
///   fits one port of F and F's n probes one of N ports, it takes n ~ N. H moves too, 3 x 3 = 9: H's port is drawn
///   after F's is chosen, and F's is counted on with each try: one chance in N a packet. (36 + 6 predicted,
///   18 + 2 birthday, 10 relay.)
/// - Both hidden, 6 x 7 / 2 = 21. Both stay, 6 pairs: if one is open, 5, it opens and is probed. Both closed, 1: n packets
///   of A meet B's port with n / N, and n of B meet A's, at once only with n² / N²: n ~ N. One stays and one moves, 9:
///   the one that stays is open, 6: it opens, the probe that arrives names its own, moving port. It is closed but the
///   one that moves is open, 2: that one opens and learns the staying port from the first probe; opening again
///   towards it makes mappings for the same probes. Both closed, 1: as before. Both move, 6: each answer leaves
///   from another hidden port. (13 birthday, 8 relay.)
///
/// So 153 need no guess, 36 + 78 + 36 + 6 = 156 a predicted port, 18 + 20 + 13 = 51 a birthday search, and 18 a
/// relay. Earlier figures were 162, 50 and 13: they let filters by address and port pass where both ports are hidden.
///
/// Crossed paths, on which a side may hear from another port than it sends to, save 7 of the 18: where both filters
/// are open, a packet to any mapping of the other side that has sent to this address passes, and that may be one
/// that is known (5 pairs, one filter lets in everyone), counted (1) or searched for (1). 11 are left.
struct SearchDecisionTests {
  static let kinds: [NATKind] = NATKind.Dependence.allCases.flatMap { mapping in
    NATKind.Dependence.allCases.flatMap { filtering in
      [NATKind.Allocation.preserving, .sequential(step: 1), .random(.unreserved)].map {
        NATKind(mapping: mapping, filtering: filtering, allocation: $0)
      }
    }
  }

  static let pairs = kinds.indices.flatMap { one in kinds[one...].map { (kinds[one], $0) } }

  private struct Count: Equatable {
    var none = 0
    var predicted = 0
    var birthday = 0
    var relay = 0
    var exhaustive = 0
  }

  private func count(_ permissions: SearchPermissions) -> Count {
    var count = Count()
    for (one, other) in Self.pairs {
      switch SearchPlan.decide(mine: one, theirs: other, permitting: permissions) {
      case .noSearch: count.none += 1
      case .predict: count.predicted += 1
      case .birthday: count.birthday += 1
      case .relayOnly: count.relay += 1
      case .exhaustive: count.exhaustive += 1
      }
    }
    return count
  }

  @Test("of 378 pairs 153 need no guess, 156 a predicted port, 51 a birthday search and 18 a relay")
  func pairs() {
    #expect(Self.pairs.count == 378)
    #expect(count([]) == Count(none: 153, predicted: 156, birthday: 51, relay: 18))
  }

  @Test("where no filter is known, whoever could be found is looked for in one of two rounds")
  func hoped() {
    let hidden = Self.kinds.filter {
      $0.mapping != .endpointIndependent && $0.allocation == .random(.unreserved)
    }
    var found = 0
    for mine in hidden {
      for theirs in hidden {
        let decisions = (0..<2 as Range<UInt8>).map { round in
          SearchPlan.decide(mine: Self.unfiltered(mine, round), theirs: Self.unfiltered(theirs, round))
        }
        let known = SearchPlan.decide(mine: mine, theirs: theirs)
        if mine.mapping == .addressAndPortDependent, theirs.mapping == .addressAndPortDependent {
          #expect(decisions == [known, known])
        } else if known != .relayOnly(.bothHidden) {
          found += 1
          // Of two that could both open, either will do.
          let either: [SearchDecision] = [
            .birthday(opener: .mine, .mutual), .birthday(opener: .theirs, .mutual),
          ]
          #expect(decisions.contains(known) && Set(decisions).isSubset(of: either), "\(mine) and \(theirs)")
        }
      }
    }
    #expect(found == 24)
  }

  private static func unfiltered(_ kind: NATKind, _ round: UInt8) -> PortReport {
    PortReport(model: PortModel(mapping: kind.mapping, range: .unreserved), round: round)
  }

  @Test("crossed paths save seven of them, and every port can be tried on request")
  func permissions() {
    #expect(count(.crossedPaths) == Count(none: 158, predicted: 157, birthday: 52, relay: 11))
    #expect(
      count([.crossedPaths, .exhaustive]) == Count(none: 158, predicted: 157, birthday: 52, exhaustive: 11))
    #expect(count(.exhaustive) == Count(none: 153, predicted: 156, birthday: 51, exhaustive: 18))
  }

  @Test("both sides decide the same")
  func symmetry() {
    for (one, other) in Self.pairs {
      for permissions in [[], .crossedPaths, .exhaustive] as [SearchPermissions] {
        let mine = SearchPlan.decide(mine: one, theirs: other, permitting: permissions)
        let theirs = SearchPlan.decide(mine: other, theirs: one, permitting: permissions)
        #expect(mine.kindOfWork == theirs.kindOfWork)
        guard one != other, let opener = mine.opener, let other = theirs.opener else { continue }
        #expect(opener == other.opposite)
      }
    }
  }

  @Test("in the simulator every pair gets through as decided, and those for a relay do not")
  func simulated() {
    for (number, (one, other)) in Self.pairs.enumerated() {
      let usual = SearchPlan.decide(mine: one, theirs: other)
      let path = carriedOut(usual, one, other, number)
      // What has no mutual path may have a crossed one.
      #expect(usual.path == nil ? path != .mutual : path == usual.path, "\(one) against \(other): \(usual)")
      guard usual.path == nil else { continue }
      let crossed = SearchPlan.decide(mine: one, theirs: other, permitting: .crossedPaths)
      #expect(carriedOut(crossed, one, other, number) == crossed.path, "\(one) against \(other): \(crossed)")
    }
  }

  private func carriedOut(
    _ decision: SearchDecision, _ one: NATKind, _ other: NATKind, _ number: Int
  ) -> SearchDecision.Path? {
    var laboratory = PairLaboratory(one, other, decision, seed: UInt64(number))
    return laboratory.carryOut(decision)
  }
}

extension SearchDecision {
  fileprivate var kindOfWork: Int {
    switch self {
    case .noSearch: 0
    case .predict: 1
    case .birthday: 2
    case .relayOnly: 3
    case .exhaustive: 4
    }
  }

  var opener: Side? {
    switch self {
    case .birthday(let opener, _), .exhaustive(let opener): opener
    case .noSearch, .predict, .relayOnly: nil
    }
  }

  var path: Path? {
    switch self {
    case .noSearch(let path), .predict(_, let path), .birthday(_, let path): path
    case .relayOnly, .exhaustive: nil
    }
  }
}
