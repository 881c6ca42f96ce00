import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// A TURN server without its sockets (RFC 8656): who has which relayed address, who may send to it, and what becomes of each
/// datagram.
///
/// Requests go to ``receive(_:from:at:timeOfDay:into:opening:)``, which writes an answer; what is relayed asks
/// ``slot(of:)`` and then ``passage(onChannel:of:at:)`` or ``way(from:to:at:)`` once for all that comes together. After each
/// input the shell closes what ``pollClosing()`` names.
public struct RelayServerCore: ~Copyable {
  /// What is to be done about a message.
  public enum Reaction {
    /// Nothing.
    case none
    /// What was written is sent to the client.
    case answer
    /// So much of the message goes to a peer.
    case relay(Passage, Range<Int>)
    /// A connection with a peer is to be opened: the answer is written when it is (RFC 6062, 5.2).
    case dial(RelayDial)
    /// What was written is sent, and all that follows on the client's connection is for a peer, as it is (RFC 6062, 5.4).
    case join(RelayStreamNumber)
  }

  /// Where what a client sends goes.
  public struct Passage: Hashable, Sendable {
    /// From which relayed address.
    public var port: RelayPortNumber
    /// To whom.
    public var peer: SocketAddress
    /// The peer is a relayed address too, of the allocation in this slot: nothing leaves.
    public var inside: Int?
    /// Whether it must arrive in one piece, or not at all (RFC 8656, 12).
    public var isWhole = false
  }

  /// How a peer's datagram goes to a client.
  public enum Way: Hashable, Sendable {
    /// Nobody has let the peer in.
    case none
    /// Behind a channel's header.
    case channel(UInt16)
    /// In a Data indication.
    case indication
  }

  private(set) var configuration: RelayConfiguration
  let reach: RelayReach
  var gate: RelayGate
  let tokens: HMAC
  /// Where the server listens for clients, and by which addresses this machine is known.
  let listening: [SocketAddress]
  let own: [IPAddress]
  /// What has come and gone.
  public internal(set) var counters = RelayCounters()

  var slots: [RelayAllocation?] = []
  var free: [Int] = []
  var clients: [ServedClient: Int] = [:]
  /// Whose each relayed address is, by both of its names.
  var relayed: [SocketAddress: Int] = [:]
  /// And those at which TCP is heard.
  var relayedTCP: [SocketAddress: Int] = [:]
  var perAccount: [String: Int] = [:]
  var perAddress: [IPAddress: Int] = [:]
  var reservations: [RelayReservation] = []
  var tokenCount: UInt64 = 0
  var deadlines = RelayDeadlines()
  var closing: [RelayClosing] = []
  var streams: [RelayStream?] = []
  var freeStreams: [Int] = []
  /// Where a connection is, by what it is called in messages.
  var streamIDs: [UInt32: Int] = [:]
  var streamDeadlines = RelayDeadlines()
  /// Those that have taken too long to open.
  var overdue: [RelayStreamNumber] = []
  var totalBudget: ByteBudget

  /// A server of which nobody knows anything yet.
  ///
  /// - Parameters:
  ///   - listening: where it takes what clients send: nothing is ever relayed there.
  ///   - own: the addresses of its machine.
  ///   - secret: what nonces are made with: chance that nobody else has.
  public init(
    _ configuration: RelayConfiguration, listening: [SocketAddress], own: [IPAddress], secret: [UInt8],
    at now: Instant
  ) {
    self.configuration = configuration
    self.listening = listening
    self.own = Array(
      Set(own + configuration.addresses.flatMap { [$0.local, $0.announced] } + listening.map(\.ip))
        .filter { !$0.isUnspecified }
    ).sorted()
    reach = RelayReach(permits: configuration.permits, forbids: configuration.forbids)
    gate = RelayGate(realm: configuration.realm, configuration.credentials, secret: secret)
    tokens = HMAC(.sha256, key: secret + Array("tokens".utf8))
    totalBudget = ByteBudget(configuration.totalBandwidth, at: now)
  }

  /// How many allocations there are.
  public var allocationCount: Int { clients.count }

  /// The slot of the client's allocation; nil where it has none.
  public func slot(of client: ServedClient) -> Int? { clients[client] }

  /// Others may use it from now on: see ``RelayServer/use(_:)``.
  public mutating func use(_ credentials: RelayCredentials) { gate.use(credentials) }

  /// So much there may be from now on: see ``RelayServer/limit(allocations:totalBandwidth:)``.
  public mutating func limit(allocations: Int, totalBandwidth: Int?) {
    configuration.allocations = allocations
    configuration.totalBandwidth = totalBandwidth
  }

  /// Whose allocation is in a slot.
  public func client(of slot: Int) -> ServedClient { slots[slot]!.client }

  /// How others know the relayed address of a port.
  public func announced(_ port: RelayPortNumber) -> SocketAddress? {
    slots[port.slot]?.relay(port.family)?.announced
  }
}

/// A relayed address by its number: which allocation's, and of which family.
public struct RelayPortNumber: Hashable, Sendable {
  /// The allocation's slot.
  public var slot: Int
  /// The address's family.
  public var family: IPAddress.Family
}

/// A relayed address that is needed.
public struct RelayWish: Hashable, Sendable {
  /// What its port must be.
  public enum Parity: Hashable, Sendable {
    case any
    case even
    /// The port after it is kept under a token.
    case evenBefore(UInt64)
    /// The one that was kept under a token.
    case kept(UInt64)
  }

  /// Which number it will have.
  public var port: RelayPortNumber
  /// Where it is to be bound.
  public var ip: IPAddress
  /// What is to be heard there.
  public var transport = TransportProtocol.udp
  /// What its port must be.
  public var parity: Parity
}

/// What is of no more use.
public enum RelayClosing: Hashable, Sendable {
  /// A relayed address.
  case port(RelayPortNumber)
  /// A port that was kept under a token.
  case kept(UInt64)
  /// A connection with a peer, and that of the client which it was joined with.
  case stream(RelayStreamNumber, ServedClient?)
}

/// A port that is kept for whoever has its token.
struct RelayReservation {
  var token: UInt64
  var user: String
  var family: IPAddress.Family
  var expiry: Instant
}

// MARK: Time

extension RelayServerCore {
  /// When ``handleDeadline(at:)`` is due.
  public var nextDeadline: Instant? {
    [
      reservations.map(\.expiry).min(), deadlines.earliest?.deadline, streamDeadlines.earliest?.deadline,
    ].compactMap { $0 }.min()
  }

  /// Ends what has come to its end.
  public mutating func handleDeadline(at now: Instant) {
    while let (deadline, slot) = deadlines.earliest, deadline <= now {
      for family in IPAddress.Family.allCases {
        if let relay = slots[slot]?.relay(family), relay.expiry <= now { end(family, of: slot) }
      }
    }
    for reservation in reservations where reservation.expiry <= now {
      closing.append(.kept(reservation.token))
    }
    reservations.removeAll { $0.expiry <= now }
    endOverdueStreams(at: now)
  }

  /// What the shell is to close next.
  public mutating func pollClosing() -> RelayClosing? { closing.popLast() }

  /// A client has hung up: its allocation goes with it (RFC 8656, 7.2).
  public mutating func hungUp(_ client: ServedClient) {
    if let slot = clients[client] { end(slot) }
  }

  /// Ends an allocation.
  mutating func end(_ slot: Int) {
    for family in IPAddress.Family.allCases where slots[slot]?.relay(family) != nil { end(family, of: slot) }
  }

  /// Ends one relayed address, and with the last of them the allocation.
  mutating func end(_ family: IPAddress.Family, of slot: Int) {
    guard let relay = slots[slot]?.relay(family) else { return }
    for place in slots[slot]!.streams where streams[place]!.peer.ip.family == family { endStream(place) }
    forget(relay, slots[slot]!.transport)
    closing.append(.port(RelayPortNumber(slot: slot, family: family)))
    if family == .v4 { slots[slot]!.v4 = nil } else { slots[slot]!.v6 = nil }
    let allocation = slots[slot]!
    guard allocation.v4 == nil, allocation.v6 == nil else {
      return deadlines.set(slot, to: allocation.expiry)
    }
    deadlines.set(slot, to: nil)
    clients[allocation.client] = nil
    perAccount.takeOne(allocation.account)
    perAddress.takeOne(allocation.client.address.ip.household)
    slots[slot] = nil
    free.append(slot)
    counters.ended += 1
  }
}

extension RelayServerCore {
  private mutating func forget(_ relay: RelayAllocation.Relay, _ transport: TransportProtocol) {
    for address in [relay.announced, relay.bound] {
      if transport == .udp { relayed[address] = nil } else { relayedTCP[address] = nil }
    }
  }
}

extension Dictionary where Value == Int {
  /// One less of this; none is forgotten.
  fileprivate mutating func takeOne(_ key: Key) {
    guard let count = self[key] else { return }
    self[key] = count > 1 ? count - 1 : nil
  }
}

extension IPAddress {
  /// Whose address it is, as far as one can tell from outside: with IPv6 each house has at least 64 bits (RFC 6177).
  var household: IPAddress {
    let address = canonical
    return address.family == .v4 ? address : IPPrefix(address, length: 64).base
  }
}
