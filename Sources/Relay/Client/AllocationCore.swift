import WarrenMachine
import WarrenSTUN

/// One allocation at one relay, as its client sees it (RFC 8656), without I/O.
///
/// ```
///   idle ──begin──► asking ──yes──► allocated ──giveBack──► givingBack ──► ended
///                     │                 │                                    ▲
///                     └──── no ─────────┴────── lost ────────────────────────┘
/// ```
///
/// After each input take what is to be sent by ``poll()``, and what has happened by ``pollEvent()``.
public struct AllocationCore {
  /// How far it has come.
  public enum Phase: Hashable, Sendable {
    case idle
    case asking
    case allocated
    case givingBack
    case ended
  }

  /// What has happened.
  public enum Event: Hashable, Sendable {
    /// There is a relayed address.
    case allocated
    /// Another server is to be asked, which over TLS has this name.
    case redirected(to: SocketAddress, domain: String?)
    /// There will be none.
    case failed(RelayError)
    /// There is none any more.
    case lost(RelayError)
    /// What is sent to this peer arrives there.
    case usable(SocketAddress)
    /// What is sent to this peer does not.
    case refused(SocketAddress, RelayError)
    /// It has followed to this machine's new address.
    case moved
    /// The relay has connected to this peer, and calls that so (RFC 6062, 4.3).
    case connected(SocketAddress, id: UInt32)
    /// Nobody from there may connect, although it was wished for.
    case barred(IPAddress, RelayError)
    /// This peer has connected to the relayed address (RFC 6062, 4.4).
    case arrived(SocketAddress, id: UInt32)
  }

  /// Where a datagram to a peer goes.
  public enum Route: Hashable, Sendable {
    /// Under this number.
    case channel(UInt16)
    /// In a Send indication.
    case indication
    /// It is to wait until the peer is usable.
    case wait
    /// The relay does not carry it there.
    case nowhere
  }

  /// What is asked for.
  public let terms: AllocationTerms
  /// Whether what carries its messages loses none, and delays none behind another.
  public let isReliable: Bool
  /// How far it has come.
  public internal(set) var phase = Phase.idle
  /// The addresses that the relay has given: one, or one of each family.
  public internal(set) var relayedAddresses: [SocketAddress] = []
  /// This machine's address as the relay sees it.
  public internal(set) var mappedAddress: SocketAddress?
  /// When the server ends it unless it is renewed.
  public internal(set) var expiresAt = Instant.distantFuture
  /// Whether it can follow to another address.
  public var canMove: Bool { ticket != nil }
  /// Whether it is on its way to another address.
  public var isMoving: Bool { requests.contains { $0.purpose == .move } }
  /// What the server wants requests to be signed with: for the next allocation.
  public var challenge: RelayChallenge? { credential.challenge }

  var credential: LongTermCredential
  var random: any RandomNumberGenerator
  var requests: [Request] = []
  /// What is asked when there are fewer requests under way.
  var backlog = Queue<Purpose>()
  var events = Queue<Event>()
  var peers = RelayPeers()
  var ticket: [UInt8]?
  var asksForMobility: Bool
  /// Whether somebody still wants it: when not, it is given back as soon as it is there.
  var isWanted = true
  var refreshAt: Instant?
  var permissionRoundAt: Instant?
  var channelRoundAt: Instant?
  /// Whether the server has ever said something.
  var hasAnswered = false
  /// When it is let go whether or not the server has heard of it.
  var farewellAt: Instant?

  /// An allocation that is asked for by ``begin(at:)``.
  ///
  /// - Parameter challenge: what the server will want, where that is known already: it spares a round trip.
  public init(
    _ terms: AllocationTerms, username: String, password: String, challenge: RelayChallenge? = nil,
    isReliable: Bool, random: any RandomNumberGenerator
  ) throws(RelayError) {
    self.terms = terms
    self.isReliable = isReliable
    self.random = random
    // What is carried over TCP ends where that does.
    asksForMobility = terms.wantsMobility && terms.transport == .udp
    credential = try LongTermCredential(username: username, password: password, challenge: challenge)
  }

  // MARK: Inputs

  /// Asks for it.
  public mutating func begin(at now: Instant) {
    guard phase == .idle else { return }
    phase = .asking
    ask(.allocate, at: now)
  }

  /// Asks the server to let these peers in, and keeps doing so.
  public mutating func permit(_ ips: [IPAddress], at now: Instant) {
    guard phase == .allocated else { return }
    let new = ips.filter { canReach($0) && !peers.isKnown($0) }
    for ip in ips where canReach(ip) { peers.permit(ip, isKept: true) }
    askForPermissions(new, at: now)
  }

  /// The channel that is bound for `peer`: for each datagram, the rest is asked when there is none.
  @inline(__always)
  mutating func channel(to peer: SocketAddress) -> UInt16? {
    guard let slot = peers.slot(of: peer), let channel = peers.boundChannel(slot) else { return nil }
    return channel
  }

  /// Asks the relay to connect to a peer (RFC 6062, 4.3).
  ///
  /// - Throws: where it is not to be asked.
  public mutating func connect(to peer: SocketAddress, at now: Instant) throws(RelayError) {
    guard phase == .allocated else { throw RelayError(.closed) }
    guard peer.port != 0, canReach(peer.ip) else {
      throw RelayError(.noSuchFamily, reason: "it cannot reach \(peer)")
    }
    // Nobody is asked for twice at once (RFC 6062, 4.3).
    guard !requests.contains(where: { $0.purpose == .connect(peer) }) else {
      throw RelayError(.alreadyConnected)
    }
    guard requests.count(where: \.purpose.isConnect) < RelayClientLimits.connects else {
      throw RelayError(.noRoom, reason: "\(RelayClientLimits.connects) connections are on their way")
    }
    ask(.connect(peer), at: now)
  }

  /// Takes word of somebody who has connected. From whom nothing may come, nobody has.
  public mutating func receiveAttempt(_ message: STUNMessage) {
    guard phase == .allocated, terms.transport == .tcp, message.messageClass == .indication,
      message.method == .connectionAttempt, let peer = message.maskedAddress(.xorPeerAddress),
      let id = message.number(.connectionID), isPermitted(peer.ip)
    else { return }
    events.append(.arrived(peer, id: id))
  }

  /// Where a datagram to `peer` goes. Who is new is asked for.
  public mutating func route(to peer: SocketAddress, at now: Instant) -> Route {
    guard let slot = peers.slot(of: peer) else { return routeToNew(peer, at: now) }
    peers.use(slot)
    guard let known = peers.slots[slot] else { return .nowhere }
    switch known.state {
    case .bound: return .channel(known.channel)
    case .asking, .unbound: return peers.isPermitted(peer.ip) ? .indication : .wait
    case .refused: return .nowhere
    case .resting:
      peers.set(slot, .asking)
      ask(.channel(slot), at: now)
      return peers.isPermitted(peer.ip) ? .indication : .wait
    }
  }

  private mutating func routeToNew(_ peer: SocketAddress, at now: Instant) -> Route {
    guard phase == .allocated, peer.port != 0, canReach(peer.ip), let slot = peers.add(peer) else {
      return .nowhere
    }
    // Binding a channel permits its peer as well (RFC 8656, 12): it is all there is to ask.
    ask(.channel(slot), at: now)
    return peers.isPermitted(peer.ip) ? .indication : .wait
  }

  /// Whether a relayed address is of this address's family (RFC 8656, 9.1).
  func canReach(_ ip: IPAddress) -> Bool {
    !ip.isUnspecified && ip.canonical == ip && relayedAddresses.contains { $0.ip.family == ip.family }
  }

  /// Whose channel a number is: what comes under another is dropped.
  public mutating func peer(on channel: UInt16) -> SocketAddress? { peers.receive(on: channel) }

  /// Whether the server may bring something from there: what it brings from elsewhere is dropped (RFC 8656, 11.4).
  public func isPermitted(_ ip: IPAddress) -> Bool { peers.isPermitted(ip) }

  /// Asks whether the server still has it, as after a change of the network that may not have been one.
  public mutating func check(at now: Instant) {
    guard phase == .allocated, !requests.contains(where: { $0.purpose == .refresh || $0.purpose == .move })
    else { return }
    ask(.refresh, at: now)
  }

  /// What carries its messages has another address on this side.
  public mutating func moved(at now: Instant) {
    switch phase {
    case .idle, .ended: return
    case .asking:
      requests = []
      ask(.allocate, at: now)
    case .givingBack: end()
    case .allocated:
      // What was asked from the old address will not be answered here.
      requests = []
      backlog.removeAll()
      if ticket != nil { ask(.move, at: now) } else { lose(RelayError(.moved)) }
    }
  }

  /// What carries its messages is gone.
  public mutating func cut(_ error: RelayError) {
    switch phase {
    case .idle, .asking: fail(error)
    case .allocated: lose(error)
    case .givingBack: end()
    case .ended: return
    }
  }

  /// Somebody on the way says that the relay cannot be reached (RFC 8489, 6.2.1). Who has not seen the request knows no id of
  /// it, and once the relay has answered, it is there: such word changes nothing then.
  public mutating func undelivered(_ excerpt: [UInt8], _ error: NetworkError) {
    guard phase == .asking, !hasAnswered, excerpt.count >= STUNMessage.headerSize,
      requests.contains(where: { $0.bytes.starts(with: excerpt.prefix(STUNMessage.headerSize)) })
    else { return }
    fail(RelayError(.network(error)))
  }

  /// Nobody wants it any more: the server is told, where there is something to tell.
  public mutating func giveBack(at now: Instant) {
    guard isWanted else { return }
    isWanted = false
    events.removeAll()
    farewellAt = now.advanced(by: farewell)
    switch phase {
    case .idle: end()
    // The server may have given it already: that is known with its answer.
    case .asking, .ended, .givingBack: return
    case .allocated: sayFarewell(at: now)
    }
  }

  // MARK: Outputs

  /// How many requests have been made: where it has changed, there is something to send.
  var requestCount: Int { requests.count + backlog.count }

  /// What is to be sent next, if there is something.
  public mutating func poll() -> [UInt8]? {
    guard let place = requests.firstIndex(where: \.isToSend) else { return nil }
    requests[place].isToSend = false
    return requests[place].bytes
  }

  /// What has happened next, if there is something.
  public mutating func pollEvent() -> Event? { events.popFirst() }

  /// When to call ``handleDeadline(at:)``.
  public var nextDeadline: Instant? {
    var next = [refreshAt, permissionRoundAt, channelRoundAt, farewellAt].compactMap { $0 }.min()
    for request in requests { next = min(next ?? request.timer.deadline, request.timer.deadline) }
    return phase == .ended ? nil : next
  }

  /// Does what is due.
  public mutating func handleDeadline(at now: Instant) {
    for id in requests.map(\.id) {
      guard let place = requests.firstIndex(where: { $0.id == id }) else { continue }
      switch requests[place].timer.handleDeadline(at: now) {
      case .sendAgain: requests[place].isToSend = true
      case .timedOut: timedOut(requests.remove(at: place), at: now)
      case nil: continue
      }
    }
    if let farewellAt, farewellAt <= now { return end() }
    guard phase == .allocated else { return }
    if let refreshAt, refreshAt <= now {
      self.refreshAt = nil
      ask(.refresh, at: now)
    }
    if let permissionRoundAt, permissionRoundAt <= now { renewPermissions(at: now) }
    if let channelRoundAt, channelRoundAt <= now { renewChannels(at: now) }
  }
}

// MARK: Ends

extension AllocationCore {
  private var farewell: Duration {
    let patience = RelayClientLimits.farewell
    return patience.first * ((1 << (patience.transmissions - 1)) - 1 + patience.last)
  }

  mutating func end() {
    phase = .ended
    requests = []
    backlog.removeAll()
    (refreshAt, permissionRoundAt, channelRoundAt, farewellAt) = (nil, nil, nil, nil)
  }

  mutating func fail(_ error: RelayError) {
    end()
    if isWanted { events.append(.failed(error)) }
  }

  mutating func lose(_ error: RelayError) {
    end()
    if isWanted { events.append(.lost(error)) }
  }

  /// Tells the server that it is no longer wanted, whether or not it has given it.
  mutating func sayFarewell(at now: Instant) {
    end()
    phase = .givingBack
    farewellAt = now.advanced(by: farewell)
    ask(.giveBack, at: now)
  }
}
