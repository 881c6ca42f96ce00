import WarrenMachine
import WarrenSTUN

/// An ICE agent without I/O (RFC 8445, 8838, 7675 and 8863): finds out on which ways packets pass between two machines
/// that know each other's credentials, and keeps watching over those that do.
///
/// It is handed candidates, datagrams and the time. **After each of these, take all it has to give**: datagrams by
/// ``pollTransmit(into:at:)``, events by ``pollEvent()``, and the time of its next turn, ``nextDeadline``.
///
/// ```
///             addRemote            check sent           answered
///   (frozen) ───────────► waiting ────────────► inProgress ────────────► succeeded ──► nominated
///                            ▲                      │ silence                 │ no consent for 30 s
///                            └──── triggered ─── failed ◄─────────────────────┘
/// ```
public struct ICECore: ~Copyable {
  /// Who decides which pair is used (RFC 8445, 6.1.1).
  public enum Role: UInt8, Hashable, Sendable {
    case controlling, controlled

    var other: Role { self == .controlling ? .controlled : .controlling }
  }

  /// A socket, or a connection that is open already.
  public struct Base: Hashable, Sendable {
    /// Its candidate: of a host, or of a relay.
    public var candidate: Candidate
    /// For a connection: with whom.
    public var connectedTo: SocketAddress?
    /// Among our sockets, the higher the better.
    public var localPreference: UInt16
    /// Whether it is tried with every candidate of the other side, or only with those that are heard of through it.
    public var pairsWithAll: Bool
    /// Whether its connection has ended.
    var isGone = false
    /// Until when it only answers checks, so that the other side's are the first to come from outside.
    public var answersUntil: Instant?

    /// A socket that its candidate stands for.
    public init(
      _ candidate: Candidate, connectedTo: SocketAddress? = nil, localPreference: UInt16 = .max,
      pairsWithAll: Bool = true, answersUntil: Instant? = nil
    ) {
      self.answersUntil = answersUntil
      self.pairsWithAll = pairsWithAll
      self.candidate = candidate
      self.connectedTo = connectedTo
      self.localPreference = localPreference
    }
  }

  /// What was not what it should be.
  public struct Counters: Hashable, Sendable {
    /// Messages for us that were not signed, or wrongly.
    public var unsigned = 0
    /// Answers to nothing that was asked, or from elsewhere than was asked.
    public var unasked = 0
    /// Candidates that were too many or of no use, by reason.
    public var refusals = CandidateRefusals()
    /// Checks that were sent, and sent again.
    public var checksSent = 0
  }

  /// How it goes about it.
  public let configuration: ICEConfiguration
  /// What checks to us bear.
  public let credentials: ICECredentials
  /// Who decides.
  public internal(set) var role: Role
  /// What was not what it should be.
  public internal(set) var counters = Counters()

  let tieBreaker: UInt64
  let localKey: STUNKey
  /// `ours:` as checks to us begin.
  let expectedPrefix: [UInt8]
  var random: any RandomNumberGenerator

  var remoteCredentials: ICECredentials?
  var remoteKey: STUNKey?
  /// `theirs:ours`, the name that our checks bear.
  var checkUsername: [UInt8] = []
  /// `ours:theirs`, the name that theirs must bear.
  var expectedUsername: [UInt8] = []
  /// The least time between two checks that the other side asks for.
  var remotePacing: Duration = .zero

  var bases: [Base] = []
  var remoteIsLite = false
  /// Addresses under which we know that others see a base.
  var knownMapped: [(base: Int, address: SocketAddress)] = []
  var remotes: [Candidate] = []
  var pairs: [CandidatePair] = []
  var transactions: [CheckTransaction] = []
  /// Pairs whose check a check from the other side has called for, in order (RFC 8445, 6.1.4.1).
  var triggered: [Int] = []
  var earlyChecks: [EarlyCheck] = []

  var outputs = Queue<Output>()
  var events = Queue<ICEEvent>()

  /// When to look for the next check to send.
  var nextCheck: Instant?
  /// When all that was sent would have left, had there been no burst.
  var pacedUntil: Instant?
  var startsChecking: Instant?
  var givesUpAt: Instant?
  var nextRound: Instant?
  var round = ICELimits.firstRound
  var nominateAt: Instant?
  var selectedPair: Int?
  var hadSelected = false
  /// What was used before a restart, until there is something new, and how long that may last.
  var previous: (path: ICEPath, until: Instant)?
  var hasFailed = false
  var isClosed = false

  /// A check that came before we knew the other side's credentials.
  struct EarlyCheck {
    var base: Int
    var source: SocketAddress
    var priority: UInt32
    var nominates: Bool
    /// Whether it is only a hint that the other side may be there.
    var isHint = false
  }

  /// What is to be written and sent.
  enum Output {
    case check(CheckTransaction)
    case answer(ICETransmit, TransactionID, isSHA256: Bool)
    case roleConflict(ICETransmit, TransactionID, isSHA256: Bool)
  }

  /// An agent that has not begun.
  public init(
    _ configuration: ICEConfiguration, role: Role, credentials: ICECredentials,
    random: any RandomNumberGenerator
  ) {
    self.configuration = configuration
    self.role = role
    self.credentials = credentials
    var random = random
    tieBreaker = random.next()
    self.random = random
    localKey = STUNKey(password: credentials.password)
    expectedPrefix = Array("\(credentials.usernameFragment):".utf8)
  }
}

// MARK: What both sides have

extension ICECore {
  /// Adds a socket, or a connection that is open, and pairs it with what is known of the other side.
  public mutating func addBase(_ base: Base, at now: Instant) -> ICEBaseID {
    bases.append(base)
    let index = bases.count - 1
    if base.isGone { return ICEBaseID(index) }
    if let remote = base.connectedTo {
      if let place = remotePlace(of: remote, base.candidate.transport.counterpart) {
        formPair(index, place, at: now)
      } else if remotes.count < ICELimits.remoteCandidates + ICELimits.reflexiveCandidates {
        // Who connected from an address that nobody has named is learnt as peer-reflexive, once it has signed.
        remotes.append(
          Candidate(
            .peerReflexive, over: base.candidate.transport.counterpart, at: remote,
            priority: Candidate.priority(
              .peerReflexive, base.candidate.transport.counterpart, localPreference: .max),
            foundation: "p\(remotes.count)"))
        formPair(index, remotes.count - 1, at: now)
      }
    } else if base.pairsWithAll {
      for remote in remotes.indices { formPair(index, remote, at: now) }
    }
    return ICEBaseID(index)
  }

  /// A connection has ended: what went over it is lost.
  public mutating func removeBase(_ base: ICEBaseID, at now: Instant) {
    bases[base.index].isGone = true
    if let old = previous, old.path.base == base {
      previous = nil
      events.append(.lost(old.path))
    }
    for pair in pairs.indices where pairs[pair].base == base.index {
      let isTriggered = pairs[pair].isTriggered
      pairs[pair].isTriggered = false
      if isTriggered { triggered.removeAll { $0 == pair } }
      transactions.removeAll { $0.pair == pair }
      if pairs[pair].state == .succeeded { lose(pair, at: now) }
      pairs[pair].state = .failed
      pairs[pair].isGone = true
    }
  }

  /// Tells that others see a socket of ours at `address`: then no check will tell of it as new.
  public mutating func addMapped(_ address: SocketAddress, of base: ICEBaseID) {
    guard !knownMapped.contains(where: { $0.base == base.index && $0.address == address }) else { return }
    knownMapped.append((base.index, address))
  }

  /// Takes the other side's credentials and first candidates; the checks begin.
  ///
  /// - Parameter headStart: how long to wait for the other side's first check before sending one of our own.
  /// - Returns: how many of its candidates were refused: all, where its name or password are not such as
  ///   RFC 8839, 5.4 demands.
  @discardableResult
  public mutating func setRemote(_ description: ICEDescription, headStart: Duration = .zero, at now: Instant)
    -> Int
  {
    guard remoteCredentials == nil else { return 0 }
    guard description.isWellFormed else { return description.candidates.count }
    let theirs = ICECredentials(
      usernameFragment: description.usernameFragment, password: description.password)
    remoteCredentials = theirs
    checkUsername = Array("\(theirs.usernameFragment):\(credentials.usernameFragment)".utf8)
    expectedUsername = Array("\(credentials.usernameFragment):\(theirs.usernameFragment)".utf8)
    remoteIsLite = description.isLite
    remotePacing = min(description.pacing ?? ICELimits.pacingOfOthers, ICELimits.longestPacing)
    // Of a lite and a full agent, the full one decides (RFC 8445, 6.1.1).
    if description.isLite && !configuration.isLite { role = .controlling }
    if configuration.isLite && !description.isLite { role = .controlled }
    startsChecking = now.advanced(by: headStart)
    givesUpAt = now.advanced(by: configuration.givesUpAfter)
    nextRound = configuration.keepsSearching ? now.advanced(by: round) : nil
    let refused = description.candidates.reduce(0) { $0 + (addRemote($1, at: now) ? 0 : 1) }
    // Only now that all are known is it known which come first.
    remoteKey = STUNKey(password: theirs.password)
    sendDueChecks(at: now)
    let early = earlyChecks
    earlyChecks = []
    for check in early { take(check, at: now) }
    return refused
  }

  /// Nothing is gained by waiting for the other side's first check any longer.
  public mutating func endHeadStart(at now: Instant) {
    guard let starts = startsChecking, starts > now else { return }
    startsChecking = now
    sendDueChecks(at: now)
  }

  /// The first half of the name that our checks bear, once it is known.
  public var remoteUsernameFragment: String? { remoteCredentials?.usernameFragment }

  /// Takes one more candidate of the other side.
  ///
  /// - Returns: whether it is of use and not one too many.
  @discardableResult
  public mutating func addRemote(_ candidate: Candidate, at now: Instant) -> Bool {
    if let refusal = refusal(of: candidate) {
      counters.refusals.count(refusal)
      return false
    }
    // One that a check has told us of already keeps what the check proved, and is learnt to be what it says.
    if let place = remotePlace(of: candidate.address, candidate.transport) {
      remotes[place].kind = candidate.kind
      remotes[place].foundation = candidate.foundation
      for pair in pairs.indices where pairs[pair].remote == place { revive(pair) }
      return true
    }
    remotes.append(candidate)
    for base in bases.indices where bases[base].connectedTo == nil && bases[base].pairsWithAll {
      formPair(base, remotes.count - 1, at: now)
    }
    hasFailed = false
    // A new candidate is a new chance for all (see the table of timers in the project's measurements).
    if configuration.keepsSearching, remoteCredentials != nil {
      round = ICELimits.firstRound
      nextRound = now.advanced(by: round)
    }
    return true
  }

  /// Why a candidate of the other side's is not taken; whether loopback is, its owner must have decided before.
  private func refusal(of candidate: Candidate) -> CandidateRefusal? {
    if let refusal = candidate.refusal(allowingLoopback: true) { return refusal }
    if candidate.component != 1 { return .otherComponent }
    if let place = remotePlace(of: candidate.address, candidate.transport) {
      return remotes[place].kind == .peerReflexive ? nil : .known
    }
    return remotes.count < ICELimits.remoteCandidates ? nil : .tooMany
  }

  /// Stops: nothing is sent any more.
  public mutating func close() {
    isClosed = true
    outputs.removeAll()
    transactions = []
  }

  /// The way that both sides have agreed upon since the last restart.
  public var agreed: ICEPath? { selectedPair.map { path($0) } }

  /// The way that is used, if one was selected.
  public var selected: ICEPath? { selectedPair.map { path($0) } ?? previous?.path }

  /// All ways on which packets pass, the best first.
  public var openPaths: [ICEPath] {
    pairs.indices.filter { pairs[$0].state == .succeeded }.sorted { pairs[$0].priority > pairs[$1].priority }
      .map { path($0) }
  }

  func path(_ pair: Int) -> ICEPath {
    let (base, remote) = (bases[pairs[pair].base].candidate, remotes[pairs[pair].remote])
    return ICEPath(
      base: ICEBaseID(pairs[pair].base), remote: remote.address, remoteKind: remote.kind,
      localKind: base.kind,
      transport: base.transport, mapped: pairs[pair].mapped, roundTrip: pairs[pair].roundTrip)
  }

  func remotePlace(of address: SocketAddress, _ transport: Candidate.Transport) -> Int? {
    remotes.firstIndex { $0.address == address && $0.transport.isTCP == transport.isTCP }
  }

  func pairPlace(base: Int, remote: Int) -> Int? {
    pairs.firstIndex { $0.base == base && $0.remote == remote }
  }
}

// MARK: Output

extension ICECore {
  /// The next thing that has happened.
  public mutating func pollEvent() -> ICEEvent? { events.popFirst() }

  /// Writes the next datagram, and says where it goes.
  public mutating func pollTransmit(into message: inout STUNMessageWriter, at now: Instant) -> ICETransmit? {
    guard let output = outputs.popFirst() else { return nil }
    switch output {
    case .check(let transaction):
      write(transaction, into: &message)
      let pair = pairs[transaction.pair]
      return ICETransmit(base: ICEBaseID(pair.base), destination: remotes[pair.remote].address)
    case .answer(let transmit, let id, let isSHA256):
      message.begin(.success, .binding, id)
      message.add(.xorMappedAddress, masked: transmit.destination)
      message.sign(with: localKey, isSHA256 ? .sha256 : .sha1)
      message.addFingerprint()
      return transmit
    case .roleConflict(let transmit, let id, let isSHA256):
      message.begin(.failure, .binding, id)
      message.add(.roleConflict)
      message.sign(with: localKey, isSHA256 ? .sha256 : .sha1)
      message.addFingerprint()
      return transmit
    }
  }

  /// RFC 8445, 7.2.4 and 7.1.
  private func write(_ transaction: CheckTransaction, into message: inout STUNMessageWriter) {
    guard let remoteKey else {
      preconditionFailure("a check is sent to somebody whose credentials are not known")
    }
    let base = bases[pairs[transaction.pair].base]
    message.begin(.request, .binding, transaction.id)
    message.add(.username, checkUsername.span.bytes)
    message.add(
      .priority,
      Candidate.priority(
        .peerReflexive, base.candidate.transport, localPreference: base.localPreference))
    message.add(transaction.role == .controlling ? .iceControlling : .iceControlled, tieBreaker)
    if transaction.nominates { message.add(.useCandidate) }
    message.sign(with: remoteKey)
    message.addFingerprint()
  }
}
