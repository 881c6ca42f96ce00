import WarrenMachine
import WarrenQUIC

/// When it asks on which way.
extension PathCore {
  /// It is known how often something must be sent, or not known any more.
  mutating func keepAlive(_ intervals: KeepAliveIntervals, at now: Instant) {
    self.intervals = intervals
    for place in entries.indices where entries[place].state == .alive {
      entries[place].ask(by: now.advanced(by: interval(of: entries[place], at: now)))
    }
  }

  /// How often the connection is to say that it is alive.
  func keepAlive(at now: Instant) -> Duration {
    let interval = place(of: used).map { self.interval(of: entries[$0], at: now) } ?? intervals.beginning
    return canMove
      ? interval : interval + min(interval * PathLimits.yieldingShare, PathLimits.longestYielding)
  }

  func interval(of entry: PathEntry, at now: Instant) -> Duration {
    let learnt = intervals[entry.network.remote.ip.family]
    return settled(entry) <= now ? learnt : min(learnt, intervals.beginning)
  }

  /// From when on its mappings are old enough.
  func settled(_ entry: PathEntry) -> Instant {
    var since = entry.answersSince ?? entry.since
    if entry.network.isSame(as: used) { since = max(entry.since, lastChange, recovered ?? lastChange) }
    return since.advanced(by: PathLimits.settling)
  }

  mutating func ask(_ place: Int, at now: Instant) {
    let network = entries[place].network
    ping(place, at: now)
    // What is compared is measured at one time.
    if entries[place].state == .alive, !network.isSame(as: used), let own = self.place(of: used),
      own != place,
      entries[own].kind == entries[place].kind
    {
      ping(own, at: now)
    }
  }

  mutating func ping(_ place: Int, at now: Instant) {
    // Two who change their minds by what the other asks would make each other ask ever more.
    if questions.since.duration(to: now) >= PathLimits.urgentPings { questions = (now, 0) }
    guard questions.count < PathLimits.questions else {
      return entries[place].ask(notBefore: questions.since.advanced(by: PathLimits.urgentPings))
    }
    questions.count += 1
    number = (number + 1) & PathProbe.numbers
    let network = entries[place].network
    entries[place].wasAsked(number, at: now, next: interval(of: entries[place], at: now))
    let wish = wanted.map { $0.isSame(as: network) ? PathProbe.Wish.here : .elsewhere } ?? .none
    probes.append((PathProbe(word: .ping, number: number, wish: wish), network))
  }

  mutating func askAll(at now: Instant) {
    for place in entries.indices { ask(place, at: now) }
    switch outlook {
    case .fine: nextUrgent = nil
    case .suspicious: nextUrgent = now.advanced(by: PathLimits.urgentPings)
    case .lost(let since):
      let isUrgent = since.duration(to: now) < PathLimits.urgency
      nextUrgent = now.advanced(by: isUrgent ? PathLimits.urgentPings : PathLimits.hopefulPings)
    }
  }

  /// The next probe to be sent, and where.
  mutating func pollProbe() -> (PathProbe, NetworkPath)? { probes.popFirst() }

  /// What has happened next.
  mutating func pollEvent() -> Event? { events.popFirst() }
}
