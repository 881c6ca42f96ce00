import WarrenMachine
import WarrenQUIC

/// A path of a connection, and what is known of it.
struct PathEntry {
  private(set) var network: NetworkPath
  var kind: Path.Kind
  private(set) var state = Path.State.untried
  private(set) var roundTrip: Duration?
  private(set) var loss = 0.0
  private(set) var lastAnswer: Instant?
  /// When the connection has left it last, which has found it to lead there, whether it was asked or not.
  private var left: Instant?
  /// When it is asked next.
  var nextPing: Instant
  /// What was asked and not answered; of these the first few are late, which says nothing any more of whether it leads there.
  private var asked: [(number: UInt16, at: Instant)] = []
  private var late = 0
  /// How often it was asked in vain, one after the other.
  private var unanswered = 0
  private var rest = PathLimits.firstRest
  /// How often ways of its kind have fallen silent while they were used, of late, and since when this one has answered.
  var falls = 0
  private(set) var answersSince: Instant?
  /// How often it was found better than the one in use, one after the other.
  var timesBetter = 0
  /// Since when it is known.
  let since: Instant
  /// Whether it will not live for long.
  var isAging = false

  init(_ network: NetworkPath, _ kind: Path.Kind, at now: Instant) {
    self.network = network
    self.kind = kind
    nextPing = now
    since = now
  }

  /// Of two that are not in use, the better is kept.
  func isBetter(than other: PathEntry) -> Bool {
    func value(_ entry: PathEntry) -> (Int, Int, Duration, Instant) {
      let state = entry.state == .alive ? 0 : entry.state == .untried ? 1 : 2
      return (state, entry.isAging ? 1 : 0, entry.roundTrip ?? .zero, entry.since)
    }
    let (mine, others) = (value(self), value(other))
    if (mine.0, mine.1) != (others.0, others.1) { return (mine.0, mine.1) < (others.0, others.1) }
    // The younger one's mappings are the fresher.
    return mine.2 != others.2 ? mine.2 < others.2 : mine.3 > others.3
  }

  /// Whether this one has led there, and what is used since is not as good.
  func isMissed(whereUsed kind: Path.Kind?) -> Bool {
    kind != .direct && self.kind == .direct && lastProof != nil
  }

  private var lastProof: Instant? { left.map { max($0, lastAnswer ?? $0) } ?? lastAnswer }

  /// Whether there is no hope any more.
  func isHopeless(at now: Instant, whereUsed kind: Path.Kind?) -> Bool {
    let hope = isMissed(whereUsed: kind) ? PathLimits.longestHope : PathLimits.hope
    return state == .silent && (lastProof ?? since).duration(to: now) >= hope
  }

  /// When to call ``handleDeadline(at:)``.
  var deadline: Instant {
    late < asked.count ? min(nextPing, asked[late].at.advanced(by: patience)) : nextPing
  }

  private var patience: Duration {
    max((roundTrip ?? PathLimits.unknownRoundTrip) * 2, PathLimits.suspicion)
  }

  /// Whether it may be used: a path that fell silent has to answer for a while first.
  func isTrusted(at now: Instant) -> Bool {
    guard state == .alive, let answersSince else { return false }
    return falls == 0 || answersSince.duration(to: now) >= probation
  }

  private var probation: Duration {
    min(PathLimits.firstProbation * (1 << min(falls - 1, 10)), PathLimits.lastProbation)
  }

  /// Until when it is on probation; nil where it is not.
  func probationEnd(at now: Instant) -> Instant? {
    guard state == .alive, falls > 0, let end = answersSince?.advanced(by: probation), end > now else {
      return nil
    }
    return end
  }

  // MARK: Asking

  mutating func wasAsked(_ number: UInt16, at now: Instant, next interval: Duration) {
    if asked.count == PathLimits.openQuestions { forget(1) }
    asked.append((number, now))
    switch state {
    case .untried:
      nextPing = now.advanced(by: PathLimits.firstPause * (1 << min(unanswered + asked.count - late - 1, 5)))
    case .alive:
      let isHurried = unanswered > 0 || probationEnd(at: now) != nil
      nextPing = now.advanced(by: isHurried ? PathLimits.suspicion : interval)
    case .silent:
      // Whoever asks sooner than is its turn does not make it wait longer.
      if nextPing <= now { rest = min(rest * 2, PathLimits.lastRest) }
      nextPing = now.advanced(by: rest)
    }
  }

  /// - Returns: whether it has come back, or answers for the first time; nil where nothing was asked.
  mutating func answered(_ number: UInt16, at now: Instant) -> Bool? {
    guard let place = asked.firstIndex(where: { $0.number == number }) else { return nil }
    let time = asked[place].at.duration(to: now)
    let isLate = place < late
    guard !isLate || time <= PathLimits.longestRoundTrip else { return nil }
    measured(time, isLate: isLate)
    count(lost: 0)
    // What was asked before may be late, or lost: this one says as much.
    forget(place + 1)
    unanswered = 0
    lastAnswer = now
    rest = PathLimits.firstRest
    let isNew = state != .alive
    if isNew {
      state = .alive
      answersSince = now
      if falls > 0 { nextPing = now.advanced(by: PathLimits.suspicion) }
    }
    return isNew
  }

  /// What is overdue is lost.
  mutating func handleDeadline(at now: Instant) {
    while let first = asked.first, first.at.advanced(by: PathLimits.longestRoundTrip) <= now, late > 0 {
      forget(1)
    }
    while late < asked.count, asked[late].at.advanced(by: patience) <= now {
      late += 1
      unanswered += 1
      count(lost: 1)
      if state == .alive { nextPing = min(nextPing, now) }
    }
    if state != .silent, unanswered >= PathLimits.tries || (falls > 0 && unanswered > 1) {
      fallSilent(at: now)
    }
  }

  /// What was late once may have waited in a queue; but where nothing has come for long, the way's old length is none to go by. Both are
  /// corrected by the first answer that takes far less.
  private mutating func measured(_ time: Duration, isLate: Bool) {
    switch (roundTrip, isLate) {
    case (nil, _): roundTrip = time
    case (let known?, true): if state != .alive { roundTrip = max(known, time) }
    case (let known?, false): roundTrip = time * 4 < known ? time : (known * 3 + time) / 4
    }
  }

  private mutating func forget(_ count: Int) {
    asked.removeFirst(count)
    late = max(0, late - count)
  }

  private mutating func count(lost: Double) { loss += (lost - loss) / 8 }

  /// Nothing comes of it any more.
  mutating func fallSilent(at now: Instant) {
    state = .silent
    answersSince = nil
    unanswered = 0
    nextPing = now.advanced(by: rest)
  }

  /// It is asked then at the earliest.
  mutating func ask(notBefore time: Instant) { nextPing = max(nextPing, time) }

  /// It is asked then at the latest.
  mutating func ask(by time: Instant) { nextPing = min(nextPing, time) }

  // MARK: Being used

  /// The connection goes another way now.
  mutating func wasLeft(at now: Instant) { left = now }

  /// The other side asks there, and is answered: that opens the mappings on both sides.
  mutating func wasKept(until then: Instant) {
    if state == .alive, unanswered == 0 { nextPing = max(nextPing, then) }
  }

  /// Something has come there that nobody was asked for: it leads here, at least.
  mutating func heard(at now: Instant) {
    // A path that was given up is worth a question; but two who ask whenever they are asked would never come to an end.
    guard state == .silent else { return }
    let pause = late < PathLimits.tries ? PathLimits.urgentPings : PathLimits.firstRest
    nextPing = min(nextPing, max(now, asked.last?.at.advanced(by: pause) ?? now))
  }

  /// Whatever was known of it may be wrong by now.
  mutating func renew(at now: Instant) {
    // The address that it left from may be gone.
    network.local = nil
    if state == .silent { state = .untried }
    unanswered = 0
    forget(asked.count)
    rest = PathLimits.firstRest
    nextPing = now
  }

  /// As its users see it.
  func path(isUsed: Bool) -> Path {
    Path(
      kind: kind, network: network, state: state, roundTrip: roundTrip, loss: loss, lastAnswer: lastAnswer,
      isUsed: isUsed)
  }
}
