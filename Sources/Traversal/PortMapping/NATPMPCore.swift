import WarrenMachine

/// One mapping at one gateway by NAT-PMP, without I/O (RFC 6886, 3).
///
/// It asks for the outside address first, which opens nothing, and for the mapping when it is told to.
struct NATPMPCore: Sendable {
  enum State: Hashable, Sendable {
    case asking, mapped, withdrawing, ended
  }

  private enum Question: Hashable, Sendable {
    case address, map, withdrawal
  }

  let terms: PortMappingTerms
  private(set) var state = State.asking
  private(set) var grant: PortMappingGrant?
  /// The gateway's outside address, as soon as it has said so.
  private(set) var address: IPAddress?
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

  /// Asks for the address at once.
  init(_ terms: PortMappingTerms, seed: UInt64, at now: Instant) {
    self.terms = terms
    chance = SeededChance(seed: seed)
    question = .address
    retransmission = NATPMPCore.patient(at: now)
  }

  private static func patient(at now: Instant) -> Retransmission {
    Retransmission(
      at: now, first: PortMappingLimits.natPMPFirstPause, longest: PortMappingLimits.natPMPLongestPause)
  }

  private mutating func ask(_ next: Question, at now: Instant) {
    question = next
    retransmission = NATPMPCore.patient(at: now)
  }

  private mutating func end(_ event: PortMappingEvent) -> PortMappingEvent {
    if state == .asking { hasAsked = false }
    stop()
    return event
  }

  /// Asks for the mapping, now that the address is known.
  mutating func map(at now: Instant) {
    guard state == .asking, address != nil, question != .map else { return }
    ask(.map, at: now)
  }

  /// Asks nothing more, and leaves what was asked for to its lifetime or to ``withdraw(at:)``.
  mutating func stop() {
    state = .ended
    question = nil
  }

  /// Gives back what was asked for (RFC 6886, 3.4).
  mutating func withdraw(at now: Instant) {
    guard hasAsked else { return stop() }
    state = .withdrawing
    ask(.withdrawal, at: now)
  }
}

// MARK: Answers

extension NATPMPCore {
  /// The gateway speaks another version instead: it knows PCP alone.
  mutating func versionWasRefused() -> PortMappingEvent? {
    switch state {
    case .asking: end(.unsupported)
    case .withdrawing: end(.withdrawn)
    case .mapped, .ended: nil
    }
  }

  /// Takes an answer that came from the gateway's port.
  mutating func received(_ bytes: RawSpan, at now: Instant) throws(AnswerFault) -> PortMappingEvent? {
    let answer = try NATPMPAnswer(bytes)
    guard state != .ended else { throw .unexpected }
    switch answer.body {
    case .address(let address):
      guard question == .address else { throw .unexpected }
      return try receivedAddress(address, answer, at: now)
    case .mapping(let transport, let mapping):
      guard transport == terms.transport, mapping.map({ $0.localPort == terms.localPort }) ?? true else {
        throw .wrongMapping
      }
      if state == .withdrawing {
        // A late answer to the request before it grants time; the one to the withdrawal does not.
        guard answer.result != 0 || mapping?.lifetime == 0 else { throw .unexpected }
        return end(.withdrawn)
      }
      guard question == .map else { throw .unexpected }
      guard answer.result == 0, let mapping else { return refuse(answer, at: now) }
      return try accept(mapping, answer, at: now)
    }
  }

  private mutating func receivedAddress(
    _ address: IPAddress?, _ answer: NATPMPAnswer, at now: Instant
  ) throws(AnswerFault) -> PortMappingEvent? {
    guard answer.result == 0, let address else {
      question = nil
      check = now.advanced(by: PortMappingLimits.checkInterval)
      return state == .asking ? end(.refused(PortMappingError.Refusal(natPMP: answer.result))) : nil
    }
    guard SocketAddress(address, port: 1).isUsable else { throw .impossible }
    question = nil
    check = now.advanced(by: PortMappingLimits.checkInterval)
    let hasMoved = self.address != address
    self.address = address
    let hasRestarted = epoch.noted(natPMP: answer.epoch, at: now)
    guard state == .mapped, var grant else { return .found(address) }
    if hasRestarted {
      isForgotten = true
      ask(.map, at: now)
      return nil
    }
    guard hasMoved else { return nil }
    grant.outside.ip = address
    self.grant = grant
    return .granted(grant)
  }

  private mutating func accept(
    _ mapping: NATPMPAnswer.Mapping, _ answer: NATPMPAnswer, at now: Instant
  ) throws(AnswerFault) -> PortMappingEvent {
    guard mapping.lifetime > 0, mapping.outsidePort != 0, let address else { throw .impossible }
    _ = epoch.noted(natPMP: answer.epoch, at: now)
    isForgotten = false
    state = .mapped
    question = nil
    let seconds = Double(min(mapping.lifetime, PortMappingLimits.longestLifetime))
    let grant = PortMappingGrant(
      outside: SocketAddress(address, port: mapping.outsidePort), expiry: now.advanced(by: .seconds(seconds)))
    self.grant = grant
    let pause = Duration.seconds(seconds * chance.factor(in: PortMappingLimits.renewal))
    renewal = now.advanced(by: max(pause, PortMappingLimits.shortestRenewal))
    check = min(check, now.advanced(by: PortMappingLimits.checkInterval))
    return .granted(grant)
  }

  private mutating func refuse(_ answer: NATPMPAnswer, at now: Instant) -> PortMappingEvent? {
    guard state == .mapped else { return end(.refused(PortMappingError.Refusal(natPMP: answer.result))) }
    if isForgotten { return end(.lost) }
    // What was granted lives to its end; the protocol does not say when to ask again.
    question = nil
    renewal = now.advanced(by: PortMappingLimits.checkInterval)
    return nil
  }
}

// MARK: Time

extension NATPMPCore {
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
      if question == .address, state == .mapped, retransmission.count >= PortMappingLimits.checkTries {
        question = nil
        check = now.advanced(by: PortMappingLimits.checkInterval)
      }
    }
    if state == .mapped {
      if question != .map, renewal <= now { ask(.map, at: now) }
      if question == nil, check <= now { ask(.address, at: now) }
    }
    return nil
  }

  /// What is to be sent now.
  mutating func poll(at now: Instant) -> NATPMPRequest? {
    guard let question, retransmission.due <= now else { return nil }
    retransmission.asked(at: now, &chance)
    switch question {
    case .address: return .address
    case .map:
      hasAsked = true
      return .map(
        terms.transport, localPort: terms.localPort,
        suggestedPort: grant?.outside.port ?? terms.suggestedPort,
        lifetime: terms.lifetime)
    case .withdrawal:
      return .map(terms.transport, localPort: terms.localPort, suggestedPort: 0, lifetime: 0)
    }
  }
}
