import WarrenMachine

/// One mapping by UPnP, without I/O (WANIPConnection:1, 2.4).
///
/// It looks for the gateway first, which opens nothing, and for the mapping when it is told to. One request is
/// under way at a time.
struct UPnPCore: Sendable {
  enum State: Hashable, Sendable {
    case asking, mapped, withdrawing, ended
  }

  let terms: PortMappingTerms
  /// Who may answer: whoever else says to be a gateway would send us wherever it likes.
  let gateways: [IPAddress]
  /// What came as an answer of a gateway and was none.
  private(set) var faults = AnswerFaults()
  private(set) var state = State.asking
  private(set) var grant: PortMappingGrant?
  /// The gateway that was found.
  private(set) var gateway: UPnPGateway?
  /// Whether a request for a mapping has left: then there may be one.
  private(set) var hasAsked = false
  /// What it says no with, when it does.
  private(set) var refusal: PortMappingError.Refusal?
  /// What is to be asked next, and what is being worked on.
  private var next: UPnPRequest?
  private var pending: UPnPRequest?
  private var port: UInt16
  private var lifetime: UInt32
  private var triedPorts = 1
  private var renewal = Instant.distantFuture
  private var chance: SeededChance

  /// Looks for a gateway at once.
  init(_ terms: PortMappingTerms, gateways: [IPAddress], seed: UInt64) {
    self.terms = terms
    self.gateways = gateways
    chance = SeededChance(seed: seed)
    port = terms.suggestedPort
    lifetime = terms.lifetime
    next = .discover
  }

  private mutating func end(_ event: PortMappingEvent) -> PortMappingEvent {
    if case .refused(let reason) = event { refusal = reason }
    if state == .asking { hasAsked = false }
    stop()
    return event
  }

  /// Asks for the mapping, now that the gateway is known.
  mutating func map() {
    guard state == .asking, gateway != nil, !hasAsked else { return }
    hasAsked = true
    askForPort()
  }

  private mutating func askForPort() {
    next = .map(terms.transport, outsidePort: port, toLocalPort: terms.localPort, lifetime: lifetime)
  }

  /// Asks nothing more.
  mutating func stop() {
    state = .ended
    next = nil
  }

  /// Gives back what was asked for.
  mutating func withdraw() {
    guard hasAsked else { return stop() }
    state = .withdrawing
    next = .unmap(terms.transport, outsidePort: port)
  }

  /// What is to be asked now.
  mutating func poll() -> UPnPRequest? {
    // Giving back does not wait for what is under way: the machine works on one after another by itself.
    guard pending == nil || state == .withdrawing, let next else { return nil }
    self.next = nil
    pending = next
    return next
  }

  /// Takes the answer to what was polled.
  mutating func answered(
    _ answer: Result<UPnPGateway, UPnPError>, to request: UPnPRequest, at now: Instant
  ) -> PortMappingEvent? {
    guard request == pending else { return nil }
    pending = nil
    switch (request, state) {
    case (.unmap, .withdrawing): return end(.withdrawn)
    case (_, .withdrawing), (_, .ended), (.unmap, _): return nil
    case (.discover, _): return found(answer)
    case (.map, _):
      switch answer {
      case .success(let gateway): return mapped(gateway, at: now)
      case .failure(let error): return refused(error, at: now)
      }
    }
  }

  private mutating func found(_ answer: Result<UPnPGateway, UPnPError>) -> PortMappingEvent {
    switch answer {
    case .success(let gateway):
      guard gateways.contains(gateway.address) else {
        faults[.stranger] += 1
        return end(.unsupported)
      }
      guard let address = gateway.outsideAddress else { return end(.refused(.gatewayIsOffline)) }
      self.gateway = gateway
      return .found(address)
    case .failure(.refused(let code)): return end(.refused(PortMappingError.Refusal(upnp: code)))
    case .failure: return end(.unsupported)
    }
  }

  private mutating func mapped(_ gateway: UPnPGateway, at now: Instant) -> PortMappingEvent? {
    guard gateways.contains(gateway.address) else {
      faults[.stranger] += 1
      return state == .asking ? end(.unsupported) : retryLater(at: now)
    }
    guard let address = gateway.outsideAddress, SocketAddress(address, port: port).isUsable else {
      return state == .asking ? end(.refused(.gatewayIsOffline)) : retryLater(at: now)
    }
    state = .mapped
    // What is granted for ever is trusted no longer than anything else: gateways restart.
    let seconds = Double(terms.lifetime)
    let grant = PortMappingGrant(
      outside: SocketAddress(address, port: port), expiry: now.advanced(by: .seconds(seconds)))
    self.grant = grant
    let pause = Duration.seconds(seconds * chance.factor(in: PortMappingLimits.renewal))
    renewal = now.advanced(by: min(pause, PortMappingLimits.upnpCheckInterval))
    return .granted(grant)
  }

  private mutating func refused(_ error: UPnPError, at now: Instant) -> PortMappingEvent? {
    switch error {
    // OnlyPermanentLeasesSupported.
    case .refused(code: 725) where lifetime != 0:
      lifetime = 0
      askForPort()
      return nil
    // ConflictInMappingEntry: the port is another's, also where a gateway has restarted and forgotten us.
    case .refused(code: 718) where triedPorts < PortMappingLimits.upnpPorts:
      triedPorts += 1
      port = UInt16.random(in: 1024...65_535, using: &chance)
      askForPort()
      return nil
    // SamePortValuesRequired.
    case .refused(code: 724) where port != terms.localPort:
      port = terms.localPort
      askForPort()
      return nil
    case .refused(let code):
      return state == .asking
        ? end(.refused(PortMappingError.Refusal(upnp: code))) : retryLater(at: now)
    case .noGateway, .unreachable:
      return state == .asking ? end(.unsupported) : retryLater(at: now)
    }
  }

  private mutating func retryLater(at now: Instant) -> PortMappingEvent? {
    triedPorts = 1
    renewal = now.advanced(by: PortMappingLimits.upnpRetry)
    return nil
  }

  // MARK: Time

  /// When to call ``handleDeadline(at:)``.
  var nextDeadline: Instant? {
    guard state == .mapped, let grant else { return nil }
    return pending == nil && next == nil ? min(grant.expiry, renewal) : grant.expiry
  }

  mutating func handleDeadline(at now: Instant) -> PortMappingEvent? {
    guard state == .mapped, let grant else { return nil }
    if grant.expiry <= now { return end(.lost) }
    if renewal <= now, pending == nil, next == nil {
      triedPorts = 1
      askForPort()
    }
    return nil
  }
}
