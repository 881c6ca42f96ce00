import WarrenMachine
import WarrenSTUN

extension ICECore {
  /// What became of a datagram.
  public enum Received: Hashable, Sendable {
    /// It was a check of the peer's. Its source is as true as that of any datagram.
    case check
    /// It was the peer's answer to a check: the peer is where it came from.
    case answer
    /// It keeps a NAT open, says nothing, and may be from anyone.
    case keepAlive
    /// It was a STUN message that concerns somebody else, or is not to be believed.
    case refused
    /// It is not STUN at all: whoever uses the path may have it.
    case notSTUN
  }

  /// Takes a datagram that came to one of our sockets.
  public mutating func receive(
    _ bytes: RawSpan, on base: ICEBaseID, from source: SocketAddress, at now: Instant
  ) -> Received {
    guard STUNMessage.mayBegin(bytes) else { return .notSTUN }
    guard !isClosed, bases.indices.contains(base.index), let message = try? STUNMessage(bytes),
      message.method == .binding
    else { return .refused }
    switch message.messageClass {
    case .request: return receiveCheck(message, base.index, source, at: now)
    case .success: return receiveAnswer(message, base.index, source, at: now)
    case .failure: return receiveRefusal(message, base.index, source, at: now)
    case .indication: return .keepAlive
    }
  }

  /// Whether a check is for this agent: by the name it bears.
  public func isAddressed(by message: borrowing STUNMessage) -> Bool {
    guard let username = message.value(of: .username) else { return false }
    return username.byteCount >= expectedPrefix.count
      && username.extracting(first: expectedPrefix.count).withUnsafeBytes { $0.elementsEqual(expectedPrefix) }
  }
}

extension ICECore {
  /// Whether a check comes from somebody who has this agent's credentials.
  public func isSigned(_ check: borrowing STUNMessage) -> Bool {
    isAddressed(by: check) && check.hasFingerprint && check.isSigned(with: localKey)
  }
}

// MARK: Checks (RFC 8445, 7.3)

extension ICECore {
  private mutating func receiveCheck(
    _ check: borrowing STUNMessage, _ base: Int, _ source: SocketAddress, at now: Instant
  ) -> Received {
    // Who cannot sign is told nothing: an error would tell a stranger that somebody is here.
    guard isSigned(check),
      remoteKey == nil || check.value(of: .username, equals: expectedUsername.span.bytes),
      let priority = check.number(.priority), source.port != 0
    else {
      counters.unsigned += 1
      return .refused
    }
    let transmit = ICETransmit(base: ICEBaseID(base), destination: source)
    let isSHA256 = check.integrity == .sha256
    guard settleRoles(check, at: now) else {
      outputs.append(.roleConflict(transmit, check.transactionID, isSHA256: isSHA256))
      return .check
    }
    outputs.append(.answer(transmit, check.transactionID, isSHA256: isSHA256))
    let early = EarlyCheck(
      base: base, source: source, priority: priority, nominates: check.has(.useCandidate))
    if remoteKey == nil {
      if earlyChecks.count < ICELimits.earlyChecks { earlyChecks.append(early) }
    } else {
      take(early, at: now)
    }
    return .check
  }

  /// Whether only one side decides, after this side has perhaps given way (RFC 8445, 7.3.1.1).
  private mutating func settleRoles(_ check: borrowing STUNMessage, at now: Instant) -> Bool {
    switch role {
    case .controlling:
      guard let theirs = check.longNumber(.iceControlling) else { return true }
      if tieBreaker >= theirs { return false }
      switchRole(at: now)
    case .controlled:
      guard let theirs = check.longNumber(.iceControlled) else { return true }
      if tieBreaker < theirs { return false }
      switchRole(at: now)
    }
    return true
  }

  /// Learns from a check that the other side's packets arrive on this way, and sends one of ours.
  mutating func take(_ check: EarlyCheck, at now: Instant) {
    guard let remote = learn(check) else { return }
    if pairPlace(base: check.base, remote: remote) == nil {
      formPair(check.base, remote, isAsked: !check.isHint, isHint: check.isHint, at: now)
    }
    guard let pair = pairPlace(base: check.base, remote: remote) else { return }
    if !check.isHint { revive(pair) }
    if !pairs[pair].wasChecked, !check.isHint {
      pairs[pair].wasChecked = true
      if pairs[pair].state == .succeeded, nominateAt == nil { nominateBest(at: now) }
    }
    if check.nominates, role == .controlled {
      if pairs[pair].state == .succeeded || configuration.isLite {
        nominated(pair, at: now)
      } else {
        pairs[pair].nominatesOnSuccess = true
      }
    }
    if configuration.isLite {
      if pairs[pair].state != .succeeded { succeed(pair, mapped: nil, roundTrip: nil, at: now) }
    } else {
      trigger(pair, at: now)
    }
  }

  /// What was only a hint, and perhaps given up, is known from somebody who may say so.
  mutating func revive(_ pair: Int) {
    guard pairs[pair].isHint else { return }
    pairs[pair].isHint = false
    if !bases[pairs[pair].base].isGone { pairs[pair].isGone = false }
  }

  /// Takes a hint that the other side may be at `source`: it is checked as if a check had come from there.
  public mutating func suspect(_ source: SocketAddress, on base: ICEBaseID, at now: Instant) {
    guard remoteKey != nil, !isClosed else { return }
    let priority = Candidate.priority(.peerReflexive, localPreference: bases[base.index].localPreference)
    take(
      EarlyCheck(base: base.index, source: source, priority: priority, nominates: false, isHint: true),
      at: now)
  }

  /// The candidate that a check came from; a new, peer-reflexive one where nobody has named it (RFC 8445, 7.3.1.3).
  private mutating func learn(_ check: EarlyCheck) -> Int? {
    let transport = bases[check.base].candidate.transport
    if let known = remotePlace(of: check.source, transport) { return known }
    guard remotes.count < ICELimits.remoteCandidates + ICELimits.reflexiveCandidates else {
      counters.refusals.count(.tooMany)
      return nil
    }
    remotes.append(
      Candidate(
        .peerReflexive, over: transport.counterpart, at: check.source, priority: check.priority,
        foundation: "p\(remotes.count)"))
    return remotes.count - 1
  }
}

// MARK: Answers (RFC 8445, 7.2.5)

extension ICECore {
  private mutating func receiveAnswer(
    _ answer: borrowing STUNMessage, _ base: Int, _ source: SocketAddress, at now: Instant
  ) -> Received {
    guard let place = asked(answer, base, source, at: now), let mapped = answer.mappedAddress else {
      return .refused
    }
    let transaction = transactions.remove(at: place)
    let pair = transaction.pair
    // Sent once, it is known which sending was answered (Karn).
    let elapsed = transaction.sentAt.duration(to: now)
    let roundTrip = transaction.transmissions == 1 ? elapsed : nil
    pairs[pair].longestRoundTrip = min(pairs[pair].longestRoundTrip ?? elapsed, elapsed)
    if pairs[pair].state != .succeeded {
      learnMapped(mapped, base)
      succeed(pair, mapped: mapped, roundTrip: roundTrip, at: now)
    } else {
      pairs[pair].roundTrip = roundTrip ?? pairs[pair].roundTrip
      pairs[pair].mapped = mapped
      renewConsent(pair, at: now)
    }
    if transaction.nominates || (role == .controlled && pairs[pair].nominatesOnSuccess) {
      pairs[pair].nominatesOnSuccess = false
      nominated(pair, at: now)
    }
    return .answer
  }

  /// Which question this answers: signed by the other side, and from where the question went (RFC 8445, 7.2.5.2.1).
  private mutating func asked(
    _ answer: borrowing STUNMessage, _ base: Int, _ source: SocketAddress, at now: Instant
  ) -> Int? {
    let id = answer.transactionID
    guard let remoteKey, let place = transactions.firstIndex(where: { $0.id == id }),
      pairs[transactions[place].pair].base == base
    else {
      counters.unasked += 1
      return nil
    }
    guard answer.isSigned(with: remoteKey) else {
      counters.unsigned += 1
      return nil
    }
    let pair = transactions[place].pair
    guard remotes[pairs[pair].remote].address == source else {
      counters.unasked += 1
      heardElsewhere(pair, at: now)
      return nil
    }
    pairs[pair].isOneWay = false
    return place
  }

  /// The other side has heard what went this way, and answers on another, since its NAT has another port for each of this side's: a
  /// pair that fails (RFC 8445, 7.2.5.2.1), and that the other side's checks do not revive. Two such NATs, both of which let in whoever comes,
  /// would ask each other as fast as they may, without end. The answer may have been said again by somebody else, from elsewhere:
  /// if it comes from where it should after all, it counts.
  private mutating func heardElsewhere(_ pair: Int, at now: Instant) {
    guard pairs[pair].state == .inProgress else { return }
    pairs[pair].isOneWay = true
    pairs[pair].state = .failed
    for place in transactions.indices where transactions[place].pair == pair {
      transactions[place].isCancelled = true
    }
    sendDueChecks(at: now)
    failIfHopeless(after: now)
  }

  private mutating func receiveRefusal(
    _ answer: borrowing STUNMessage, _ base: Int, _ source: SocketAddress, at now: Instant
  ) -> Received {
    // An error that is not signed is anybody's: the check goes on until it is answered or has failed.
    guard let place = asked(answer, base, source, at: now), let code = answer.errorCode else {
      return .refused
    }
    let transaction = transactions.remove(at: place)
    let pair = transaction.pair
    guard code == .roleConflict else {
      if pairs[pair].state == .inProgress { pairs[pair].state = .failed }
      failIfHopeless()
      return .answer
    }
    // The other side keeps the role that this check claimed: this one gives way, if it has not yet (7.2.5.1).
    if role == transaction.role { switchRole(at: now) }
    for other in transactions.indices { transactions[other].isCancelled = true }
    for other in pairs.indices where pairs[other].state == .inProgress { pairs[other].state = .waiting }
    if pairs[pair].state != .succeeded {
      pairs[pair].state = .failed
      trigger(pair, at: now)
    }
    sendDueChecks(at: now)
    return .answer
  }

  /// The other side sees us at an address that we did not know (RFC 8445, 7.2.5.3.1).
  private mutating func learnMapped(_ address: SocketAddress, _ base: Int) {
    let local = bases[base].candidate
    guard local.address != address, !knownMapped.contains(where: { $0.base == base && $0.address == address })
    else {
      return
    }
    knownMapped.append((base, address))
    events.append(
      .learned(
        Candidate(
          .peerReflexive, over: local.transport, at: address, relatedTo: local.address,
          priority: Candidate.priority(
            .peerReflexive, local.transport, localPreference: bases[base].localPreference),
          foundation: "p"), ICEBaseID(base)))
  }
}
