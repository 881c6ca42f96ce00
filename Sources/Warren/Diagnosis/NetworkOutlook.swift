import WarrenMachine
import WarrenTraversal

/// What will come of connecting with peers of one kind.
public struct NetworkOutlook: Hashable, Sendable {
  /// How it will go.
  public enum Way: String, Hashable, Sendable {
    /// Directly, and at once.
    case direct
    /// Directly, after a search of some seconds.
    case afterSearch = "after-search"
    /// Directly, by TCP alone.
    case tcp
    /// Over a relay.
    case relayed
    /// Not at all: there is no relay.
    case none
    /// Too little is known.
    case unknown
  }

  /// What stands before such a peer.
  public let peer: String
  /// How it will go.
  public let way: Way

  /// The kinds of peers that there are, by what stands before them.
  static let kinds: [(name: String, kind: NATKind?)] = [
    ("on the internet itself, or behind an open NAT", kind(.endpointIndependent, .endpointIndependent)),
    ("behind a usual home router", kind(.endpointIndependent, .addressAndPortDependent)),
    (
      "behind a NAT that counts its ports (some mobile networks)",
      kind(.addressAndPortDependent, .addressAndPortDependent, .sequential(step: 1))
    ),
    (
      "behind a NAT that hides its ports (offices, some mobile networks)",
      kind(.addressAndPortDependent, .addressAndPortDependent, .random(.dynamic))
    ),
    ("where no UDP gets through", nil),
  ]

  private static func kind(
    _ mapping: NATKind.Dependence, _ filtering: NATKind.Dependence,
    _ allocation: NATKind.Allocation = .preserving
  ) -> NATKind { NATKind(mapping: mapping, filtering: filtering, allocation: allocation) }

  static func all(for report: NetworkReport) -> [NetworkOutlook] {
    let known = report.families.compactMap { family in
      (try? family.nat?.get()).map { (family: family.family, kind: $0.kind) }
    }
    // Who is behind a NAT has IPv4, and perhaps nothing else.
    let old = known.filter { $0.family == .v4 }
    return kinds.enumerated().map { place, peer in
      let (name, theirs) = peer
      let own = place == 0 || old.isEmpty ? known.map(\.kind) : old.map(\.kind)
      guard !own.isEmpty || report.isUDPBlocked else { return NetworkOutlook(peer: name, way: .unknown) }
      let ways =
        report.isUDPBlocked || theirs == nil
        ? own.isEmpty ? [wayOverTCP(nil, theirs)] : own.map { $0.map { wayOverTCP($0, theirs) } ?? .unknown }
        : own.map { way($0, theirs) }
      let best = ways.min { rank($0) < rank($1) }!
      return NetworkOutlook(peer: name, way: best == .relayed && !report.hasRelay ? .none : best)
    }
  }

  private static func way(_ mine: NATKind?, _ theirs: NATKind?) -> Way {
    guard let mine, let theirs else { return .unknown }
    return switch SearchPlan.decide(mine: mine, theirs: theirs) {
    case .noSearch: .direct
    case .predict, .birthday, .exhaustive: .afterSearch
    case .relayOnly: .relayed
    }
  }

  /// A port that nobody knows before cannot be searched for over TCP: each try would be a connection.
  private static func wayOverTCP(_ mine: NATKind?, _ theirs: NATKind?) -> Way {
    let kinds = [mine, theirs].compactMap { $0 }
    return kinds.allSatisfy { $0.mapping == .endpointIndependent } ? .tcp : .relayed
  }

  private static func rank(_ way: Way) -> Int {
    switch way {
    case .direct: 0
    case .afterSearch: 1
    case .tcp: 2
    case .unknown: 3
    case .relayed: 4
    case .none: 5
    }
  }
}

extension NATReport {
  /// What decides how to get through it; nil where too little is known.
  var kind: NATKind? {
    guard isTranslated else {
      return NATKind(
        mapping: .endpointIndependent, filtering: filtering ?? .addressAndPortDependent,
        allocation: .preserving)
    }
    guard let mapping else { return nil }
    return NATKind(
      mapping: mapping, filtering: filtering ?? .addressAndPortDependent,
      allocation: allocation ?? .preserving)
  }
}
