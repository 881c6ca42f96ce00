import WarrenMachine
import WarrenQUIC
import WarrenRegistry

/// The ways of one connection, without I/O: which lead to the other side, and which it takes.
///
/// Both sides ask on all ways that they know; the client of the connection changes ways (RFC 9000, 9), and the server says on
/// which way it wants to be met.
///
/// ```
///   fine ──an answer is late──► suspicious ──none comes──► lost ──another way answers, or this one──► fine
///     ▲──────something comes──────────┘
/// ```
struct PathCore {
  enum Event: Hashable {
    /// The connection is to go there: at once where its way is lost, else when that one is proven.
    case go(NetworkPath, atOnce: Bool)
    /// No way leads to the other side.
    case lost
  }

  enum Outlook: Equatable {
    case fine
    case suspicious(since: Instant)
    case lost(since: Instant)

    var isLost: Bool { if case .lost = self { true } else { false } }
  }

  /// Whether this side changes ways.
  let canMove: Bool
  let allowed: Set<Path.Kind>
  var entries: [PathEntry]
  /// The way that the connection takes.
  var used: NetworkPath
  /// What its user wants it to take.
  var wish: Path.Kind?
  /// How often a way is asked that is alive and not used, and the connection says on its own that it is alive.
  var intervals: KeepAliveIntervals
  /// When the way in use was lost and came back last.
  var recovered: Instant?
  var outlook = Outlook.fine
  /// Since when an answer is owed on the way in use, and how long one takes.
  var awaitedSince: Instant?
  var roundTrip = Duration.zero
  /// Whether the socket of the way in use is gone: what is sent there is lost, and nothing is waited for.
  var isGone = false
  /// Whether the connection takes its way for far longer than it is.
  var takesTooLong = false
  var lastChange: Instant
  /// How often ways of a kind have fallen silent while they were used, of late, and when the last did.
  var falls: [Path.Kind: (count: Int, last: Instant)] = [:]
  /// What time it was last.
  var clock: Instant
  /// Where it is about to go, and since when.
  var moving: (to: NetworkPath, since: Instant)?
  var nextUrgent: Instant?
  var number: UInt16
  /// The latest of the other side's pings, and where it wants the connection to go.
  var latest: UInt16?
  var othersWish: NetworkPath?
  var probes = Queue<(PathProbe, NetworkPath)>()
  /// How many questions were asked of late.
  var questions: (since: Instant, count: Int)
  var learning: TokenBucket
  var events = Queue<Event>()

  init(
    on used: NetworkPath, _ kind: Path.Kind, canMove: Bool, allowed: Set<Path.Kind>, interval: Duration,
    number: UInt16, at now: Instant
  ) {
    self.canMove = canMove
    self.allowed = allowed
    self.used = used
    intervals = KeepAliveIntervals(beginning: interval)
    self.number = number
    lastChange = now
    clock = now
    questions = (now, 0)
    learning = TokenBucket(of: PathLimits.learning, at: now)
    entries = [PathEntry(used, kind, at: now)]
    ask(0, at: now)
  }

  // MARK: What it is told

  /// Another way may lead to the other side.
  ///
  /// - Returns: whether it was not known.
  @discardableResult
  mutating func add(_ network: NetworkPath, _ kind: Path.Kind, at now: Instant) -> Bool {
    guard allowed.contains(kind) else { return false }
    if let place = place(of: network) {
      // Who names it again has heard something; and a relay looks like anybody, until somebody says that it is one.
      entries[place].heard(at: now)
      if kind == .relayed, entries[place].kind == .direct {
        entries[place].kind = kind
        entries[place].falls = falls[kind]?.count ?? 0
      }
      return false
    }
    if entries.count >= PathLimits.paths {
      guard let worst = worst(among: { _ in true }), entries[worst].state != .alive || entries[worst].isAging
      else { return false }
      entries.remove(at: worst)
    }
    append(network, kind, at: now)
    ask(entries.count - 1, at: now)
    return true
  }

  mutating func append(_ network: NetworkPath, _ kind: Path.Kind, at now: Instant) {
    var entry = PathEntry(network, kind, at: now)
    entry.falls = falls[kind]?.count ?? 0
    entries.append(entry)
  }

  /// The way in use leads nowhere: the next of its kind has to answer for a while, each time longer.
  mutating func fell(_ place: Int, at now: Instant) {
    let kind = entries[place].kind
    falls[kind] = ((falls[kind]?.count ?? 0) + 1, now)
    entries[place].fallSilent(at: now)
    setFalls(of: kind)
  }

  mutating func setFalls(of kind: Path.Kind) {
    for place in entries.indices where entries[place].kind == kind {
      entries[place].falls = falls[kind]?.count ?? 0
    }
  }

  mutating func forgive(at now: Instant) {
    for kind in Path.Kind.allCases {
      guard let last = falls[kind]?.last, last.duration(to: now) >= PathLimits.forgiveness else { continue }
      falls[kind] = nil
      setFalls(of: kind)
    }
  }

  func alive(_ kind: Path.Kind) -> Int { entries.count { $0.kind == kind && $0.state == .alive } }

  /// The one that is missed least.
  func worst(among isMeant: (PathEntry) -> Bool) -> Int? {
    entries.indices.filter {
      let network = entries[$0].network
      return isMeant(entries[$0]) && !network.isSame(as: used) && moving?.to.isSame(as: network) != true
    }.max { entries[$0].isBetter(than: entries[$1]) }
  }

  mutating func dropWorst(of kind: Path.Kind) {
    if let worst = worst(among: { $0.kind == kind && $0.state == .alive }) { entries.remove(at: worst) }
  }

  /// A socket is gone, and the ways through it.
  mutating func remove(channel: UInt16, at now: Instant) {
    entries.removeAll { $0.network.channel == channel && !$0.network.isSame(as: used) }
    if used.channel == channel, let place = place(of: used) {
      isGone = true
      fell(place, at: now)
      lose(since: now, at: now)
    }
  }

  /// The connection takes this way now.
  mutating func moved(to network: NetworkPath, _ kind: Path.Kind, at now: Instant) {
    guard !network.isSame(as: used) else { return }
    moving = nil
    if let place = place(of: used) { entries[place].wasLeft(at: now) }
    used = network
    isGone = false
    lastChange = now
    outlook = .fine
    nextUrgent = nil
    for place in entries.indices { entries[place].timesBetter = 0 }
    if place(of: network) == nil { append(network, kind, at: now) }
    ask(place(of: network)!, at: now)
  }

  /// What the connection itself knows of its way.
  mutating func waits(since: Instant?, roundTrip: Duration, at now: Instant) {
    let asked = place(of: used).flatMap { entries[$0].roundTrip }
    // What the connection takes it for may be the time that its handshake has waited for a way; and on a way that was just taken it
    // is a guess, where that one's answers have said what it is.
    self.roundTrip = max(asked ?? .zero, min(roundTrip, (asked ?? .zero) + PathLimits.longestQueue))
    takesTooLong = canMove && asked.map { roundTrip > $0 * 4 + PathLimits.longestQueue } ?? false
    if isGone { return }
    // On a way that was just taken nothing can have come yet.
    awaitedSince = since.map { max($0, lastChange) }
    guard let awaitedSince else {
      if outlook != .fine {
        if outlook.isLost { recovered = now }
        outlook = .fine
        nextUrgent = nil
      }
      return
    }
    // Whoever sends much owes itself an answer again as soon as one has come.
    if case .lost(let since) = outlook, awaitedSince > since {
      outlook = .fine
      nextUrgent = nil
    }
    switch outlook {
    case .lost: break
    case .fine, .suspicious:
      if silentAt(awaitedSince) <= now {
        if let place = place(of: used) { fell(place, at: now) }
        lose(since: awaitedSince, at: now)
      } else if suspiciousAt(awaitedSince) <= now, outlook == .fine {
        outlook = .suspicious(since: awaitedSince)
        askAll(at: now)
      } else if suspiciousAt(awaitedSince) > now {
        outlook = .fine
        nextUrgent = nil
      }
    }
  }

  func suspiciousAt(_ since: Instant) -> Instant {
    since.advanced(by: roundTrip + PathLimits.suspicion)
  }

  func silentAt(_ since: Instant) -> Instant {
    since.advanced(by: roundTrip * 2 + PathLimits.silence)
  }

  mutating func lose(since: Instant, at now: Instant) {
    outlook = .lost(since: since)
    askAll(at: now)
    choose(at: now)
    if moving == nil { events.append(.lost) }
  }

  /// This machine is elsewhere, perhaps: all that is known is asked anew.
  mutating func networkChanged(at now: Instant) {
    for place in entries.indices { entries[place].renew(at: now) }
    askAll(at: now)
  }

  /// No direct way that is known will live for long: the next one is better.
  mutating func age() {
    for place in entries.indices where entries[place].kind == .direct { entries[place].isAging = true }
  }

  /// Its user wants it to take a way of this kind, as soon as there is one; nil for whatever is best.
  mutating func prefer(_ kind: Path.Kind?, at now: Instant) {
    wish = kind
    choose(at: now)
    // The other side goes by what it was told last.
    if let place = place(of: used) { ask(place, at: now) }
  }

  /// A probe has come, which was this connection's.
  ///
  /// - Parameter kind: of what kind the way is, where it is not known.
  mutating func receive(_ probe: PathProbe, on network: NetworkPath, _ kind: Path.Kind, at now: Instant) {
    switch probe.word {
    case .ping:
      let isNew = latest.map { Int16(bitPattern: (probe.number &- $0) << 2) > 0 } ?? true
      if isNew { latest = probe.number }
      // What was said once may be sent by others, from elsewhere.
      guard isNew || place(of: network) != nil else { return }
      // Where there are enough, the other side's ways are its own.
      if outlook.isLost || alive(kind) < PathLimits.pathsOfKind || probe.wish == .here {
        learn(network, kind, at: now)
      }
      guard allowed.contains(self.kind(of: network) ?? kind) else { return }
      probes.append((PathProbe(word: .pong, number: probe.number), network))
      guard isNew, let place = place(of: network) else { return }
      if !canMove {
        let interval = interval(of: entries[place], at: now)
        entries[place].wasKept(until: now.advanced(by: interval + interval * PathLimits.yieldingShare))
      }
      let before = othersWish
      switch probe.wish {
      case .none: othersWish = nil
      case .here: othersWish = entries[place].network
      case .elsewhere: break
      }
      if othersWish != before { choose(at: now) }
    case .pong:
      guard let place = place(of: network), let isBack = entries[place].answered(probe.number, at: now) else {
        return
      }
      compare(place)
      choose(at: now)
      if isBack, alive(entries[place].kind) > PathLimits.pathsOfKind { dropWorst(of: entries[place].kind) }
    case .relay: break
    }
  }

  // MARK: Time

  /// When to call ``handleDeadline(at:)``.
  var nextDeadline: Instant? {
    // It is asked after each packet: nothing is made for it.
    var next = nextUrgent
    for entry in entries {
      if !entry.network.isSame(as: used) { next = .earliest(next, entry.deadline) }
      next = .earliest(next, entry.probationEnd(at: clock))
    }
    if let place = place(of: used), settled(entries[place]) > clock {
      next = .earliest(next, settled(entries[place]))
    }
    if let awaitedSince {
      switch outlook {
      case .fine: next = .earliest(next, suspiciousAt(awaitedSince))
      case .suspicious: next = .earliest(next, silentAt(awaitedSince))
      case .lost: break
      }
    }
    if let moving { next = .earliest(next, moving.since.advanced(by: patience(with: moving.to))) }
    return next
  }

  /// Takes the time, and does what is due.
  mutating func handleDeadline(at now: Instant) {
    clock = now
    forgive(at: now)
    if let moving, moving.since.advanced(by: patience(with: moving.to)) <= now {
      self.moving = nil
      // It answers to questions, and carries nothing: it is tried again later.
      if canMove, let place = place(of: moving.to) { fell(place, at: now) }
    }
    for place in entries.indices {
      entries[place].handleDeadline(at: now)
      let isUsed = entries[place].network.isSame(as: used)
      if !isUsed, entries[place].nextPing <= now { ask(place, at: now) }
    }
    let usedKind = kind(of: used)
    entries.removeAll {
      $0.isHopeless(at: now, whereUsed: usedKind) && !$0.network.isSame(as: used)
    }
    if let nextUrgent, nextUrgent <= now { askAll(at: now) }
    choose(at: now)
  }

  // MARK: What is known

  /// Since when a way is known.
  func since(_ network: NetworkPath) -> Instant? { place(of: network).map { entries[$0].since } }

  /// All ways, the one in use first.
  var paths: [Path] {
    let all = entries.map { $0.path(isUsed: $0.network.isSame(as: used)) }
    return all.filter(\.isUsed) + all.filter { !$0.isUsed }
  }
}
