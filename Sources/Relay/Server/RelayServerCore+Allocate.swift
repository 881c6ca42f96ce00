import WarrenMachine
import WarrenSTUN

// A relayed address for a client (RFC 8656, 7.2).
extension RelayServerCore {
  /// What kind of relayed address was asked for.
  private struct Kind {
    var family = IPAddress.Family.v4
    var wantsBoth = false
    var isEven = false
    var keepsNext = false
    var token: UInt64?
    var transport = TransportProtocol.udp
  }

  mutating func allocate(
    _ message: borrowing STUNMessage, _ request: Request, into answer: inout STUNMessageWriter,
    _ opening: (RelayWish) -> SocketAddress?
  ) -> STUNErrorCode? {
    if let slot = request.slot {
      // The same once more, whose answer was lost perhaps; or another, which this client cannot have.
      guard slots[slot]!.transaction == message.transactionID,
        slots[slot]!.user.name == request.user.name
      else { return .allocationMismatch }
      writeAllocation(slot, to: message, at: request.now, into: &answer)
      return nil
    }
    var kind = Kind()
    if let code = read(message, of: request, into: &kind) ?? checkRoom(for: request) { return code }
    let slot = free.popLast() ?? slots.count
    if slot == slots.count { slots.append(nil) }
    if let code = open(kind, message, request, slot, opening) {
      slots[slot] = nil
      free.append(slot)
      return code
    }
    settle(slot, lasting: Self.lifetime(message.number(.lifetime)), at: request.now)
    writeAllocation(slot, to: message, at: request.now, into: &answer)
    return nil
  }

  /// What is asked for, in the order of RFC 8656, 7.2.
  private func read(
    _ message: borrowing STUNMessage, of request: Request, into kind: inout Kind
  ) -> STUNErrorCode? {
    guard let number = message.number(.requestedTransport) else { return .badRequest }
    guard let transport = TransportProtocol(rawValue: UInt8(number >> 24)),
      transport == .udp || configuration.connections > 0
    else { return .unsupportedTransport }
    kind.transport = transport
    // TCP is for who has come over TCP, and has ports neither in pairs nor kept (RFC 6062, 5.1).
    if transport == .tcp,
      !request.client.isConnected || message.has(.evenPort) || message.has(.reservationToken)
    {
      return .badRequest
    }
    if let even = message.value(of: .evenPort) {
      guard even.byteCount >= 1 else { return .badRequest }
      kind.isEven = true
      kind.keepsNext = even.number(at: 0, as: UInt8.self) & 0x80 != 0
    }
    let family = message.value(of: .requestedAddressFamily)
    let additional = message.value(of: .additionalAddressFamily)
    if message.has(.reservationToken) {
      guard let token = message.longNumber(.reservationToken), !kind.isEven, family == nil,
        additional == nil
      else { return .badRequest }
      kind.token = token
    }
    if let additional {
      guard family == nil, !kind.keepsNext, IPAddress.Family(requested: additional) == .v6 else {
        return .badRequest
      }
      kind.wantsBoth = true
    }
    if let family {
      guard let family = IPAddress.Family(requested: family) else { return .addressFamilyNotSupported }
      kind.family = family
    }
    return nil
  }

  /// Whether this client can have an allocation more.
  private mutating func checkRoom(for request: Request) -> STUNErrorCode? {
    // A client behind a relayed address of this server would send itself round and round.
    if !request.client.isConnected, relayed[request.client.address] != nil {
      counters.loops += 1
      return .forbidden
    }
    guard clients.count < configuration.allocations else {
      counters.overTotal += 1
      return .insufficientCapacity
    }
    guard perAccount[gate.account(of: request.user.name)] ?? 0 < configuration.allocationsPerUser else {
      counters.overUserQuota += 1
      return .allocationQuotaReached
    }
    guard perAddress[request.client.address.ip.household] ?? 0 < configuration.allocationsPerAddress else {
      counters.overAddressQuota += 1
      return .allocationQuotaReached
    }
    return nil
  }

  /// Opens what was asked for.
  private mutating func open(
    _ kind: Kind, _ message: borrowing STUNMessage, _ request: Request, _ slot: Int,
    _ opening: (RelayWish) -> SocketAddress?
  ) -> STUNErrorCode? {
    var kind = kind
    var parity = kind.isEven ? RelayWish.Parity.even : .any
    if let token = kind.token {
      guard
        let place = reservations.firstIndex(where: { $0.token == token && $0.user == request.user.name }),
        reservations[place].expiry > request.now
      else { return .insufficientCapacity }
      kind.family = reservations.remove(at: place).family
      parity = .kept(token)
    }
    var token: UInt64?
    if kind.keepsNext {
      guard reservations.count < RelayLimits.reservations else { return .insufficientCapacity }
      let made = makeToken()
      token = made
      parity = .evenBefore(made)
    }
    var allocation = RelayAllocation(
      client: request.client, user: request.user, transport: kind.transport,
      account: gate.account(of: request.user.name), transaction: message.transactionID,
      budget: ByteBudget(configuration.bandwidth, at: request.now))
    switch relay(kind.family, in: slot, kind.transport, parity, opening) {
    case .failure(let refusal): return refusal.code
    case .success(let relay): if kind.family == .v4 { allocation.v4 = relay } else { allocation.v6 = relay }
    }
    if kind.wantsBoth {
      switch relay(.v6, in: slot, kind.transport, kind.isEven ? .even : .any, opening) {
      case .failure(let refusal): allocation.missing = refusal.code
      case .success(let relay): allocation.v6 = relay
      }
    }
    if let token {
      allocation.token = token
      let expiry = request.now.advanced(by: RelayLimits.reservationLifetime)
      reservations.append(
        RelayReservation(token: token, user: request.user.name, family: kind.family, expiry: expiry))
    }
    slots[slot] = allocation
    return nil
  }

  private mutating func relay(
    _ family: IPAddress.Family, in slot: Int, _ transport: TransportProtocol, _ parity: RelayWish.Parity,
    _ opening: (RelayWish) -> SocketAddress?
  ) -> Result<RelayAllocation.Relay, RelayRefusal> {
    guard let address = configuration.addresses.first(where: { $0.local.family == family }) else {
      return .failure(RelayRefusal(code: .addressFamilyNotSupported))
    }
    let port = RelayPortNumber(slot: slot, family: family)
    guard let bound = opening(RelayWish(port: port, ip: address.local, transport: transport, parity: parity))
    else {
      counters.portless += 1
      return .failure(RelayRefusal(code: .insufficientCapacity))
    }
    let announced = SocketAddress(address.announced, port: bound.port)
    return .success(RelayAllocation.Relay(announced: announced, bound: bound, expiry: .distantFuture))
  }

  /// A token that nobody can guess.
  mutating func makeToken() -> UInt64 {
    tokenCount += 1
    return withUnsafeBytes(of: tokenCount) { count in
      tokens.withCode(of: RawSpan(_unsafeBytes: count)) { $0.number(at: 0, as: UInt64.self) }
    }
  }

  /// From now on it counts.
  private mutating func settle(_ slot: Int, lasting lifetime: Duration, at now: Instant) {
    let expiry = now.advanced(by: lifetime)
    if slots[slot]!.v4 != nil { slots[slot]!.v4!.expiry = expiry }
    if slots[slot]!.v6 != nil { slots[slot]!.v6!.expiry = expiry }
    let allocation = slots[slot]!
    for relay in [allocation.v4, allocation.v6].compactMap({ $0 }) {
      for address in [relay.announced, relay.bound] {
        if allocation.transport == .udp { relayed[address] = slot } else { relayedTCP[address] = slot }
      }
    }
    clients[allocation.client] = slot
    perAccount[allocation.account, default: 0] += 1
    perAddress[allocation.client.address.ip.household, default: 0] += 1
    deadlines.set(slot, to: expiry)
    counters.made += 1
  }

  private func writeAllocation(
    _ slot: Int, to message: borrowing STUNMessage, at now: Instant, into answer: inout STUNMessageWriter
  ) {
    let allocation = slots[slot]!
    answer.beginAnswer(.success, to: message)
    for relay in [allocation.v4, allocation.v6].compactMap({ $0 }) {
      answer.add(.xorRelayedAddress, masked: relay.announced)
    }
    answer.add(.lifetime, UInt32(clamping: now.duration(to: allocation.end).components.seconds))
    answer.add(.xorMappedAddress, masked: allocation.client.address)
    if let token = allocation.token { answer.add(.reservationToken, token) }
    if let code = allocation.missing {
      // Of the other family (RFC 8656, 18.12).
      answer.add(.addressErrorCode, UInt32(IPAddress.Family.v6.stunNumber) << 24 | code.number)
    }
  }
}
