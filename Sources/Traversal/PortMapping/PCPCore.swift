import WarrenMachine

/// One mapping at one gateway by PCP, without I/O (RFC 6887, 8.1, 11.2 and 15).
struct PCPCore: Sendable {
  enum State: Hashable, Sendable {
    case asking, mapped, withdrawing, ended
  }

  private enum Question: Hashable, Sendable {
    case map, announce, withdrawal
  }

  let terms: PortMappingTerms
  /// The address that the gateway sees this machine at, if nothing stands between.
  let client: IPAddress
  let nonce: PCPNonce
  private(set) var state = State.asking
  private(set) var grant: PortMappingGrant?
  /// Whether a request for a mapping has left: then there may be one.
  private(set) var hasAsked = false
  private var question: Question?
  private var retransmission: Retransmission
  private var renewal = Instant.distantFuture
  private var check = Instant.distantFuture
  private var epoch = GatewayEpoch()
  /// Whether the gateway has lost its state since the grant.
  private var isForgotten = false
  private var chance: SeededChance

  /// Asks at once.
  init(_ terms: PortMappingTerms, client: IPAddress, nonce: PCPNonce, seed: UInt64, at now: Instant) {
    self.terms = terms
    self.client = client
    self.nonce = nonce
    chance = SeededChance(seed: seed)
    question = .map
    retransmission = PCPCore.patient(at: now)
  }

  private static func patient(at now: Instant) -> Retransmission {
    Retransmission(
      at: now, first: PortMappingLimits.pcpFirstPause, longest: PortMappingLimits.pcpLongestPause)
  }

  private mutating func ask(_ next: Question, at now: Instant) {
    question = next
    retransmission = PCPCore.patient(at: now)
  }

  private mutating func end(_ event: PortMappingEvent) -> PortMappingEvent {
    if state == .asking { hasAsked = false }
    stop()
    return event
  }

  /// Asks nothing more, and leaves what was asked for to its lifetime or to ``withdraw(at:)``.
  mutating func stop() {
    state = .ended
    question = nil
  }

  /// Gives back what was asked for (RFC 6887, 15).
  mutating func withdraw(at now: Instant) {
    guard hasAsked else { return stop() }
    state = .withdrawing
    ask(.withdrawal, at: now)
  }
}

// MARK: Answers

extension PCPCore {
  /// The gateway speaks another version instead (RFC 6887, 9).
  mutating func versionWasRefused() -> PortMappingEvent? {
    switch state {
    case .asking: end(.unsupported)
    case .withdrawing: end(.withdrawn)
    // One that has spoken PCP does not unlearn it: somebody else says so.
    case .mapped, .ended: nil
    }
  }

  /// Takes an answer that came from the gateway's port.
  mutating func received(_ bytes: RawSpan, at now: Instant) throws(AnswerFault) -> PortMappingEvent? {
    let answer = try PCPAnswer(bytes)
    guard state != .ended else { throw .unexpected }
    guard let mapping = answer.mapping else {
      guard question == .announce else { throw .unexpected }
      question = nil
      check = now.advanced(by: PortMappingLimits.checkInterval)
      noteEpoch(answer.epoch, at: now)
      return nil
    }
    guard mapping.nonce == nonce else { throw .wrongNonce }
    guard mapping.transport == terms.transport.rawValue, mapping.localPort == terms.localPort else {
      throw .wrongMapping
    }
    if state == .withdrawing {
      // A late answer to the request before it grants time; the one to the withdrawal does not.
      guard answer.result != 0 || answer.lifetime == 0 else { throw .unexpected }
      return end(.withdrawn)
    }
    return answer.result == 0
      ? try accept(answer, mapping, at: now) : refuse(answer, at: now)
  }

  private mutating func accept(
    _ answer: PCPAnswer, _ mapping: PCPAnswer.Mapping, at now: Instant
  ) throws(AnswerFault) -> PortMappingEvent {
    guard answer.lifetime > 0, mapping.outside.isUsable, mapping.outside.ip.family == terms.family else {
      throw .impossible
    }
    _ = epoch.noted(pcp: answer.epoch, at: now)
    isForgotten = false
    state = .mapped
    question = nil
    let seconds = Double(min(answer.lifetime, PortMappingLimits.longestLifetime))
    let grant = PortMappingGrant(
      outside: mapping.outside, expiry: now.advanced(by: .seconds(seconds)))
    self.grant = grant
    let pause = Duration.seconds(seconds * chance.factor(in: PortMappingLimits.renewal))
    renewal = now.advanced(by: max(pause, PortMappingLimits.shortestRenewal))
    check = now.advanced(by: PortMappingLimits.checkInterval)
    return .granted(grant)
  }

  private mutating func refuse(_ answer: PCPAnswer, at now: Instant) -> PortMappingEvent? {
    switch state {
    case .asking: return end(.refused(PortMappingError.Refusal(pcp: answer.result)))
    case .mapped where isForgotten: return end(.lost)
    case .mapped:
      guard question == .map else { return nil }
      // What was granted lives to its end, and the error's lifetime says when asking again makes sense (7.2).
      question = nil
      let pause = min(Duration.seconds(Int64(answer.lifetime)), PortMappingLimits.longestRefusal)
      renewal = now.advanced(by: max(pause, PortMappingLimits.shortestRenewal))
      return nil
    case .withdrawing, .ended: return nil
    }
  }

  private mutating func noteEpoch(_ seconds: UInt32, at now: Instant) {
    guard epoch.noted(pcp: seconds, at: now), state == .mapped else { return }
    isForgotten = true
    ask(.map, at: now)
  }
}

// MARK: Time

extension PCPCore {
  /// When to call ``handleDeadline(at:)`` and ``poll(at:)``.
  var nextDeadline: Instant? {
    var deadline: Instant?
    func consider(_ time: Instant) { deadline = min(deadline ?? time, time) }
    if question != nil { consider(retransmission.due) }
    if state == .mapped, let grant {
      consider(grant.expiry)
      if question != .map { consider(renewal) }
      if question == nil { consider(check) }
    }
    return deadline
  }

  mutating func handleDeadline(at now: Instant) -> PortMappingEvent? {
    if state == .mapped, let grant, grant.expiry <= now { return end(.lost) }
    if question != nil, retransmission.due <= now {
      if question == .withdrawal, retransmission.count >= PortMappingLimits.withdrawalTries {
        return end(.withdrawn)
      }
      if question == .announce, retransmission.count >= PortMappingLimits.checkTries {
        question = nil
        check = now.advanced(by: PortMappingLimits.checkInterval)
      }
    }
    if state == .mapped {
      if question != .map, renewal <= now { ask(.map, at: now) }
      if question == nil, check <= now { ask(.announce, at: now) }
    }
    return nil
  }

  /// What is to be sent now.
  mutating func poll(at now: Instant) -> PCPRequest? {
    guard let question, retransmission.due <= now else { return nil }
    retransmission.asked(at: now, &chance)
    switch question {
    case .announce: return .announce(client: client)
    case .map:
      hasAsked = true
      let nowhere = SocketAddress(.any(terms.family), port: terms.suggestedPort)
      return map(suggested: grant?.outside ?? nowhere, lifetime: terms.lifetime)
    case .withdrawal: return map(suggested: .any(terms.family), lifetime: 0)
    }
  }

  private func map(suggested: SocketAddress, lifetime: UInt32) -> PCPRequest {
    .map(
      client: client, nonce: nonce, terms.transport, localPort: terms.localPort, suggested: suggested,
      lifetime: lifetime)
  }
}

extension SocketAddress {
  /// Whether a gateway can have it on its outside.
  var isUsable: Bool {
    port != 0 && ip.isUnicast && !ip.isLoopback
  }
}
