import WarrenMachine
import WarrenSTUN

// MARK: The checklist

extension ICECore {
  /// Pairs a socket with an address of the other side's, if packets could pass between them (RFC 8445, 6.1.2.2).
  ///
  /// - Parameters:
  ///   - isAsked: whether something signed has come this way: then there is always room for it.
  ///   - isHint: whether only a hint said so.
  mutating func formPair(
    _ base: Int, _ remote: Int, isAsked: Bool = false, isHint: Bool = false, at now: Instant
  ) {
    guard canPair(bases[base], remotes[remote]), isAsked || isReachable(remotes[remote], from: bases[base]),
      pairPlace(base: base, remote: remote) == nil
    else { return }
    var pair = CandidatePair(base: base, remote: remote, priority: 0, state: .waiting)
    pair.priority = priority(of: pair)
    pair.isHint = isHint
    guard let place = placeForPair(isAsked ? .max : pair.priority) else {
      counters.refusals.count(.tooMany)
      return
    }
    let foundation = foundation(of: pair)
    if configuration.freezes,
      pairs.contains(where: {
        $0.state != .succeeded && $0.state != .failed && self.foundation(of: $0) == foundation
      })
    {
      pair.state = .frozen
    }
    if place == pairs.count { pairs.append(pair) } else { pairs[place] = pair }
    if configuration.freezes { thawBest(of: foundation) }
    sendDueChecks(at: now)
  }

  /// Where a new pair can stand: of too many, the worst that nobody needs gives way to a better one.
  private mutating func placeForPair(_ priority: UInt64) -> Int? {
    if pairs.count < ICELimits.pairs { return pairs.count }
    let worst = pairs.indices.filter {
      pairs[$0].isGone || !pairs[$0].wasChecked && pairs[$0].state != .succeeded
    }
    .min { pairs[$0].standing < pairs[$1].standing }
    guard let worst, pairs[worst].standing < priority else { return nil }
    transactions.removeAll { $0.pair == worst }
    triggered.removeAll { $0 == worst }
    return worst
  }

  private func canPair(_ base: Base, _ remote: Candidate) -> Bool {
    let (mine, theirs) = (base.candidate.address.ip, remote.address.ip)
    if base.isGone { return false }
    // What connects must be connected first: then it is a base of its own.
    guard !base.candidate.transport.isTCP || base.connectedTo == remote.address else { return false }
    // Link-local addresses reach their like only (RFC 8445, 6.1.2.2).
    return base.candidate.transport.isTCP == remote.transport.isTCP && mine.family == theirs.family
      && (mine.family == .v4 || mine.isLinkLocal == theirs.isLinkLocal || mine.isUnspecified)
  }

  /// A relay that is seen on the internet does not reach what is in somebody's own network.
  private func isReachable(_ remote: Candidate, from base: Base) -> Bool {
    guard base.candidate.kind == .relayed else { return true }
    let ip = remote.address.ip
    return base.candidate.address.ip.isPrivate || !(ip.isPrivate || ip.isLinkLocal || ip.isCarrierShared)
  }

  func priority(of pair: CandidatePair) -> UInt64 {
    let (local, remote) = (bases[pair.base].candidate.priority, remotes[pair.remote].priority)
    return role == .controlling
      ? CandidatePair.priority(controlling: local, controlled: remote)
      : CandidatePair.priority(controlling: remote, controlled: local)
  }

  private struct Foundation: Hashable {
    var local: String
    var remote: String
  }

  private func foundation(of pair: CandidatePair) -> Foundation {
    Foundation(local: bases[pair.base].candidate.foundation, remote: remotes[pair.remote].foundation)
  }

  /// Of the pairs of one foundation that have not begun, lets the best wait for its check, and the others for it.
  private mutating func thawBest(of foundation: Foundation) {
    let idle = pairs.indices.filter {
      (pairs[$0].state == .frozen || pairs[$0].state == .waiting)
        && self.foundation(of: pairs[$0]) == foundation
    }
    let isBusy = pairs.contains { $0.state == .inProgress && self.foundation(of: $0) == foundation }
    let best = idle.max { pairs[$0].priority < pairs[$1].priority }
    for pair in idle { pairs[pair].state = pair == best && !isBusy ? .waiting : .frozen }
  }

  /// A pair has succeeded: those of its foundation probably will too (RFC 8445, 7.2.5.3.3).
  mutating func thawLike(_ pair: Int) {
    let foundation = foundation(of: pairs[pair])
    for other in pairs.indices
    where pairs[other].state == .frozen && self.foundation(of: pairs[other]) == foundation {
      pairs[other].state = .waiting
    }
  }

  /// The other side decides, or this one does (RFC 8445, 7.3.1.1): what was nominated by the old roles was not.
  mutating func switchRole(at now: Instant) {
    role = role.other
    for pair in pairs.indices {
      pairs[pair].priority = priority(of: pairs[pair])
      pairs[pair].nominatesOnSuccess = false
    }
    nominateBest(at: now)
  }
}

// MARK: Sending checks

extension ICECore {
  /// Sends what may be sent now: triggered checks first, then the best that waits (RFC 8445, 6.1.4.2).
  mutating func sendDueChecks(at now: Instant) {
    guard !isClosed, !configuration.isLite, remoteKey != nil else { return }
    // Of both sides' wishes the longer counts (RFC 8445, 14.2).
    let pace = max(configuration.pacing, remotePacing, ICELimits.leastPacing)
    while true {
      let earliest = max(
        startsChecking ?? now, pacedUntil?.advanced(by: pace * -(max(configuration.burst, 1) - 1)) ?? now)
      guard earliest <= now else {
        nextCheck = earliest
        return
      }
      guard let pair = takeNextPair(at: now) else {
        nextCheck = bases.compactMap(\.answersUntil).filter { $0 > now }.min()
        if let startsLastResorts, startsLastResorts > now {
          nextCheck = Instant.earliest(nextCheck, startsLastResorts)
        }
        return
      }
      sendCheck(pair, at: now)
      pacedUntil = max(pacedUntil ?? now, now).advanced(by: pace)
    }
  }

  private mutating func takeNextPair(at now: Instant) -> Int? {
    while let pair = triggered.first {
      triggered.removeFirst()
      pairs[pair].isTriggered = false
      return pair
    }
    if let waiting = best(in: .waiting, at: now) { return waiting }
    // Nothing waits and nothing is under way: then the frozen ones are tried after all (RFC 8445, 6.1.4.2).
    guard configuration.freezes, !pairs.contains(where: { $0.state == .inProgress }) else { return nil }
    return best(in: .frozen, at: now)
  }

  private func best(in state: CandidatePair.State, at now: Instant) -> Int? {
    var best: Int?
    let relay = bestOpenRelay
    let holdsBack = startsLastResorts.map { now < $0 } ?? false
    for pair in pairs.indices where pairs[pair].state == state {
      if isNeedless(pair, beside: relay) || holdsBack && isLastResort(pair) { continue }
      if let until = bases[pairs[pair].base].answersUntil, until > now { continue }
      if best.map({ pairs[$0].priority < pairs[pair].priority }) ?? true { best = pair }
    }
    return best
  }

  /// The best way over a relay on which packets pass.
  private var bestOpenRelay: UInt64? {
    guard configuration.keepsSearching else { return nil }
    var best: UInt64?
    for pair in pairs.indices where pairs[pair].state == .succeeded && isRelayed(pair) {
      best = max(best ?? 0, pairs[pair].priority)
    }
    return best
  }

  /// One relay is enough, unless another is better: each costs somebody something.
  private func isNeedless(_ pair: Int, beside relay: UInt64?) -> Bool {
    relay.map { pairs[pair].priority < $0 && isRelayed(pair) } ?? false
  }

  private func isRelayed(_ pair: Int) -> Bool {
    bases[pairs[pair].base].candidate.kind == .relayed || remotes[pairs[pair].remote].kind == .relayed
  }

  /// From relay to relay: what only two need from whom nothing goes straight.
  private func isLastResort(_ pair: Int) -> Bool {
    bases[pairs[pair].base].candidate.kind == .relayed && remotes[pairs[pair].remote].kind == .relayed
  }

  /// From when on that is tried: later, where one of both is seen on the internet without a relay.
  private var startsLastResorts: Instant? {
    guard configuration.keepsSearching, let startsChecking else { return nil }
    let isSeen =
      knownMapped.contains { [bases] in bases[$0.base].candidate.kind != .relayed }
      || remotes.contains { $0.transport == .udp && $0.kind != .relayed && !$0.address.ip.isPrivate }
    return isSeen ? startsChecking.advanced(by: ICELimits.lastResort) : nil
  }

  mutating func sendCheck(_ pair: Int, nominating: Bool = false, at now: Instant) {
    guard remoteKey != nil else { return }
    if pairs[pair].state != .succeeded { pairs[pair].state = .inProgress }
    var patience = configuration.patience
    if bases[pairs[pair].base].connectedTo != nil {
      // A connection sends again by itself (RFC 8489, 6.2.2).
      patience.transmissions = 1
      patience.last = Int(Duration.milliseconds(39_500) / max(patience.first, .milliseconds(1)))
    } else {
      patience.first = jittered(patience.first)
      // Sent once, its answer tells how long the way is.
      if let known = pairs[pair].longestRoundTrip { patience.first = max(patience.first, known * 1.25) }
    }
    begin(
      CheckTransaction(
        id: TransactionID(using: &random), pair: pair, purpose: .connectivity,
        nominates: nominating || (role == .controlling && pairs[pair].nominatesOnSuccess), role: role,
        sentAt: now,
        timer: STUNRequestTimer(patience, sentAt: now)))
  }

  mutating func begin(_ transaction: CheckTransaction) {
    let ofPair = transactions.indices.filter { transactions[$0].pair == transaction.pair }
    if ofPair.count >= ICELimits.transactionsPerPair { transactions.remove(at: ofPair[0]) }
    transactions.append(transaction)
    outputs.append(.check(transaction))
    counters.checksSent += 1
  }

  mutating func jittered(_ duration: Duration, by share: Double = ICELimits.jitter) -> Duration {
    duration * Double.random(in: 1 - share...1 + share, using: &random)
  }

  /// A check has come from there: ours goes the same way (RFC 8445, 7.3.1.4).
  mutating func trigger(_ pair: Int, at now: Instant) {
    guard !pairs[pair].isGone, !pairs[pair].isOneWay else { return }
    switch pairs[pair].state {
    case .succeeded: return
    // Over a connection nothing is lost: the check that is under way will be answered.
    case .inProgress where bases[pairs[pair].base].connectedTo != nil: return
    // One that was triggered just now has not had the time to be answered: two sides would never stop cancelling.
    case .inProgress where pairs[pair].mayTriggerAt.map { now < $0 } ?? false: return
    case .inProgress:
      for place in transactions.indices where transactions[place].pair == pair {
        transactions[place].isCancelled = true
      }
    case .frozen, .waiting, .failed: break
    }
    pairs[pair].state = .waiting
    pairs[pair].triggerWait = min(
      pairs[pair].triggerWait.map { $0 * 2 } ?? configuration.patience.first, configuration.patience.longest)
    pairs[pair].mayTriggerAt = now.advanced(by: pairs[pair].triggerWait!)
    if !pairs[pair].isTriggered {
      pairs[pair].isTriggered = true
      triggered.append(pair)
    }
    // The other side has begun: nothing is gained by waiting for it.
    startsChecking = min(startsChecking ?? now, now)
    sendDueChecks(at: now)
  }
}

// MARK: The time

extension ICECore {
  /// When to call ``handleDeadline(at:)``.
  public var nextDeadline: Instant? {
    guard !isClosed else { return nil }
    var next = nextCheck
    func consider(_ deadline: Instant?) {
      guard let deadline else { return }
      next = next.map { min($0, deadline) } ?? deadline
    }
    for transaction in transactions { consider(transaction.timer.deadline) }
    for pair in pairs where pair.state == .succeeded {
      consider(pair.nextConsent)
      consider(pair.consentUntil)
    }
    consider(previous?.until)
    consider(nominateAt)
    consider(nextRound)
    if !hasFailed, selectedPair == nil { consider(givesUpAt) }
    return next
  }

  /// Takes the time, and does what is due.
  public mutating func handleDeadline(at now: Instant) {
    guard !isClosed else { return }
    handleTransactions(at: now)
    handleConsent(at: now)
    endPrevious(at: now)
    handleRound(at: now)
    if let due = nominateAt, due <= now {
      nominateAt = nil
      nominateBest(at: now)
    }
    sendDueChecks(at: now)
    if let due = givesUpAt, due <= now {
      givesUpAt = nil
      failIfHopeless()
    }
  }

  private mutating func handleTransactions(at now: Instant) {
    let relay = bestOpenRelay
    var place = 0
    while place < transactions.count {
      guard transactions[place].timer.deadline <= now,
        let event = transactions[place].timer.handleDeadline(at: now)
      else {
        place += 1
        continue
      }
      switch event {
      case .sendAgain:
        let pair = transactions[place].pair
        let isNeeded = pairs[pair].state == .succeeded || !isNeedless(pair, beside: relay)
        if !transactions[place].isCancelled, isNeeded {
          transactions[place].transmissions += 1
          outputs.append(.check(transactions[place]))
          counters.checksSent += 1
        }
        place += 1
      case .timedOut:
        let ended = transactions.remove(at: place)
        timedOut(ended, at: now)
      }
    }
  }

  private mutating func timedOut(_ transaction: CheckTransaction, at now: Instant) {
    guard transaction.purpose == .connectivity, !transaction.isCancelled else { return }
    let pair = transaction.pair
    if pairs[pair].state == .inProgress {
      pairs[pair].state = .failed
      // A hint that was none is not followed again.
      if pairs[pair].isHint, !pairs[pair].wasChecked { pairs[pair].isGone = true }
    }
    // A nomination that nobody answered: the way has died since. The next best is nominated.
    if transaction.nominates, !pairs[pair].isNominated, pairs[pair].state == .succeeded {
      lose(pair, at: now)
    }
    sendDueChecks(at: now)
    failIfHopeless(after: now)
  }

  /// Tries what has failed once more, ever more rarely.
  private mutating func handleRound(at now: Instant) {
    guard let due = nextRound, due <= now else { return }
    round = min(round * 2, ICELimits.longestRound)
    nextRound = now.advanced(by: jittered(round))
    // Once there is a way, only a better one is worth packets.
    let least = selectedPair.map { pairs[$0].priority } ?? 0
    for pair in pairs.indices
    where pairs[pair].state == .failed && !pairs[pair].isGone && pairs[pair].priority > least {
      pairs[pair].state = .waiting
      pairs[pair].isOneWay = false
    }
    hasFailed = false
    sendDueChecks(at: now)
  }

  /// Says that it has failed when nothing is left to try, but not before the time for patience is over (RFC 8863).
  mutating func failIfHopeless(after now: Instant? = nil) {
    guard !hasFailed, givesUpAt == nil, remoteKey != nil, selectedPair == nil else { return }
    guard pairs.allSatisfy({ $0.state == .failed }) else { return }
    hasFailed = true
    events.append(.failed)
  }
}
