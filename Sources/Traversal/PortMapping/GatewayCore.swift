import WarrenMachine

/// One mapping at one gateway by whichever of PCP and NAT-PMP it speaks, without I/O.
///
/// Both are asked at once; but what is asked by NAT-PMP opens nothing until PCP has been refused, or has had its head
/// start (RFC 6887, 9 and appendix A).
struct GatewayCore: Sendable {
  /// The gateway's inside address.
  let address: IPAddress
  /// What came in at its socket and was no answer of the gateway.
  private(set) var faults = AnswerFaults()
  /// What it says no with, when it does.
  private(set) var refusal: (PortMappingError.Refusal, by: PortMappingProtocol)?
  /// How the mapping was made.
  private(set) var winner: PortMappingProtocol?
  private var pcp: PCPCore
  private var natPMP: NATPMPCore?
  private var pcpHeadStartEnds = Instant.distantFuture
  private var isWithdrawing = false

  /// Asks at once, from the address `client`.
  init(
    _ address: IPAddress, client: IPAddress, _ terms: PortMappingTerms,
    by protocols: Set<PortMappingProtocol>,
    nonce: PCPNonce, seed: UInt64, at now: Instant
  ) {
    self.address = address
    pcp = PCPCore(terms, client: client, nonce: nonce, seed: seed, at: now)
    if !protocols.contains(.pcp) { pcp.stop() }
    natPMP =
      terms.family == .v4 && protocols.contains(.natPMP) ? NATPMPCore(terms, seed: ~seed, at: now) : nil
  }

  /// Whether nothing more will come of it.
  var hasEnded: Bool { pcp.state == .ended && (natPMP?.state ?? .ended) == .ended }

  /// What was granted.
  var grant: PortMappingGrant? {
    switch winner {
    case .pcp: pcp.grant
    case .natPMP: natPMP?.grant
    case .upnp, nil: nil
    }
  }

  /// Asks nothing more.
  mutating func stop() {
    pcp.stop()
    natPMP?.stop()
  }

  /// Gives back whatever was asked for.
  mutating func withdraw(at now: Instant) {
    isWithdrawing = true
    pcp.withdraw(at: now)
    natPMP?.withdraw(at: now)
  }

  /// Nothing has the port, says `reporter`, whom nobody believes but the gateway itself.
  mutating func wasUnreachable(reportedBy reporter: IPAddress) {
    // The kernel may name the interface of a link-local reporter or not.
    guard (reporter.high, reporter.low) == (address.high, address.low) else {
      faults[.stranger] += 1
      return
    }
    // A gateway that restarts says so too, for a moment: what is mapped waits for it.
    if winner == nil || isWithdrawing { stop() }
  }

  // MARK: Answers

  /// Takes what came in.
  mutating func received(
    _ bytes: RawSpan, from source: SocketAddress, at now: Instant
  ) -> PortMappingEvent? {
    do throws(AnswerFault) {
      guard source == SocketAddress(address, port: PortMappingLimits.serverPort) else { throw .stranger }
      guard bytes.byteCount > 0 else { throw .truncated }
      // Whoever refuses a version names the one that it speaks: so it is the other that it refuses.
      switch PCPAnswer.versionInstead(bytes) {
      case nil: break
      case 2: return took(natPMP?.versionWasRefused(), by: .natPMP, at: now)
      default: return took(pcp.versionWasRefused(), by: .pcp, at: now)
      }
      if bytes.number(at: 0, as: UInt8.self) != 0 {
        return took(try pcp.received(bytes, at: now), by: .pcp, at: now)
      }
      guard natPMP != nil else { throw .wrongVersion }
      return took(try natPMP?.received(bytes, at: now), by: .natPMP, at: now)
    } catch {
      faults[error] += 1
      return nil
    }
  }

  private mutating func took(
    _ event: PortMappingEvent?, by name: PortMappingProtocol, at now: Instant
  ) -> PortMappingEvent? {
    guard let event else { return nil }
    if isWithdrawing { return hasEnded ? .withdrawn : nil }
    switch event {
    case .granted:
      guard winner == nil || winner == name else { return nil }
      if winner == nil {
        winner = name
        if name == .pcp { natPMP?.stop() } else { pcp.stop() }
      }
      return event
    case .found:
      if pcp.state == .ended {
        natPMP?.map(at: now)
      } else {
        pcpHeadStartEnds = now.advanced(by: PortMappingLimits.pcpHeadStart)
      }
      return nil
    case .refused(let reason):
      if refusal == nil { refusal = (reason, by: name) }
      return afterEnd(at: now)
    case .unsupported: return afterEnd(at: now)
    case .lost: return winner == name ? event : nil
    case .withdrawn: return nil
    }
  }

  /// One of the two has ended: the other has its turn, or nothing is left.
  private mutating func afterEnd(at now: Instant) -> PortMappingEvent? {
    if pcp.state == .ended { natPMP?.map(at: now) }
    guard hasEnded else { return nil }
    return refusal.map { .refused($0.0) } ?? .unsupported
  }

  // MARK: Time

  /// When to call ``handleDeadline(at:)`` and to poll.
  var nextDeadline: Instant? {
    [pcp.nextDeadline, natPMP?.nextDeadline, pcpHeadStartEnds == .distantFuture ? nil : pcpHeadStartEnds]
      .compactMap { $0 }.min()
  }

  mutating func handleDeadline(at now: Instant) -> PortMappingEvent? {
    if pcpHeadStartEnds <= now {
      pcpHeadStartEnds = .distantFuture
      if winner == nil { natPMP?.map(at: now) }
    }
    let first = took(pcp.handleDeadline(at: now), by: .pcp, at: now)
    let second = took(natPMP?.handleDeadline(at: now), by: .natPMP, at: now)
    return first ?? second
  }

  /// Writes the next datagram that is to be sent now.
  ///
  /// - Returns: whether there was one, and room for it.
  mutating func poll(into outbox: inout DatagramOutbox, at now: Instant) -> Bool {
    let server = SocketAddress(address, port: PortMappingLimits.serverPort)
    let room = PortMappingLimits.requestBytes
    if let request = pcp.poll(at: now) {
      return outbox.append(to: server, capacity: room) { request.write(to: &$0) }
    }
    if let request = natPMP?.poll(at: now) {
      return outbox.append(to: server, capacity: room) { request.write(to: &$0) }
    }
    return false
  }
}
