import WarrenMachine
import WarrenSTUN

extension AllocationCore {
  /// Takes a message from the server. What is no answer to a request of ours, or not proven, changes nothing.
  public mutating func receive(_ message: STUNMessage, at now: Instant) {
    guard message.messageClass == .success || message.messageClass == .failure,
      let place = requests.firstIndex(where: { $0.id == message.transactionID }),
      requests[place].purpose.method == message.method
    else { return }
    hasAnswered = true
    let isProven = requests[place].nonce == nil || credential.isProven(message)
    if message.messageClass == .success {
      guard isProven else { return distrust(place, RelayError(.badAnswer), at: now) }
      succeeded(requests.remove(at: place), message, at: now)
    } else if let code = message.errorCode {
      refused(place, code, message, isProven: isProven, at: now)
    }
    askNext(at: now)
  }

  /// An answer that proves nothing is as good as none, but for what it says (RFC 8489, 9.2.5): over UDP another may come.
  private mutating func distrust(_ place: Int, _ error: RelayError, at now: Instant) {
    requests[place].hint = error
    if isReliable { timedOut(requests.remove(at: place), at: now) }
  }

  // MARK: Yes

  private mutating func succeeded(_ request: Request, _ message: STUNMessage, at now: Instant) {
    switch request.purpose {
    case .allocate: allocated(message, at: now)
    case .refresh, .move:
      guard phase == .allocated else { return }
      let lifetime = message.number(.lifetime) ?? 0
      guard lifetime > 0 else { return lose(RelayError(.forgotten)) }
      keep(for: lifetime, message, at: now)
      if request.purpose == .move {
        events.append(.moved)
        // Where it is not told, what was known is wrong now.
        mappedAddress = message.mappedAddress
        // What was under way from the old address is asked again, and all else with it.
        askForPermissions(peers.permittedIPs, at: now)
        renewChannels(at: now)
        for slot in peers.all(.asking) { ask(.channel(slot), at: now) }
      }
    case .giveBack: end()
    case .permissions(let ips): permitted(ips, at: now)
    case .channel(let slot): bound(slot, at: now)
    case .connect(let peer):
      guard let id = message.number(.connectionID) else {
        return events.append(.refused(peer, RelayError(.badAnswer, reason: "it calls a connection nothing")))
      }
      events.append(.connected(peer, id: id))
    }
  }

  private mutating func allocated(_ message: STUNMessage, at now: Instant) {
    var relayed: [SocketAddress] = []
    message.forEachAttribute { attribute, value in
      if attribute == .xorRelayedAddress, let address = message.address(in: value, isMasked: true) {
        relayed.append(address)
      }
      return true
    }
    guard isWanted else { return sayFarewell(at: now) }
    guard isUsable(relayed), let lifetime = message.number(.lifetime), lifetime > 0 else {
      fail(RelayError(.badAnswer, reason: "it has given no address that could be used"))
      return sayFarewell(at: now)
    }
    phase = .allocated
    relayedAddresses = relayed
    mappedAddress = message.mappedAddress
    keep(for: lifetime, message, at: now)
    events.append(.allocated)
  }

  private func isUsable(_ relayed: [SocketAddress]) -> Bool {
    guard let first = relayed.first, relayed.count <= 2,
      relayed.allSatisfy({ $0.port != 0 && $0.ip.isUnicast })
    else { return false }
    if relayed.count == 2, !terms.wantsBothFamilies || relayed[1].ip.family == first.ip.family {
      return false
    }
    return terms.wantsBothFamilies || first.ip.family == (terms.family ?? first.ip.family)
  }

  private mutating func keep(for seconds: UInt32, _ message: STUNMessage, at now: Instant) {
    let lifetime = Duration.seconds(Int64(min(seconds, 86_400)))
    expiresAt = now.advanced(by: lifetime)
    refreshAt = renewal(of: lifetime, at: now)
    if let new = message.value(of: .mobilityTicket), new.byteCount > 0, asksForMobility {
      ticket = new.withUnsafeBytes { Array($0) }
    }
  }

  private mutating func permitted(_ ips: [IPAddress], at now: Instant) {
    guard phase == .allocated else { return }
    if permissionRoundAt == nil { permissionRoundAt = renewal(of: terms.permissionLifetime, at: now) }
    for ip in ips {
      let isNew = !peers.isPermitted(ip)
      peers.permit(ip, isGranted: true)
      guard isNew else { continue }
      for slot in peers.waiting(at: ip) {
        if let peer = peers.slots[slot] { events.append(.usable(peer.address)) }
      }
    }
  }

  private mutating func bound(_ slot: Int, at now: Instant) {
    guard phase == .allocated, let peer = peers.slots[slot] else { return }
    if channelRoundAt == nil { channelRoundAt = renewal(of: terms.channelLifetime, at: now) }
    let isNew = peer.state != .bound
    peers.set(slot, .bound)
    permitted([peer.address.ip], at: now)
    if isNew { events.append(.usable(peer.address)) }
  }

  // MARK: No

  private mutating func refused(
    _ place: Int, _ code: STUNErrorCode, _ message: STUNMessage, isProven: Bool, at now: Instant
  ) {
    switch code {
    // These two a server cannot sign (RFC 8489, 9.2.4).
    case .unauthenticated, .staleNonce: challenged(place, code, message, at: now)
    case _ where !isProven: distrust(place, error(of: code, message, requests[place].purpose), at: now)
    default: refused(requests.remove(at: place), code, message, at: now)
    }
  }

  private mutating func challenged(
    _ place: Int, _ code: STUNErrorCode, _ message: STUNMessage, at now: Instant
  ) {
    let request = requests[place]
    guard let challenge = RelayChallenge(message) else {
      return distrust(
        place, RelayError(.badAnswer, reason: "it wants a password, and does not say how"), at: now)
    }
    // A server that gives the same nonce again does not know this user.
    let mayTryAgain =
      request.nonce == nil
      || (request.nonce != challenge.nonce && (code == .staleNonce || request.renewals == 0))
    guard mayTryAgain, request.renewals < RelayClientLimits.renewals else {
      requests.remove(at: place)
      let error = RelayError(.wrongPassword, reason: "realm \(challenge.realm)")
      return request.purpose == .allocate ? fail(error) : request.purpose == .giveBack ? end() : lose(error)
    }
    do throws(RelayError) { try credential.learn(challenge) } catch {
      // An allocation that is there is not given up for it.
      if phase != .asking { return distrust(place, error, at: now) }
      return fail(error)
    }
    requests.remove(at: place)
    // Whoever does not want it any more need not go on asking.
    if phase == .asking, !isWanted { return end() }
    ask(request.purpose, at: now, renewals: request.renewals + 1)
  }

  private mutating func refused(
    _ request: Request, _ code: STUNErrorCode, _ message: STUNMessage, at now: Instant
  ) {
    let error = error(of: code, message, request.purpose)
    switch request.purpose {
    case .allocate: allocationRefused(code, error, message, isSigned: request.nonce != nil, at: now)
    case .giveBack: end()
    case .refresh: lose(error)
    case .move: lose(RelayError(.moved, reason: error.description))
    case .permissions(let ips) where code == .allocationMismatch || ips.isEmpty: lose(error)
    case .permissions(let ips): permissionRefused(ips, error, at: now)
    case .channel where code == .allocationMismatch, .connect where code == .allocationMismatch: lose(error)
    case .connect(let peer): events.append(.refused(peer, error))
    case .channel(let slot): channelRefused(slot, code, error, at: now)
    }
  }

  private mutating func allocationRefused(
    _ code: STUNErrorCode, _ error: RelayError, _ message: STUNMessage, isSigned: Bool, at now: Instant
  ) {
    if code == STUNErrorCode(rawValue: 405), asksForMobility {
      // Mobility is forbidden there (RFC 8016, 4.2).
      asksForMobility = false
      return ask(.allocate, at: now)
    }
    if code == .tryAlternate, let address = message.plainAddress(.alternateServer),
      address.port != 0, !address.ip.isUnspecified, !address.ip.isMulticast
    {
      end()
      if isWanted { events.append(.redirected(to: address, domain: message.text(.alternateDomain))) }
      return
    }
    fail(error)
    // It may be ours: a request that was heard twice, with a nonce that ended between.
    if code == .allocationMismatch, isSigned { sayFarewell(at: now) }
  }

  private mutating func permissionRefused(_ ips: [IPAddress], _ error: RelayError, at now: Instant) {
    // One is enough for all of them to be refused (RFC 8656, 10.2): which, is found out one by one.
    if ips.count > 1 {
      for ip in ips { ask(.permissions([ip]), at: now) }
      return
    }
    for ip in ips {
      peers.forget(ip)
      if terms.transport == .tcp { events.append(.barred(ip, error)) }
      for slot in peers.slots.indices where peers.slots[slot]?.address.ip == ip {
        refuse(slot, error, at: now)
      }
    }
  }

  private mutating func channelRefused(
    _ slot: Int, _ code: STUNErrorCode, _ error: RelayError, at now: Instant
  ) {
    guard let peer = peers.slots[slot] else { return }
    if code == .forbidden || code == .peerAddressFamilyMismatch { return refuse(slot, error, at: now) }
    // No channel, but perhaps a permission.
    peers.set(slot, .unbound)
    peers.permit(peer.address.ip)
    askForPermissions([peer.address.ip], at: now)
  }

  private mutating func refuse(_ slot: Int, _ error: RelayError, at now: Instant) {
    guard let peer = peers.slots[slot] else { return }
    let isNews = peer.state != .refused
    peers.set(slot, .refused, endsAt: now.advanced(by: terms.channelLifetime + RelayClientLimits.channelRest))
    if permissionRoundAt == nil { permissionRoundAt = renewal(of: terms.permissionLifetime, at: now) }
    if isNews { events.append(.refused(peer.address, error)) }
  }

  private func error(of code: STUNErrorCode, _ message: STUNMessage, _ purpose: Purpose) -> RelayError {
    var error = RelayError(code, isRefresh: purpose != .allocate)
    if code == .unsupportedTransport, terms.transport == .tcp { error = RelayError(.noTCP) }
    if code == .unknownAttribute, let list = message.value(of: .unknownAttributes) {
      let names = (0..<min(8, list.byteCount / 2)).map {
        String(list.number(at: 2 * $0, as: UInt16.self), radix: 16)
      }
      error.reason = "it does not know the attributes " + names.joined(separator: ", ")
    }
    return error
  }
}
