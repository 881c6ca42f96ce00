import WarrenMachine
import WarrenSTUN

extension AllocationCore {
  /// What a request is for.
  enum Purpose: Hashable {
    case allocate
    case refresh
    case giveBack
    /// To keep it at another address of this machine (RFC 8016, 3.2).
    case move
    case permissions([IPAddress])
    /// The channel of the peer in this slot.
    case channel(Int)
    /// To connect to a peer (RFC 6062, 4.3).
    case connect(SocketAddress)

    var isConnect: Bool { if case .connect = self { true } else { false } }

    var method: STUNMethod {
      switch self {
      case .allocate: .allocate
      case .refresh, .giveBack, .move: .refresh
      case .permissions: .createPermission
      case .channel: .channelBind
      case .connect: .connect
      }
    }
  }

  /// A request that is not answered yet.
  struct Request {
    let id: TransactionID
    let purpose: Purpose
    let bytes: [UInt8]
    /// With which nonce it is signed; nil where it is not.
    let nonce: [UInt8]?
    /// How often it was asked before, with other nonces.
    let renewals: Int
    var timer: STUNRequestTimer
    var isToSend = true
    /// What an answer that proves nothing has said: where no other comes, it was true.
    var hint: RelayError?
  }

  /// Asks now, or when others have been answered.
  mutating func ask(_ purpose: Purpose, at now: Instant, renewals: Int = 0) {
    guard hasRoom || renewals > 0 || purpose.isConnect else { return backlog.append(purpose) }
    let id = TransactionID(using: &random)
    requests.append(
      Request(
        id: id, purpose: purpose, bytes: write(purpose, id), nonce: credential.challenge?.nonce,
        renewals: renewals, timer: STUNRequestTimer(patience(of: purpose), sentAt: now)))
  }

  /// Whether one more may be under way. A peer that is slow to answer keeps nothing else from being asked.
  private var hasRoom: Bool { requests.count { !$0.purpose.isConnect } < RelayClientLimits.requests }

  /// Asks what has waited, as far as there is room now.
  mutating func askNext(at now: Instant) {
    while hasRoom, let purpose = backlog.popFirst() {
      ask(purpose, at: now)
    }
  }

  private func patience(of purpose: Purpose) -> STUNRequestTimer.Patience {
    if isReliable { return RelayClientLimits.streamPatience }
    return purpose == .giveBack ? RelayClientLimits.farewell : terms.patience
  }

  private func write(_ purpose: Purpose, _ id: TransactionID) -> [UInt8] {
    var writer = STUNMessageWriter()
    writer.begin(.request, purpose.method, id)
    switch purpose {
    case .allocate: writeTerms(&writer)
    case .refresh: writer.add(.lifetime, seconds(terms.lifetime))
    case .giveBack: writer.add(.lifetime, UInt32(0))
    case .move:
      writer.add(.lifetime, seconds(terms.lifetime))
      let ticket = ticket ?? []
      writer.add(.mobilityTicket, ticket.span.bytes)
    case .permissions(let ips):
      for ip in ips { writer.add(.xorPeerAddress, masked: SocketAddress(ip, port: 0)) }
    case .channel(let slot):
      if let peer = peers.slots[slot] {
        writer.add(.channelNumber, UInt32(peer.channel) << 16)
        writer.add(.xorPeerAddress, masked: peer.address)
      }
    case .connect(let peer): writer.add(.xorPeerAddress, masked: peer)
    }
    credential.sign(&writer)
    writer.addFingerprint()
    return writer.copy
  }

  private func writeTerms(_ writer: inout STUNMessageWriter) {
    writer.add(.requestedTransport, UInt32(terms.transport.rawValue) << 24)
    writer.add(.lifetime, seconds(terms.lifetime))
    if terms.wantsBothFamilies {
      writer.add(.additionalAddressFamily, UInt32(IPAddress.Family.v6.stunNumber) << 24)
    } else if let family = terms.family {
      writer.add(.requestedAddressFamily, UInt32(family.stunNumber) << 24)
    }
    if asksForMobility { writer.add(.mobilityTicket) }
  }

  private func seconds(_ duration: Duration) -> UInt32 {
    UInt32(clamping: max(1, duration.components.seconds))
  }

  // MARK: Renewing

  /// When to renew what lasts so long.
  mutating func renewal(of lifetime: Duration, at now: Instant) -> Instant {
    let jitter = Double.random(in: 0...RelayClientLimits.renewalJitter, using: &random)
    return now.advanced(by: lifetime * (RelayClientLimits.renewalShare - jitter))
  }

  /// Asks for permissions, several in one request.
  mutating func askForPermissions(_ ips: [IPAddress], at now: Instant) {
    for start in stride(from: 0, to: ips.count, by: RelayClientLimits.peersPerRequest) {
      ask(
        .permissions(Array(ips[start..<min(start + RelayClientLimits.peersPerRequest, ips.count)])), at: now)
    }
  }

  mutating func renewPermissions(at now: Instant) {
    peers.endRound(
      at: now, restingUntil: now.advanced(by: terms.channelLifetime + RelayClientLimits.channelRest))
    permissionRoundAt = renewal(of: terms.permissionLifetime, at: now)
    askForPermissions(peers.permittedIPs, at: now)
  }

  mutating func renewChannels(at now: Instant) {
    channelRoundAt = renewal(of: terms.channelLifetime, at: now)
    for slot in peers.all(.bound) { ask(.channel(slot), at: now) }
  }

  /// Nobody has answered.
  mutating func timedOut(_ request: Request, at now: Instant) {
    let error = request.hint ?? RelayError(.silent)
    switch request.purpose {
    case .allocate:
      fail(error)
      // The server may have heard, and only its answer be lost.
      if request.nonce != nil, !isReliable { sayFarewell(at: now) }
    case .giveBack: end()
    case .connect(let peer): events.append(.refused(peer, error))
    case .move where request.hint == nil, .refresh, .permissions, .channel: lose(error)
    case .move: lose(RelayError(.moved, reason: error.description))
    }
  }
}
