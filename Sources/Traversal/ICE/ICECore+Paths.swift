import WarrenMachine
import WarrenSTUN

// MARK: Nomination (RFC 8445, 8)

extension ICECore {
  /// A check of a pair was answered: packets pass.
  mutating func succeed(_ pair: Int, mapped: SocketAddress?, roundTrip: Duration?, at now: Instant) {
    pairs[pair].state = .succeeded
    pairs[pair].mapped = mapped
    pairs[pair].roundTrip = roundTrip
    for place in transactions.indices where transactions[place].pair == pair {
      transactions[place].isCancelled = true
    }
    renewConsent(pair, at: now)
    thawLike(pair)
    events.append(.opened(path(pair)))
    guard role == .controlling, !configuration.isLite else { return }
    if selectedPair == nil {
      let isBest = !pairs.contains {
        $0.priority > pairs[pair].priority && $0.state != .failed && $0.state != .succeeded
      }
      if isBest || configuration.nominatesAfter <= .zero {
        nominateBest(at: now)
      } else if nominateAt == nil {
        nominateAt = now.advanced(by: configuration.nominatesAfter)
      }
    } else if configuration.keepsSearching, let selectedPair, isBetter(pair, than: selectedPair),
      // A connection that was agreed upon may have a new owner already: another one is not agreed upon in its place.
      bases[pairs[selectedPair].base].connectedTo == nil || bases[pairs[pair].base].connectedTo == nil
    {
      nominate(pair, at: now)
    }
  }

  /// On a connection the answer to a nomination is the last that is said: so the other side must have asked before.
  private func mayNominate(_ pair: Int) -> Bool {
    bases[pairs[pair].base].connectedTo == nil || pairs[pair].wasChecked || remoteIsLite
  }

  private func isBetter(_ pair: Int, than other: Int) -> Bool { pairs[pair].priority > pairs[other].priority }

  /// Asks the other side to use the best pair that works.
  mutating func nominateBest(at now: Instant) {
    guard role == .controlling, selectedPair == nil else { return }
    let working = pairs.indices.filter { pairs[$0].state == .succeeded && mayNominate($0) }
    guard let best = working.max(by: { pairs[$0].priority < pairs[$1].priority }) else { return }
    nominate(best, at: now)
  }

  private mutating func nominate(_ pair: Int, at now: Instant) {
    guard !pairs[pair].nominatesOnSuccess, !pairs[pair].isNominated, mayNominate(pair) else { return }
    pairs[pair].nominatesOnSuccess = true
    sendCheck(pair, nominating: true, at: now)
  }

  /// Both sides know that a pair is taken.
  mutating func nominated(_ pair: Int, at now: Instant) {
    pairs[pair].nominatesOnSuccess = false
    pairs[pair].isNominated = true
    if pairs[pair].state != .succeeded, configuration.isLite {
      succeed(pair, mapped: nil, roundTrip: nil, at: now)
    }
    // Of several, the best: an agent of the old RFC may nominate every pair that works. Among our own kind the
    // last: the controlling side has found that its choice before has died.
    if let selectedPair {
      guard selectedPair != pair, configuration.keepsSearching || isBetter(pair, than: selectedPair) else {
        return
      }
    }
    select(pair, at: now)
  }

  private mutating func select(_ pair: Int, at now: Instant) {
    selectedPair = pair
    previous = nil
    hadSelected = true
    nominateAt = nil
    scheduleConsent(pair, at: now)
    events.append(.selected(path(pair)))
    guard !configuration.keepsSearching else { return }
    // What is worse is not tried any more (RFC 8445, 8.1.2).
    for other in pairs.indices where pairs[other].priority < pairs[pair].priority {
      pairs[other].isTriggered = false
      if pairs[other].state != .succeeded { pairs[other].state = .failed }
    }
    let pairs = pairs
    triggered.removeAll { !pairs[$0].isTriggered }
    transactions.removeAll { $0.purpose == .connectivity && pairs[$0.pair].state == .failed }
  }
}

// MARK: Consent (RFC 7675)

extension ICECore {
  /// Who only answers never asks (RFC 8445, 2.5), and a connection says itself when it ends.
  private func asksConsent(_ pair: Int) -> Bool {
    !configuration.isLite && bases[pairs[pair].base].connectedTo == nil
  }

  mutating func renewConsent(_ pair: Int, at now: Instant) {
    guard asksConsent(pair) else { return }
    pairs[pair].consentUntil = now.advanced(by: configuration.consentLifetime)
    if selectedPair == nil, hadSelected, role == .controlling { nominate(pair, at: now) }
    if pairs[pair].nextConsent == nil { scheduleConsent(pair, at: now) }
  }

  /// The next question: between 0.8 and 1.2 times the interval from now (RFC 7675, 5.1).
  private mutating func scheduleConsent(_ pair: Int, at now: Instant) {
    guard asksConsent(pair) else { return }
    let interval = pair == selectedPair ? configuration.consentInterval : configuration.keepAliveInterval
    pairs[pair].nextConsent = now.advanced(by: jittered(interval, by: 0.2))
  }

  mutating func handleConsent(at now: Instant) {
    for pair in pairs.indices where pairs[pair].state == .succeeded {
      if let until = pairs[pair].consentUntil, until <= now {
        lose(pair, at: now)
      } else if let due = pairs[pair].nextConsent, due <= now {
        askConsent(pair, at: now)
        scheduleConsent(pair, at: now)
      }
    }
  }

  /// One question, sent once: the next will come, and each has an id of its own (RFC 7675, 5.1).
  private mutating func askConsent(_ pair: Int, at now: Instant) {
    let once = STUNRequestTimer.Patience(first: configuration.consentLifetime, transmissions: 1, last: 1)
    begin(
      CheckTransaction(
        id: TransactionID(using: &random), pair: pair, purpose: .consent,
        // Said again and again, so that both sides agree whatever was lost.
        nominates: configuration.keepsSearching && role == .controlling && pair == selectedPair, role: role,
        sentAt: now,
        timer: STUNRequestTimer(once, sentAt: now)))
  }

  /// Asks on every way that was open whether it still is: the first that answers is taken.
  private mutating func askAll(at now: Instant) {
    for pair in pairs.indices where pairs[pair].state == .succeeded {
      if asksConsent(pair) {
        askConsent(pair, at: now)
        scheduleConsent(pair, at: now)
      } else if role == .controlling {
        nominate(pair, at: now)
      }
    }
  }

  /// A way on which packets passed has fallen silent.
  mutating func lose(_ pair: Int, at now: Instant) {
    let lost = path(pair)
    pairs[pair].state = .failed
    pairs[pair].isNominated = false
    pairs[pair].nominatesOnSuccess = false
    pairs[pair].nextConsent = nil
    pairs[pair].consentUntil = nil
    transactions.removeAll { $0.pair == pair }
    events.append(.lost(lost))
    if selectedPair == pair {
      selectedPair = nil
      let nominated = pairs.indices.filter { pairs[$0].isNominated && pairs[$0].state == .succeeded }
      if let next = nominated.max(by: { pairs[$0].priority < pairs[$1].priority }) {
        select(next, at: now)
      } else {
        askAll(at: now)
      }
    }
    failIfHopeless()
  }
}
