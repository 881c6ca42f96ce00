import WarrenMachine

/// One mapping by whichever way works first, without I/O: all gateways by PCP and NAT-PMP, and UPnP.
///
/// It ends with the mapping: whoever wants it back begins anew, perhaps with other gateways.
struct PortMappingCore: Sendable {
  enum State: Hashable, Sendable {
    case asking, mapped, withdrawing, ended
  }

  /// What has come of it.
  enum Event: Hashable, Sendable {
    /// The port is open: for the first time, for longer, or elsewhere than before.
    case mapped(PortMapping)
    /// Nobody opens the port.
    case failed(PortMappingError)
    /// The port was open, and is no longer.
    case lost
    /// Everything that was asked for is given back, as far as can be known.
    case withdrawn
  }

  /// A gateway, and this machine's address towards it.
  struct Gateway: Hashable, Sendable {
    var address: IPAddress
    var client: IPAddress
  }

  private enum Winner: Hashable, Sendable {
    case gateway(Int)
    case upnp
  }

  let terms: PortMappingTerms
  private(set) var state = State.asking
  private var gateways: [GatewayCore]
  private var upnp: UPnPCore?
  private var winner: Winner?
  private var limit: Instant
  private var events: [Event] = []

  /// Asks at once, and fails when nobody has opened the port within `patience`.
  init(
    _ terms: PortMappingTerms, gateways: [Gateway], by protocols: Set<PortMappingProtocol>,
    patience: Duration,
    using random: inout some RandomNumberGenerator, at now: Instant
  ) {
    self.terms = terms
    limit = now.advanced(by: patience)
    var cores: [GatewayCore] = []
    for gateway in gateways {
      let nonce = PCPNonce(using: &random)
      cores.append(
        GatewayCore(
          gateway.address, client: gateway.client, terms, by: protocols, nonce: nonce, seed: random.next(),
          at: now))
    }
    self.gateways = cores
    upnp =
      terms.family == .v4 && protocols.contains(.upnp)
      ? UPnPCore(terms, gateways: gateways.map(\.address), seed: random.next()) : nil
  }

  /// What came as an answer of a gateway and was none.
  var faults: AnswerFaults {
    gateways.reduce(into: upnp?.faults ?? AnswerFaults()) { $0.add($1.faults) }
  }

  /// Gives back whatever was asked for; ``Event/withdrawn`` follows.
  mutating func withdraw(at now: Instant) {
    guard state == .asking || state == .mapped else { return }
    state = .withdrawing
    limit = now.advanced(by: PortMappingLimits.withdrawalPatience)
    for index in gateways.indices { gateways[index].withdraw(at: now) }
    upnp?.withdraw()
    settle(at: now)
  }

  // MARK: Inputs

  /// Takes what came in at the socket for one of the gateways.
  mutating func received(
    _ bytes: RawSpan, from source: SocketAddress, forGateway index: Int, at now: Instant
  ) {
    take(gateways[index].received(bytes, from: source, at: now), from: .gateway(index), at: now)
  }

  /// Somebody says that nothing has the port at one of the gateways.
  mutating func wasUnreachable(gateway index: Int, reportedBy reporter: IPAddress, at now: Instant) {
    gateways[index].wasUnreachable(reportedBy: reporter)
    settle(at: now)
  }

  /// Takes the answer to what ``pollUPnP()`` returned.
  mutating func answered(
    _ answer: Result<UPnPGateway, UPnPError>, to request: UPnPRequest, at now: Instant
  ) {
    take(upnp?.answered(answer, to: request, at: now), from: .upnp, at: now)
  }

  mutating func handleDeadline(at now: Instant) {
    for index in gateways.indices {
      take(gateways[index].handleDeadline(at: now), from: .gateway(index), at: now)
    }
    take(upnp?.handleDeadline(at: now), from: .upnp, at: now)
    guard limit <= now else { return }
    switch state {
    case .asking: fail(at: now)
    case .withdrawing: end(.withdrawn)
    case .mapped, .ended: break
    }
  }

  // MARK: Outputs

  /// When to call ``handleDeadline(at:)`` and to poll.
  var nextDeadline: Instant? {
    guard state != .ended else { return nil }
    let own = state == .mapped ? nil : limit
    return (gateways.map(\.nextDeadline) + [upnp?.nextDeadline, own]).compactMap { $0 }.min()
  }

  /// Writes the next datagram for one of the gateways.
  ///
  /// - Returns: whether there was one.
  mutating func poll(into outbox: inout DatagramOutbox, forGateway index: Int, at now: Instant) -> Bool {
    state != .ended && gateways[index].poll(into: &outbox, at: now)
  }

  /// What is to be asked by UPnP now.
  mutating func pollUPnP() -> UPnPRequest? { state == .ended ? nil : upnp?.poll() }

  /// What has come of it since it was asked last.
  mutating func pollEvent() -> Event? { events.isEmpty ? nil : events.removeFirst() }

  // MARK: The race

  private mutating func take(_ event: PortMappingEvent?, from source: Winner, at now: Instant) {
    guard let event else { return settle(at: now) }
    switch (event, state) {
    case (.granted(let grant), .asking):
      state = .mapped
      winner = source
      // Whatever the others may have opened by now is given back with the rest.
      for index in gateways.indices where source != .gateway(index) { gateways[index].stop() }
      if source != .upnp { upnp?.stop() }
      events.append(.mapped(mapping(grant)))
    case (.granted(let grant), .mapped) where source == winner: events.append(.mapped(mapping(grant)))
    case (.lost, .mapped) where source == winner: end(.lost)
    case (.found, .asking) where source == .upnp: upnp?.map()
    default: break
    }
    settle(at: now)
  }

  /// Ends what can come to nothing more.
  private mutating func settle(at now: Instant) {
    let allEnded = gateways.allSatisfy(\.hasEnded) && (upnp?.state ?? .ended) == .ended
    guard allEnded else { return }
    switch state {
    case .asking: fail(at: now)
    case .withdrawing: end(.withdrawn)
    case .mapped, .ended: break
    }
  }

  private mutating func fail(at now: Instant) {
    let refusal = gateways.lazy.compactMap(\.refusal).first
    if let refusal {
      events.append(.failed(.refused(refusal.0, by: refusal.by)))
    } else if let reason = upnp?.refusal {
      events.append(.failed(.refused(reason, by: .upnp)))
    } else {
      events.append(.failed(.noAnswer(gateways: gateways.map(\.address))))
    }
    withdraw(at: now)
  }

  private mutating func end(_ event: Event) {
    state = .ended
    events.append(event)
  }

  private func mapping(_ grant: PortMappingGrant) -> PortMapping {
    let (name, address): (PortMappingProtocol, IPAddress) =
      switch winner {
      case .gateway(let index): (gateways[index].winner ?? .pcp, gateways[index].address)
      case .upnp, nil: (.upnp, upnp?.gateway?.address ?? .any(.v4))
      }
    return PortMapping(
      transport: terms.transport, localPort: terms.localPort, outside: grant.outside, via: name,
      gateway: address, expiry: grant.expiry)
  }
}
