/// The two sides of a NAT.
public enum NATSide: UInt8, Hashable, Sendable, CaseIterable {
  case inside, outside

  /// The other one.
  public var opposite: NATSide { self == .inside ? .outside : .inside }
}

/// What a NAT does with a packet, or says about one.
public enum NATOutput: Hashable, Sendable {
  /// A packet goes on, to the other side, or back (hairpinned, or a report about one that did not pass).
  case forward(Packet, toward: NATSide)
  /// A packet, as it came, ends here.
  case dropped(Packet, NATDropReason)
}

/// Why a packet ended at a NAT.
public enum NATDropReason: UInt8, Error, Hashable, CaseIterable {
  case blocked, hopLimitExceeded, unroutable, foreignSource, forRouter
  case unsolicited, filtered, noConnection, unknownFlow, errorRefused, hairpinningOff
  case tableFull, hostLimit, rateLimited, portsExhausted
  case fragment, fragmentOutOfOrder, fragmentBufferFull, fragmentIncomplete
  case blockedPort, captive
}

extension NATDropReason: CustomStringConvertible {
  /// The reason in words.
  public var description: String {
    switch self {
    case .blocked: "UDP is blocked"
    case .blockedPort: "TCP to this port is blocked"
    case .captive: "nobody has agreed to the portal's page yet"
    case .hopLimitExceeded: "its hop limit ran out"
    case .unroutable: "its destination lies on neither side"
    case .foreignSource: "its source does not belong to the inside"
    case .forRouter: "it was for the router itself"
    case .unsolicited: "nobody inside has this port"
    case .filtered: "the inside has not sent to where it comes from"
    case .noConnection: "it belongs to no TCP connection that the NAT knows"
    case .unknownFlow: "it reports on a packet that the NAT does not know"
    case .errorRefused: "the NAT does not pass such ICMP errors"
    case .hairpinningOff: "the NAT does not connect insiders through its outside"
    case .tableFull: "the NAT's table is full"
    case .hostLimit: "its sender has as many mappings as one may have"
    case .rateLimited: "too many new mappings in one second"
    case .portsExhausted: "no outside port is left"
    case .fragment: "fragments do not pass"
    case .fragmentOutOfOrder: "it is a fragment whose first part has not come"
    case .fragmentBufferFull: "too many fragments wait for their first parts"
    case .fragmentIncomplete: "it is a fragment whose first part never came"
    }
  }
}
