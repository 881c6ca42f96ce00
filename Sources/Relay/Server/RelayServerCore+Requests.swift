import WarrenMachine
import WarrenSTUN

// Questions and their answers.
extension RelayServerCore {
  /// Takes a STUN message, and writes the answer if there is to be one.
  ///
  /// - Parameters:
  ///   - timeOfDay: since 1970, for passwords that end at a time.
  ///   - opening: opens a relayed address and says where it is, or that there is none. It must not come back here.
  public mutating func receive(
    _ bytes: RawSpan, from client: ServedClient, at now: Instant, timeOfDay: Duration,
    into answer: inout STUNMessageWriter, opening: (RelayWish) -> SocketAddress?
  ) -> Reaction {
    guard let message = try? STUNMessage(bytes) else {
      counters.ignored += 1
      return .none
    }
    if message.messageClass == .indication, message.method == .send {
      return receiveSend(message, from: client, at: now)
    }
    // Answers are never answered, and nobody is whom an answer would not reach, or would reach too many.
    guard message.messageClass == .request, canAnswer(client) else {
      counters.ignored += 1
      return .none
    }
    switch message.method {
    case .binding: return receiveBinding(message, from: client, into: &answer)
    case .allocate, .refresh, .createPermission, .channelBind, .connect, .connectionBind: break
    default:
      counters.ignored += 1
      return .none
    }
    let owner =
      message.method == .connectionBind ? owner(claiming: message) : clients[client].map { slots[$0]!.user }
    switch gate.judge(message, from: client.address, owner: owner, at: now, timeOfDay: timeOfDay) {
    case .refused(let code): return challenge(message, code, client, at: now, into: &answer)
    case .admitted(let user):
      let request = Request(client: client, user: user, now: now, slot: clients[client])
      if message.method == .connect || message.method == .connectionBind {
        return serveStream(message, request, into: &answer)
      }
      let code = serve(message, request, into: &answer, opening)
      return finish(message, request, refused: code, into: &answer)
    }
  }

  /// Does what was asked about a connection with a peer.
  private mutating func serveStream(
    _ message: borrowing STUNMessage, _ request: Request, into answer: inout STUNMessageWriter
  ) -> Reaction {
    var code = STUNErrorCode.unknownAttribute
    if message.hasUnknown(besides: Self.understands) {
    } else if message.method == .connect {
      switch connect(message, request) {
      case .success(let dial): return .dial(dial)
      case .failure(let refusal): code = refusal.code
      }
    } else {
      switch claim(message, request, into: &answer) {
      case .success(let number):
        _ = finish(message, request, refused: nil, into: &answer)
        return .join(number)
      case .failure(let refusal): code = refusal.code
      }
    }
    return finish(message, request, refused: code, into: &answer)
  }

  /// Who asks for what, as far as all requests have it in common.
  struct Request {
    var client: ServedClient
    var user: RelayGate.User
    var now: Instant
    var slot: Int?
  }

  /// Does what was asked, and writes what there is to say of it.
  ///
  /// - Returns: why it was not done.
  private mutating func serve(
    _ message: borrowing STUNMessage, _ request: Request, into answer: inout STUNMessageWriter,
    _ opening: (RelayWish) -> SocketAddress?
  ) -> STUNErrorCode? {
    if message.hasUnknown(besides: Self.understands) { return .unknownAttribute }
    if message.method == .allocate { return allocate(message, request, into: &answer, opening) }
    guard let slot = request.slot else { return .allocationMismatch }
    guard slots[slot]!.user.name == request.user.name else {
      counters.wrongUsers += 1
      return .wrongCredentials
    }
    switch message.method {
    case .refresh: return refresh(message, request, slot, into: &answer)
    case .createPermission: return createPermission(message, request, slot, into: &answer)
    default: return bindChannel(message, request, slot, into: &answer)
    }
  }

  /// What must be understood and is.
  static func understands(_ attribute: STUNAttribute) -> Bool {
    switch attribute {
    case .username, .messageIntegrity, .messageIntegritySHA256, .realm, .nonce, .passwordAlgorithm,
      .channelNumber, .lifetime, .xorPeerAddress, .requestedAddressFamily, .evenPort, .requestedTransport,
      .reservationToken, .data, .connectionID, .dontFragment:
      true
    default: false
    }
  }

  private func canAnswer(_ client: ServedClient) -> Bool {
    client.address.port != 0 && client.address.ip.canonical.isUnicast && !listening.contains(client.address)
  }

  // MARK: Answers

  private mutating func receiveBinding(
    _ message: borrowing STUNMessage, from client: ServedClient, into answer: inout STUNMessageWriter
  ) -> Reaction {
    // A signature for nobody in particular is none of this server's business.
    func understands(_ attribute: STUNAttribute) -> Bool {
      Self.understands(attribute) || attribute == .userhash || attribute == .priority
        || attribute == .useCandidate
    }
    if message.hasUnknown(besides: understands) {
      counters.refusals += 1
      answer.beginAnswer(.failure, to: message)
      answer.add(.unknownAttribute, saysReason: false)
      answer.addUnknownAttributes(of: message, besides: understands)
    } else {
      counters.bindings += 1
      answer.beginAnswer(.success, to: message)
      answer.add(.xorMappedAddress, masked: client.address)
    }
    if message.hasFingerprint { answer.addFingerprint() }
    return .answer
  }

  /// Says no to somebody who has not proved anything, in as few bytes as there can be.
  private mutating func challenge(
    _ message: borrowing STUNMessage, _ code: STUNErrorCode, _ client: ServedClient, at now: Instant,
    into answer: inout STUNMessageWriter
  ) -> Reaction {
    counters.refusals += 1
    if code == .unauthenticated { counters.unauthenticated += 1 }
    if code == .staleNonce { counters.staleNonces += 1 }
    answer.beginAnswer(.failure, to: message)
    answer.add(code, saysReason: false)
    // Who has connected is where it says, and may come from another port next (RFC 6062, 4.3).
    let place = client.isConnected ? SocketAddress(client.address.ip, port: 0) : client.address
    if code != .badRequest { gate.addChallenge(to: &answer, for: place, at: now) }
    return .answer
  }

  private mutating func finish(
    _ message: borrowing STUNMessage, _ request: Request, refused code: STUNErrorCode?,
    into answer: inout STUNMessageWriter
  ) -> Reaction {
    if let code {
      counters.refusals += 1
      answer.beginAnswer(.failure, to: message)
      answer.add(code)
      if code == .unknownAttribute { answer.addUnknownAttributes(of: message, besides: Self.understands) }
    } else {
      counters.successes += 1
    }
    answer.sign(with: request.user.key, request.user.function)
    if message.hasFingerprint { answer.addFingerprint() }
    return .answer
  }

  // MARK: Refresh, CreatePermission, ChannelBind

  /// How long something is to last for which somebody wishes so long (RFC 8656, 7.2).
  static func lifetime(_ wish: UInt32?) -> Duration {
    guard let wish else { return RelayLimits.lifetime }
    return max(RelayLimits.lifetime, min(RelayLimits.longestLifetime, .seconds(Int64(wish))))
  }

  /// Keeps an allocation, or gives it back (RFC 8656, 8.2).
  private mutating func refresh(
    _ message: borrowing STUNMessage, _ request: Request, _ slot: Int, into answer: inout STUNMessageWriter
  ) -> STUNErrorCode? {
    var families = IPAddress.Family.allCases.filter { slots[slot]!.relay($0) != nil }
    if let value = message.value(of: .requestedAddressFamily) {
      guard let family = IPAddress.Family(requested: value), families.contains(family) else {
        return .peerAddressFamilyMismatch
      }
      families = [family]
    }
    let wish = message.number(.lifetime)
    if wish == nil, message.has(.lifetime) { return .badRequest }
    let lifetime: Duration = wish == 0 ? .zero : Self.lifetime(wish)
    if wish == 0 {
      for family in families { end(family, of: slot) }
    } else {
      let expiry = request.now.advanced(by: lifetime)
      for family in families {
        if family == .v4 { slots[slot]!.v4!.expiry = expiry } else { slots[slot]!.v6!.expiry = expiry }
      }
      deadlines.set(slot, to: slots[slot]!.expiry)
    }
    answer.beginAnswer(.success, to: message)
    answer.add(.lifetime, UInt32(lifetime.components.seconds))
    return nil
  }

  /// Why `peer` may not be sent to by an allocation.
  mutating func objection(to peer: SocketAddress, of slot: Int) -> STUNErrorCode? {
    let ip = peer.ip
    // IPv4 in IPv6 is of neither family.
    guard ip.canonical != ip || slots[slot]!.relay(ip.family) != nil else {
      return .peerAddressFamilyMismatch
    }
    if ip.canonical == ip, configuration.addresses.contains(where: { $0.announced == ip }) { return nil }
    guard reach.allows(ip), !own.contains(ip) || reach.isPermitted(ip) else {
      counters.forbiddenPeers += 1
      return .forbidden
    }
    return nil
  }

  /// Lets peers in (RFC 8656, 10.2).
  private mutating func createPermission(
    _ message: borrowing STUNMessage, _ request: Request, _ slot: Int, into answer: inout STUNMessageWriter
  ) -> STUNErrorCode? {
    var peers: [IPAddress] = []
    var isWhole = true
    var code: STUNErrorCode?
    message.forEachAttribute { attribute, value in
      guard attribute == .xorPeerAddress else { return true }
      guard let peer = message.address(in: value, isMasked: true) else {
        isWhole = false
        return false
      }
      code = objection(to: peer, of: slot)
      peers.append(peer.ip)
      return code == nil
    }
    guard isWhole, !peers.isEmpty else { return .badRequest }
    if let code { return code }
    guard slots[slot]!.hasRoom(for: peers, atMost: configuration.permissions, at: request.now) else {
      return .insufficientCapacity
    }
    for ip in peers { slots[slot]!.permit(ip, at: request.now) }
    answer.beginAnswer(.success, to: message)
    return nil
  }

  /// Gives a peer a number (RFC 8656, 12.2).
  private mutating func bindChannel(
    _ message: borrowing STUNMessage, _ request: Request, _ slot: Int, into answer: inout STUNMessageWriter
  ) -> STUNErrorCode? {
    guard let number = message.number(.channelNumber).map({ UInt16($0 >> 16) }),
      configuration.channelNumbers.contains(number), slots[slot]!.transport == .udp,
      let peer = message.maskedAddress(.xorPeerAddress),
      peer.port != 0
    else { return .badRequest }
    if let code = objection(to: peer, of: slot) { return code }
    let now = request.now
    slots[slot]!.channels.removeAll { $0.expiry <= now }
    let channels = slots[slot]!.channels
    // Neither may change as long as the channel lasts.
    guard !channels.contains(where: { ($0.number == number) != ($0.peer == peer) }) else {
      return .badRequest
    }
    if own.contains(peer.ip), isListening(peer) {
      counters.forbiddenPeers += 1
      return .forbidden
    }
    let isNew = !channels.contains { $0.number == number }
    guard !isNew || channels.count < configuration.channels,
      slots[slot]!.hasRoom(for: [peer.ip], atMost: configuration.permissions, at: now)
    else { return .insufficientCapacity }
    slots[slot]!.bind(number, to: peer, at: now)
    answer.beginAnswer(.success, to: message)
    return nil
  }
}

extension IPAddress.Family {
  /// The family that a request names (RFC 8656, 18.6).
  init?(requested value: RawSpan) {
    guard value.byteCount == 4 else { return nil }
    self.init(stunNumber: value.number(at: 0, as: UInt8.self))
  }
}
