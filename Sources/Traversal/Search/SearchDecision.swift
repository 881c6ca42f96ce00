/// What two kinds of NAT need to be got through.
public enum SearchDecision: Hashable, Sendable {
  /// One of the two sides of a pair, as the one that decides sees them.
  public enum Side: Hashable, Sendable {
    case mine, theirs

    /// The other one.
    public var opposite: Side { self == .mine ? .theirs : .mine }
  }

  /// Whose ports are foreseen.
  public enum Foreseen: Hashable, Sendable {
    case mine, theirs, both

    init(_ side: Side) { self = side == .mine ? .mine : .theirs }
  }

  /// Which way packets take in the end.
  public enum Path: Hashable, Sendable {
    /// Each side hears from the port that it sends to, as ICE demands (RFC 8445, 7.2.5.2.1).
    case mutual
    /// Each side sends to one port and hears from another: whoever uses it must bind sending and hearing itself.
    case crossed
  }

  /// Why nothing but a relay will do.
  public enum Reason: Hashable, Sendable {
    /// Neither side can know its own port before it has the other's: about 65,536 mappings on each side for 63 %.
    case bothHidden
    /// One side's port is hidden, and each probe for it moves the prober's own.
    case probingMovesProber
  }

  /// Plain punching: who is sent to is known, and who is not is learnt from the first packet that arrives.
  case noSearch(Path)
  /// Punching at ports that are foreseen.
  case predict(Foreseen, Path)
  /// One side opens many mappings, the other probes many ports.
  case birthday(opener: Side, Path)
  /// Only a relay.
  case relayOnly(Reason)
  /// Every port, at great cost; only where it is permitted.
  case exhaustive(opener: Side)
}

extension SearchDecision.Reason: CustomStringConvertible {
  /// The reason in words.
  public var description: String {
    switch self {
    case .bothHidden: "the NATs of both sides give every connection another port, at random"
    case .probingMovesProber:
      "one side's NAT gives every connection a port at random, and the other's moves on with each attempt to find it"
    }
  }
}

/// What may be done beyond the usual.
public struct SearchPermissions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Paths on which a side hears from another port than it sends to.
  public static let crossedPaths = SearchPermissions(rawValue: 1)
  /// Searches of every port.
  public static let exhaustive = SearchPermissions(rawValue: 2)
}
