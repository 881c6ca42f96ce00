/// What a NAT has seen of a TCP connection (RFC 5382, 5; RFC 6146, 3.5.2.2; RFC 7857, 2).
enum TrackedConnection: Hashable, Sendable {
  /// Who has sent a SYN, and who has acknowledged: in any order, hence simultaneous open as well.
  case opening(synchronised: Sides, acknowledged: Sides)
  /// Who has sent a FIN.
  case established(finished: Sides)
  /// Both have sent a FIN.
  case closed
  /// Somebody has sent a RST, which may be forged: the next segment revives what was established.
  case reset(wasEstablished: Bool)

  struct Sides: OptionSet, Hashable, Sendable {
    let rawValue: UInt8
    static let both: Sides = [Sides(.inside), Sides(.outside)]
    init(rawValue: UInt8) { self.rawValue = rawValue }
    init(_ side: NATSide) { self.init(rawValue: side == .inside ? 1 : 2) }
  }

  /// A connection that begins with this segment, or one that is adopted in the middle.
  init(_ flags: TCPSegment.Flags, from side: NATSide) {
    if flags.contains(.syn) {
      self = .opening(synchronised: [], acknowledged: [])
      saw(flags, from: side)
    } else {
      self = .established(finished: [])
    }
  }

  /// Whether it may be idle for long.
  var isEstablished: Bool {
    if case .established = self { true } else { false }
  }

  /// Whether traffic prolongs it.
  var isAlive: Bool {
    switch self {
    case .opening, .established: true
    case .closed, .reset: false
    }
  }

  /// A segment has passed.
  mutating func saw(_ flags: TCPSegment.Flags, from side: NATSide) {
    if flags.contains(.rst) { return sawReset() }
    switch self {
    case .opening(let synchronised, let acknowledged):
      sawOpening(flags, from: Sides(side), synchronised, acknowledged)
    case .established(let finished):
      guard flags.contains(.fin) else { return }
      let finished = finished.union(Sides(side))
      self = finished == .both ? .closed : .established(finished: finished)
    case .closed:
      if flags.contains(.syn) { self = TrackedConnection(flags, from: side) }
    case .reset(let wasEstablished):
      if flags.contains(.syn) {
        self = TrackedConnection(flags, from: side)
      } else if wasEstablished {
        self = .established(finished: [])
      }
    }
  }

  private mutating func sawReset() {
    switch self {
    case .opening: self = .reset(wasEstablished: false)
    case .established: self = .reset(wasEstablished: true)
    case .closed, .reset: break
    }
  }

  private mutating func sawOpening(
    _ flags: TCPSegment.Flags, from side: Sides, _ synchronised: Sides, _ acknowledged: Sides
  ) {
    let synchronised = flags.contains(.syn) ? synchronised.union(side) : synchronised
    let acknowledged = flags.contains(.ack) ? acknowledged.union(side) : acknowledged
    if synchronised == .both, acknowledged == .both {
      self = .established(finished: flags.contains(.fin) ? side : [])
    } else if flags.contains(.fin) {
      self = .closed
    } else {
      self = .opening(synchronised: synchronised, acknowledged: acknowledged)
    }
  }
}
