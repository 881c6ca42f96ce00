import WarrenMachine

/// One side of a search, in time: which packet of the plan is due.
struct SearchCore {
  /// What is to be done.
  enum Action {
    /// Open a socket and send from it to the prober.
    case open(Int)
    /// Send once more from the socket of this number.
    case again(Int)
    /// Send to these ports of the other side, from the socket that is used for everything.
    case probe([UInt16])
  }

  /// What this side does.
  enum Part {
    /// It opens mappings towards the prober.
    case opens
    /// It probes ports, so far apart.
    case probes(PortSequence, every: Duration)
    /// Its own port moves with each packet, and so does the other side's.
    case steps(PortStepping, every: Duration)
  }

  let plan: SearchPlan
  private var part: Part
  private var start: Instant
  private var sent = 0
  private(set) var isOver = false

  init(_ plan: SearchPlan, _ part: Part, at now: Instant) {
    self.plan = plan
    self.part = part
    start = now
  }

  /// Whether this side opens mappings.
  var isOpener: Bool { if case .opens = part { true } else { false } }

  /// When the next packet is due; after the last, when the search is over.
  var deadline: Instant? {
    if isOver { return nil }
    return start.advanced(by: min(time ?? plan.duration, plan.duration))
  }

  private var time: Duration? {
    switch part {
    case .opens: plan.openerPacket(sent).map { _ in plan.openerTime(sent) }
    case .probes(_, let interval), .steps(_, let interval): sent < plan.probes ? interval * sent : nil
    }
  }

  /// The next thing that is due; what is a little late is done at once. Where the machine was busy for longer, the rest
  /// comes later too: its rate is what was promised to the network.
  mutating func next(at now: Instant) -> Action? {
    guard let deadline, deadline <= now else { return nil }
    let lag = deadline.duration(to: now) - SearchLimits.lag
    if lag > .zero { start = start.advanced(by: lag) }
    guard let time, time < plan.duration, let action = action() else {
      isOver = start.advanced(by: plan.duration) <= now
      if !isOver { sent = .max }
      return nil
    }
    sent += 1
    return action
  }

  private mutating func action() -> Action? {
    switch part {
    case .opens:
      switch plan.openerPacket(sent) {
      case .open(let number): return .open(number)
      case .again(let number): return .again(number)
      case nil: return nil
      }
    case .probes(var ports, let interval):
      // The sequence must not be copied each time.
      part = .opens
      defer { part = .probes(ports, every: interval) }
      let port = ports.next()
      // Every port once: more mappings than there are ports no NAT has.
      if plan.method == .exhaustive, ports.pass > 0 { return nil }
      return port.map { .probe([$0]) }
    case .steps(var ports, let interval):
      defer { part = .steps(ports, every: interval) }
      return .probe(ports.next())
    }
  }
}
