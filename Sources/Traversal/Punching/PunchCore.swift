import WarrenMachine
import WarrenSTUN

/// A hole puncher without I/O: gathers candidates, tells the other side of them, opens its own NATs, and lets an
/// ``ICECore`` find the ways that work.
///
/// **After each input, take all it has to give**: datagrams by ``pollTransmit(into:at:)``, what the other side is to be
/// told by ``pollSignal()``, what has happened by ``pollEvent(at:)``, and the time of its next turn, ``nextDeadline``.
public struct PunchCore: ~Copyable {
  /// What packets go through.
  public enum Channel: Hashable, Sendable {
    /// A UDP socket, by its number.
    case socket(Int)
    /// A TCP connection, by its number.
    case connection(Int)
  }

  /// A channel, and which of this machine's addresses a packet leaves from.
  struct Base {
    var channel: Channel
    var local: SocketAddress
  }

  /// A datagram to be sent.
  public struct Transmit: Hashable, Sendable {
    /// Through what.
    public var channel: Channel
    /// Where to.
    public var destination: SocketAddress
    /// From which of this machine's addresses.
    public var source: IPAddress?
    /// How many routers it may cross.
    public var hopLimit: UInt8?
    /// Whether it goes to a STUN server, which was chosen by whoever configured this.
    var isQuestion = false
  }

  let configuration: PunchConfiguration
  var random: any RandomNumberGenerator
  public internal(set) var ice: ICECore
  var permit: SendPermit
  var bases: [Base] = []
  var queries: [ReflexiveQuery] = []
  var candidates: [Candidate] = []
  var primers: [(base: Int, destination: SocketAddress)] = []
  var dueQueries: [Int] = []
  var signals: [PunchSignal] = []
  var hasDescribed = false
  var isComplete = false
  var hasRemote = false
  /// When all restarts would have been, had they kept to ``PunchLimits/restartInterval``.
  var restartsUntil: Instant?
  /// Names that the other side has had: what comes late is not taken for something new.
  var pastFragments: [String] = []
  /// What has overtaken the description that it belongs to.
  var overtaking: [PunchSignal] = []
  /// The last description that came too soon after others, to be taken when it may be.
  var deferred: PunchSignal?
  /// The name of the other side's that made this side begin anew.
  var answering: String?
  /// Outside ports that gateways have given.
  var mappings: [(outside: SocketAddress, transport: TransportProtocol, localPort: UInt16)] = []
  /// Sockets that were opened besides those that this began with, and those of them that can be closed.
  var extraSockets: [Int] = []
  var socketsToClose: [Int] = []
  var isAsked = false
  var dials: [Dial] = []
  var dueDials: [Int] = []
  /// The number of the first of ``dials``: those before it are no longer wanted.
  var firstDial = 0
  /// The port from which each family dials and at which it listens, with the addresses it is known by.
  var listeners: [(family: IPAddress.Family, port: UInt16, addresses: [IPAddress])] = []
  var openQuestions = 0
  /// Connections of which nobody knows yet whose they are.
  var strangers: [(connection: Int, local: SocketAddress, remote: SocketAddress)] = []

  /// What was sent to the other side, or to where it might be, with IP and UDP headers.
  public private(set) var traffic = (packets: 0, bytes: 0)
  var search = SearchState()
  /// When to suspect that a stranger's packet has taken our port: see ``handleClash(at:)``.
  var mendsAt: Instant?
  /// Why nothing but a relay will do, if that is known. Both sides know it as soon as both know both NATs.
  public internal(set) var hopeless: SearchDecision.Reason?

  /// A puncher that has no socket yet.
  ///
  /// - Parameter makeRandom: is called for each part that needs chance of its own.
  public init(
    _ configuration: PunchConfiguration, role: ICECore.Role, makeRandom: () -> any RandomNumberGenerator
  ) {
    var random = makeRandom()
    let credentials = configuration.pairingKey?.credentials(of: role) ?? ICECredentials(using: &random)
    self.configuration = configuration
    self.random = random
    ice = ICECore(configuration.ice, role: role, credentials: credentials, random: makeRandom())
    permit = SendPermit(configuration.trust, relays: configuration.relays)
  }
}

// MARK: Gathering (RFC 8445, 5.1.1)

extension PunchCore {
  /// Takes a socket that is bound to a port of these addresses of the machine.
  public mutating func addSocket(_ socket: Int, port: UInt16, addresses: [IPAddress], at now: Instant) {
    for ip in addresses.prefix(PunchLimits.hostAddresses) {
      let preference = nextPreference
      let address = SocketAddress(ip, port: port)
      let candidate = Candidate(
        .host, at: address, priority: Candidate.priority(.host, localPreference: preference),
        foundation: "h\(bases.count)")
      bases.append(Base(channel: .socket(socket), local: address))
      _ = ice.addBase(.init(candidate, localPreference: preference), at: now)
      tell(candidate)
    }
  }

  /// Takes that a socket's addresses have changed: what went over those that are gone is lost. One that was opened on the
  /// way gets no new ones.
  public mutating func refreshSocket(
    _ socket: Int, port: UInt16, addresses: [IPAddress], at now: Instant
  ) {
    let known = liveBases.filter { bases[$0].channel == .socket(socket) }
    for base in known where !addresses.contains(bases[base].local.ip) {
      ice.removeBase(ICEBaseID(base), at: now)
    }
    if extraSockets.contains(socket) { return }
    let ips = known.map { bases[$0].local.ip }
    addSocket(socket, port: port, addresses: addresses.filter { !ips.contains($0) }, at: now)
  }

  /// Among candidates of one kind, the first is the best.
  var nextPreference: UInt16 { UInt16.max - UInt16(min(bases.count, 1000)) }

  /// The bases that have not ended.
  var liveBases: [Int] { bases.indices.filter { !ice.bases[$0].isGone } }

  /// Takes a socket whose datagrams go by a relay, where they seem to come from `address`.
  public mutating func addRelay(_ socket: Int, at address: SocketAddress, at now: Instant) {
    bases.append(Base(channel: .socket(socket), local: address))
    let preference = nextPreference
    let candidate = Candidate(
      .relayed, at: address, priority: Candidate.priority(.relayed, localPreference: preference),
      foundation: "r\(bases.count)")
    _ = ice.addBase(.init(candidate, localPreference: preference), at: now)
    tell(candidate)
  }

  /// Asks the STUN servers how they see the sockets, and tells the other side what is known already.
  public mutating func begin(at now: Instant) {
    tellKnownMappings()
    for base in bases.indices where ice.bases[base].candidate.kind == .host { ask(from: base, at: now) }
    describe()
    beginSampling(at: now)
    completeIfDone()
  }

  /// Where the world sees a family's first base was found out by somebody else.
  private mutating func tellKnownMappings() {
    for mapped in configuration.knownMappings {
      let base = bases.indices.first {
        bases[$0].local.ip.family == mapped.ip.family && ice.bases[$0].candidate.kind == .host
      }
      guard let base else { continue }
      ice.addMapped(mapped, of: ICEBaseID(base))
      tellMapped(mapped, of: base)
    }
  }

  /// Asks the STUN servers how they see a base.
  mutating func ask(from base: Int, at now: Instant) {
    let family = bases[base].local.ip.family
    for server in configuration.stunServers.lazy.filter({ $0.ip.family == family }).prefix(
      PunchLimits.stunServers)
    {
      queries.append(ReflexiveQuery(base: base, server: server, id: TransactionID(using: &random), at: now))
      dueQueries.append(queries.count - 1)
    }
  }

  /// What the other side is told first.
  mutating func describe() {
    hasDescribed = true
    let name = ice.credentials.usernameFragment
    let description = ICEDescription(
      usernameFragment: name, password: ice.credentials.password, isLite: configuration.ice.isLite,
      pacing: configuration.ice.pacing, candidates: candidates)
    signals.append(PunchSignal(.description(description), of: name, answering: answering))
  }

  mutating func say(_ content: PunchSignal.Content) {
    signals.append(PunchSignal(content, of: ice.credentials.usernameFragment))
  }

  /// A candidate of ours: the other side is told, unless that would tell too much.
  mutating func tell(_ candidate: Candidate) {
    let ip = candidate.address.ip
    let isHidden =
      switch configuration.privacy {
      case .tellsAll: false
      case .hidesPrivate: candidate.kind == .host && (ip.isPrivate || ip.isLinkLocal || ip.isCarrierShared)
      case .hidesAll: candidate.kind == .host
      }
    guard !isHidden, candidates.count < ICELimits.remoteCandidates,
      !candidates.contains(where: { $0.address == candidate.address && $0.transport == candidate.transport })
    else { return }
    var candidate = candidate
    if configuration.privacy != .tellsAll { candidate.relatedAddress = nil }
    candidates.append(candidate)
    if hasDescribed { say(.candidate(candidate)) }
  }

  mutating func completeIfDone() {
    guard !isComplete, hasDescribed, openQuestions == 0, !queries.contains(where: \.isPending) else { return }
    isComplete = true
    say(.complete)
  }

  /// An answer of a STUN server's.
  private mutating func receiveReflexive(
    _ message: borrowing STUNMessage, _ source: SocketAddress, at now: Instant
  ) -> Bool {
    let id = message.transactionID
    guard let place = queries.firstIndex(where: { $0.id == id && $0.server == source && $0.isPending }) else {
      return false
    }
    guard let mapped = message.mappedAddress else { return true }
    queries[place].answered(mapped, at: now)
    ice.addMapped(mapped, of: ICEBaseID(queries[place].base))
    tellMapped(mapped, of: queries[place].base)
    completeIfDone()
    return true
  }

  /// STUN servers see a base at `mapped`.
  mutating func tellMapped(_ mapped: SocketAddress, of base: Int) {
    let host = bases[base].local
    guard mapped != host else { return }
    tell(
      Candidate(
        .serverReflexive, at: mapped, relatedTo: host,
        priority: Candidate.priority(.serverReflexive, localPreference: UInt16.max - UInt16(min(base, 1000))),
        foundation: "s\(base)"))
  }
}

// MARK: The other side

extension PunchCore {
  /// This side has been asked, and the other does not know its candidates yet: it must open its NATs before anything
  /// of ours reaches them, so this side only primes until the first check arrives, or ``PunchLimits/headStart`` has passed.
  public mutating func wasAsked() { isAsked = true }

  /// Takes what the other side has told.
  ///
  /// - Parameters:
  ///   - byteCount: what the telling cost, in bytes; where it is not said, what the signal weighs.
  ///   - attested: addresses that somebody trusted has seen the other side use.
  public mutating func receive(
    _ signal: PunchSignal, byteCount: Int? = nil, attested: [IPAddress] = [],
    at now: Instant
  ) {
    permit.signalled(byteCount: byteCount ?? signal.encoded.count, attesting: attested)
    guard isTimely(signal) else { return }
    if case .description(let description) = signal.content {
      take(description, answering: signal.answering, at: now)
      pinOrTell(at: now)
    } else {
      take(signal.content, at: now)
    }
  }

  /// Whether a signal belongs to what the other side has last told of itself; one that comes too early is kept.
  private mutating func isTimely(_ signal: PunchSignal) -> Bool {
    guard let fragment = signal.usernameFragment, fragment != ice.remoteUsernameFragment else { return true }
    if case .description(let description) = signal.content { return description.usernameFragment == fragment }
    if !pastFragments.contains(fragment), overtaking.count < PunchLimits.overtakingSignals {
      overtaking.append(signal)
    }
    return false
  }

  private mutating func take(_ content: PunchSignal.Content, at now: Instant) {
    switch content {
    case .description: break
    case .candidate(let candidate):
      // What is not taken is sent nothing.
      guard isUsable(candidate), ice.addRemote(candidate, at: now) else { return }
      prime(candidate, at: now)
      dial(candidate, at: now)
    case .complete:
      // Of use to agents that give up as soon as nothing is left to try; this one goes on looking.
      break
    case .ports(let report):
      receivePorts(report, at: now)
    case .search(let plan, let round):
      receivePlan(plan, round: round, at: now)
    }
    pinOrTell(at: now)
  }

  mutating func take(_ description: ICEDescription, answering answered: String?, at now: Instant) {
    let fragment = description.usernameFragment
    guard description.isWellFormed, !pastFragments.contains(fragment) else { return }
    let own = ice.credentials.usernameFragment
    let isLate = answered.map { $0 != own } ?? false
    // It answers a name that this side no longer has: what it says to the present one is still to come. But where that one
    // was an answer as well, to a name that the other side no longer has, neither would speak: then one of them does.
    if isLate, answering == nil || !own.utf8.lexicographicallyPrecedes(fragment.utf8) { return }
    if hasRemote || isLate {
      if answered == own {
        beginAnewUnderThisName(at: now)
      } else {
        // It has begun anew, and so does this side (RFC 8445, 9.1.1.1).
        answering = fragment
        guard beginAnew(at: now) else {
          deferred = PunchSignal(.description(description), of: fragment, answering: answered)
          return
        }
      }
    }
    deferred = nil
    hasRemote = true
    if pastFragments.count >= PunchLimits.rememberedFragments { pastFragments.removeFirst() }
    pastFragments.append(fragment)
    var description = description
    description.candidates =
      description.candidates.filter { isUsable($0) }.prefix(ICELimits.remoteCandidates) + []
    for candidate in description.candidates { prime(candidate, at: now) }
    ice.setRemote(description, headStart: isAsked ? PunchLimits.headStart : .zero, at: now)
    mendsAt = now.advanced(by: PunchLimits.clashPatience)
    for candidate in description.candidates { dial(candidate, at: now) }
    let early = overtaking
    overtaking = []
    for signal in early where signal.usernameFragment == fragment { take(signal.content, at: now) }
  }

  /// Takes addresses at which the other side was seen, where both hold one key and need no more.
  public mutating func receive(addresses: [SocketAddress], over transport: TransportProtocol, at now: Instant)
  {
    guard let key = configuration.pairingKey else { return }
    let candidates = addresses.enumerated().map { place, address in
      Candidate(
        .serverReflexive, over: transport == .udp ? .udp : .tcpSimultaneousOpen, at: address,
        priority: Candidate.priority(
          .serverReflexive, localPreference: UInt16.max - UInt16(min(place, 1000))),
        foundation: "k\(place)")
    }
    let theirs: ICECore.Role = ice.role == .controlling ? .controlled : .controlling
    var description = key.description(of: theirs, candidates: candidates)
    description.pacing = configuration.ice.pacing
    guard ice.remoteUsernameFragment == description.usernameFragment else {
      return receive(PunchSignal(.description(description)), attested: addresses.map(\.ip), at: now)
    }
    for candidate in candidates {
      receive(PunchSignal(.candidate(candidate)), attested: addresses.map(\.ip), at: now)
    }
  }

  /// Whether a candidate of the other side's can be an address of another machine at all; counts it if not.
  private mutating func isUsable(_ candidate: Candidate) -> Bool {
    guard let refusal = candidate.refusal(allowingLoopback: configuration.usesLoopback) else { return true }
    ice.counters.refusals.count(refusal)
    return false
  }

  /// Opens our own NATs towards a candidate, with a packet that dies before it can reach the other side's, where the
  /// other side's check is waited for.
  private mutating func prime(_ candidate: Candidate, at now: Instant) {
    guard candidate.transport == .udp, primers.count < ICELimits.pairs else { return }
    for base in liveBases where bases[base].local.ip.family == candidate.address.ip.family {
      let isWaiting = ice.bases[base].answersUntil.map { $0 > now } ?? false
      if isAsked || isWaiting { primers.append((base, candidate.address)) }
    }
  }
}

// MARK: Packets and time

extension PunchCore {
  /// Takes a datagram that came through a channel, at one of this machine's addresses.
  public mutating func receive(
    _ bytes: RawSpan, on channel: Channel, at local: IPAddress?, from source: SocketAddress, at now: Instant
  ) -> ICECore.Received {
    guard STUNMessage.mayBegin(bytes) else { return .notSTUN }
    guard let message = try? STUNMessage(bytes) else { return .refused }
    switch message.messageClass {
    case .success, .failure:
      if receiveReflexive(message, source, at: now) || receiveSample(message, source, at: now) {
        return .keepAlive
      }
    case .indication:
      return receiveSearchPacket(message, channel, local, source, at: now) ? .keepAlive : .refused
    case .request: break
    }
    adopt(channel, message, at: now)
    let isCheck = ice.isAddressed(by: message)
    guard
      let base = isCheck
        ? base(forSearch: channel, local, source.ip.family, at: now)
        : base(of: channel, local, source.ip.family)
    else { return .refused }
    let received = ice.receive(bytes, on: ICEBaseID(base), from: source, at: now)
    switch received {
    case .answer: permit.prove(source.ip)
    case .check: permit.earn(bytes.byteCount, by: source.ip)
    case .keepAlive, .refused, .notSTUN: break
    }
    return received
  }

  /// Whether there is a way that no relay is on.
  var hasDirectPath: Bool { ice.openPaths.contains { !$0.isRelayed } }

  /// Whether the peer has proven to be at `remote`, as seen through a channel.
  func isProven(_ remote: SocketAddress, on channel: Channel) -> Bool {
    ice.pairs.contains {
      $0.state == .succeeded && ice.remotes[$0.remote].address == remote && bases[$0.base].channel == channel
    }
      || ice.previous.map { $0.path.remote == remote && bases[$0.path.base.index].channel == channel }
        ?? false
  }

  /// Whether a check of the peer's has come from `remote` through a channel.
  func hasAsked(_ remote: SocketAddress, on channel: Channel) -> Bool {
    ice.pairs.contains {
      $0.wasChecked && ice.remotes[$0.remote].address == remote && bases[$0.base].channel == channel
    }
  }

  func base(of channel: Channel, _ ip: IPAddress?, _ family: IPAddress.Family) -> Int? {
    var ofFamily: Int?
    for base in bases.indices where bases[base].channel == channel && !ice.bases[base].isGone {
      if bases[base].local.ip == ip { return base }
      if ofFamily == nil, bases[base].local.ip.family == family { ofFamily = base }
    }
    return ofFamily
  }

  /// Writes the next datagram, and says where it goes.
  public mutating func pollTransmit(into message: inout STUNMessageWriter, at now: Instant) -> Transmit? {
    while let transmit = nextTransmit(into: &message, at: now) {
      if transmit.isQuestion { return transmit }
      let size = message.byteCount + transmit.destination.ip.family.datagramHeaderBytes
      guard permit.spend(size, on: transmit.destination.ip) else { continue }
      traffic.packets += 1
      traffic.bytes += size
      return transmit
    }
    return nil
  }

  private mutating func nextTransmit(into message: inout STUNMessageWriter, at now: Instant) -> Transmit? {
    if let primer = primers.first {
      primers.removeFirst()
      // An indication says nothing and is answered by nobody.
      message.begin(.indication, .binding, TransactionID(using: &random))
      return transmit(primer.base, primer.destination, hopLimit: configuration.primingHopLimit)
    }
    if let query = dueQueries.first {
      dueQueries.removeFirst()
      queries[query].write(into: &message)
      var question = transmit(queries[query].base, queries[query].server)
      question.isQuestion = true
      return question
    }
    if let question = search.sampling?.pollQuestion(into: &message) {
      return Transmit(channel: question.channel, destination: question.server, isQuestion: true)
    }
    if let packet = pollPinPacket(into: &message) ?? pollSearchPacket(into: &message) { return packet }
    guard let check = ice.pollTransmit(into: &message, at: now) else { return nil }
    return transmit(check.base.index, check.destination)
  }

  private func transmit(_ base: Int, _ destination: SocketAddress, hopLimit: UInt8? = nil) -> Transmit {
    Transmit(
      channel: bases[base].channel, destination: destination, source: bases[base].local.ip, hopLimit: hopLimit
    )
  }

  /// What the other side is to be told next.
  public mutating func pollSignal() -> PunchSignal? { signals.isEmpty ? nil : signals.removeFirst() }

  /// The next thing that has happened.
  public mutating func pollEvent(at now: Instant) -> ICEEvent? {
    let event = ice.pollEvent()
    switch event {
    case .opened where hasDirectPath:
      endSearch(at: now)
      hopeless = nil
    case .selected(let path) where !path.isRelayed:
      search.retiresAt = now.advanced(by: PunchLimits.retirement)
    default: break
    }
    return event
  }

  /// When to call ``handleDeadline(at:)``.
  public var nextDeadline: Instant? {
    // It is asked after each packet: nothing is copied for it.
    var next = Instant.earliest(ice.nextDeadline, search.deadline)
    next = Instant.earliest(next, mendsAt)
    if deferred != nil { next = Instant.earliest(next, mayRestartAt) }
    let needsAll = ice.selected == nil
    for place in queries.indices where needsAll || queries[place].isPending {
      next = Instant.earliest(next, queries[place].deadline)
    }
    for dial in dials { next = Instant.earliest(next, dial.deadline) }
    return next
  }

  /// With a path in use, no mapping needs to be kept for others.
  private func isNeeded(_ query: ReflexiveQuery) -> Bool { query.isPending || ice.selected == nil }

  /// Takes the time, and does what is due.
  public mutating func handleDeadline(at now: Instant) {
    for query in queries.indices where isNeeded(queries[query]) {
      if queries[query].handleDeadline(at: now, nextID: TransactionID(using: &random)) {
        dueQueries.append(query)
      }
    }
    completeIfDone()
    takeDeferred(at: now)
    handleDials(at: now)
    handleSampling(at: now)
    handlePin(at: now)
    handleSearch(at: now)
    handleClash(at: now)
    retireSearch(at: now)
    ice.handleDeadline(at: now)
  }

  /// Stops: nothing is sent any more.
  public mutating func close() {
    ice.close()
    queries = []
    dueQueries = []
    primers = []
    dials = []
    dueDials = []
    overtaking = []
    deferred = nil
    search = SearchState()
    mendsAt = nil
    signals = []
  }
}

extension IPAddress.Family {
  /// What a datagram weighs without its payload.
  fileprivate var datagramHeaderBytes: Int { self == .v4 ? 28 : 48 }
}
