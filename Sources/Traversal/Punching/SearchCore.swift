import WarrenMachine

/// One side of a search, in time: which packet of the plan is due.
struct SearchCore {
  /// What is to be done.
  enum Action {
    /// Open a socket and send from it to the prober.
    case open(Int)
    /// Send once more from the socket of this number.
    case again(Int)
    /// Send to this port of the opener.
    case probe(UInt16)
  }

  let plan: SearchPlan
  /// Whether this side opens mappings; the other probes ports.
  let isOpener: Bool
  private let start: Instant
  private var sent = 0
  private var ports: PortSequence
  private(set) var isOver = false

  init(_ plan: SearchPlan, isOpener: Bool, at now: Instant) {
    self.plan = plan
    self.isOpener = isOpener
    start = now
    ports = plan.ports()
  }

  /// When the next packet is due.
  var deadline: Instant? {
    guard !isOver else { return nil }
    let time: Duration? =
      isOpener ? plan.openerPacket(sent).map { _ in plan.openerTime(sent) } : plan.proberTime(sent)
    return time.map { start.advanced(by: $0) }
  }

  /// The next thing that is due; what is late is done at once.
  mutating func next(at now: Instant) -> Action? {
    guard let deadline else {
      isOver = true
      return nil
    }
    guard deadline <= now else { return nil }
    defer { sent += 1 }
    if isOpener {
      switch plan.openerPacket(sent) {
      case .open(let number): return .open(number)
      case .again(let number): return .again(number)
      case nil: return nil
      }
    }
    guard let port = ports.next() else {
      isOver = true
      return nil
    }
    return .probe(port)
  }

  mutating func stop() { isOver = true }
}
