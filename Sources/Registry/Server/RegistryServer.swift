import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRelay
import WarrenTLS

/// Lets peers reach a ``Registry`` over the network, and introduces them to each other.
///
/// ```swift
/// let server = RegistryServer(registry, on: machine, key: key)
/// let address = try await server.start(at: .any(.v4, port: 3478), .any(.v6, port: 3478))
/// ```
///
/// One UDP port serves QUIC, over which peers talk to it, and STUN, by which their punchers see themselves (RFC 9443). The same
/// port of TCP serves TLS, for those to whom UDP does not get through. Both serve TURN where it is to relay as well.
public actor RegistryServer {
  /// How a server is to be.
  public struct Configuration: Sendable {
    /// How many peers may be connected at once: each costs some 90 kB.
    public var sessions = 10_000
    /// How many of them from one address: an office, or a carrier's NAT.
    public var sessionsPerAddress = 1_000
    /// How many messages a peer may send in a second, in the long run and at once.
    public var messages = RequestRate(perSecond: 100, atOnce: 1_000)
    /// How many others it may ask for in a second, in the long run and at once.
    public var introductions = RequestRate(perSecond: 20, atOnce: 200)

    /// Whether the same ports serve a relay, and how; nil for none. Whoever is registered is told with what to use it, and is
    /// one user of it, who has as many allocations as any user may.
    public var relay: RelayConfiguration?
    /// How long new allocations can be made with what a peer was told; it is told anew at half of that.
    public var relayGrantLifetime = RegistryLimits.relayGrantLifetime
    /// What is told of each connection over QUIC as qlog, if anything.
    public var qlog: QUICConfiguration.QLog?
    /// What is told of the secrets of all connections: lines of an `SSLKEYLOGFILE`, without their ends.
    ///
    /// - Warning: whoever has them reads everything that peers say to this server. Only for looking at one's own connections.
    public var keyLog: (@Sendable (String) -> Void)?

    /// What fits most.
    public init() {}

    /// Who is turned away is told so over a connection, too.
    fileprivate var connections: Int { sessions + max(1, sessions / 10) }
  }

  /// What has come and gone.
  public struct Counters: Hashable, Sendable {
    /// Peers that have connected.
    public var sessions = 0
    /// Peers that were turned away, as there were too many.
    public var turnedAway = 0
    /// Messages that have come, and those that were no messages or too many.
    public var messages = 0
    public var malformed = 0
    public var tooFast = 0
    /// Who was asked for, and what became of it.
    public var introductions = 0
    public var accepted = 0
    public var denied = 0
    /// What one side has said to the other.
    public var signals = 0
  }

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// Who is where.
  public nonisolated let registry: Registry
  /// What has come and gone.
  public private(set) var counters = Counters()

  private(set) var configuration: Configuration
  let attestor: Attestor
  let key: PrivateKey
  /// What passwords for the relay are made of: after a restart the same.
  let relaySecret: String
  var switchboard: RelaySwitchboard?
  private var endpoint: QUICEndpoint?
  var sockets: [any UDPSocket] = []
  private var listeners: [any TCPListener] = []
  /// Those who have not said who they are, over TCP, in total and of each address.
  var strangers = 0
  var strangersAt: [IPAddress: Int] = [:]
  var sessions: [PeerID: RegistrySession] = [:]
  /// Those who are connected, whether they have said anything or not.
  private var guestsAt: [IPAddress: Int] = [:]
  var desk = IntroductionDesk()
  var pairing = PairingDesk()
  /// Who waits with which ticket.
  var waiting: [PairingDesk.Ticket: RegistrySession] = [:]
  private var timer: MachineTimer?
  var isStopped = false

  /// A server that begins with ``start(at:)``.
  ///
  /// - Parameter key: by which peers know that it is this registry.
  public init(
    _ registry: Registry, on machine: any Machine, key: PrivateKey,
    _ configuration: Configuration = Configuration()
  ) {
    self.registry = registry
    self.machine = machine
    self.key = key
    self.configuration = configuration
    attestor = Attestor(key: key.sign(Array("warren's registry has seen".utf8).span.bytes))
    relaySecret = key.sign(Array("warren's registry relays".utf8).span.bytes).map { String($0, radix: 16) }
      .joined(separator: ".")
  }

  /// Begins to serve at one address or more, one of each family; ports that are not said are the first one's.
  ///
  /// - Returns: how peers reach it, with the port that the system chose.
  @discardableResult
  public func start(at addresses: SocketAddress...) async throws -> RegistryAddress {
    try await start(at: addresses)
  }

  /// The same with a list of addresses.
  @discardableResult
  public func start(at addresses: [SocketAddress]) async throws -> RegistryAddress {
    precondition(endpoint == nil, "a registry's server is started once")
    var options = UDPOptions()
    options.bufferBytes = QUICLimits.socketBytes
    let ports = try machine.openTwinPorts(at: addresses.isEmpty ? [.any(.v4)] : addresses, options: options)
    (sockets, listeners) = (ports.map(\.udp), ports.map(\.tcp))
    var quic = QUICConfiguration(protocols: [RegistryMessage.protocolName])
    quic.connections = configuration.connections
    quic.idleTimeout = RegistryLimits.silence
    quic.bidirectionalStreams = 1
    quic.unidirectionalStreams = 0
    quic.takesDatagrams = false
    // Who comes back after a restart is told at once that it is forgotten, and by nobody else.
    quic.resetSecret = key.secret(for: "warren's registry forgets")
    (quic.qlog, quic.keyLog) = (configuration.qlog, configuration.keyLog)
    let endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), quic)
    self.endpoint = endpoint
    timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.handleDeadline() } }
    switchboard = makeSwitchboard(at: sockets)
    for socket in sockets {
      nonisolated(unsafe) let unchecked = socket
      await endpoint.use(unchecked)
    }
    await receiveOthers(through: endpoint)
    // It lives until it is stopped, also where nobody else holds it.
    machine.spawn("the registry's connections") {
      for await connection in endpoint.connections {
        self.machine.spawn("a peer at the registry") { [weak self] in await self?.serve(connection) }
      }
    }
    for listener in listeners {
      nonisolated(unsafe) let unchecked = listener
      try serve(unchecked)
    }
    return RegistryAddress(at: sockets[0].localAddress, key: key.peerID)
  }

  /// So many peers may be connected at once from now on. Who is there stays.
  public func limit(sessions: Int) async {
    configuration.sessions = sessions
    await endpoint?.limit(connections: configuration.connections)
  }

  /// How many peers are connected.
  public var sessionCount: Int { sessions.count }

  /// How many wait for somebody with the same secret.
  public var waitingCount: Int { pairing.count }

  /// Stops without a word, as if the machine had been switched off.
  package func vanish() async {
    for socket in sockets { socket.close() }
    for listener in listeners { listener.close() }
    await stop()
  }

  /// Stops, and says so to all who are connected. The registry stays as it is.
  public func stop() async {
    guard !isStopped else { return }
    isStopped = true
    timer?.cancel()
    timer = nil
    for listener in listeners { listener.close() }
    switchboard?.close()
    for session in sessions.values.sorted(by: { $0.peer < $1.peer }) where !session.link.showsPort {
      await session.link.close(.closed)
    }
    await endpoint?.close(code: LinkEnd.closed.rawValue, reason: "the registry stops")
    for socket in sockets { socket.close() }
  }

  // MARK: Coming and going

  private func serve(_ connection: Connection) async {
    let source = await connection.networkPath.remote.ip.subscriber
    // Those who say nothing count as well.
    guard enter(source) else {
      return await connection.close(code: LinkEnd.full.rawValue, reason: LinkEnd.full.reason)
    }
    defer { guestsAt.takeOne(source) }
    // Whoever connects opens one stream, and says all on it.
    let stream = try? await machine.withDeadline(RegistryLimits.answerPatience) {
      var streams = connection.incomingStreams.makeAsyncIterator()
      return await streams.next()
    }
    guard let stream = stream ?? nil, let link = QUICLink(connection, stream) else {
      return await connection.close(code: LinkEnd.closed.rawValue, reason: "nothing was said")
    }
    await serve(link, first: [])
  }

  func serve(_ link: TLSLink, from source: IPAddress, first words: [UInt8]) async {
    guard enter(source) else { return await link.close(.full) }
    defer { guestsAt.takeOne(source) }
    await serve(link, first: words)
  }

  /// - Returns: whether there is room for another of this address.
  private func enter(_ source: IPAddress) -> Bool {
    guard guestsAt[source] ?? 0 < configuration.sessionsPerAddress else {
      counters.turnedAway += 1
      return false
    }
    guestsAt[source, default: 0] += 1
    return true
  }

  /// Serves a peer to the end.
  private func serve(_ link: some RegistryLink, first words: [UInt8]) async {
    let now = machine.now
    let session = RegistrySession(
      link, seenAt: await link.remote,
      messages: TokenBucket(of: configuration.messages, at: now),
      introductions: TokenBucket(of: configuration.introductions, at: now))
    // Whoever was still shaking hands when it stopped calls again, and finds whoever serves in its place.
    guard !isStopped else { return await link.close(.closed) }
    guard sessions.count < configuration.sessions || sessions[link.peer] != nil else {
      counters.turnedAway += 1
      return await link.close(.full)
    }
    counters.sessions += 1
    if let before = sessions.updateValue(session, forKey: session.peer) {
      leave(before)
      await before.link.close(.replaced)
    }
    session.say(.welcome(observed: session.observed, lifetime: registry.configuration.terms.lifetime))
    let end = await converse(session, first: words)
    leave(session)
    if sessions[session.peer] === session { sessions[session.peer] = nil }
    await link.close(end)
  }

  private func converse(_ session: RegistrySession, first words: [UInt8]) async -> LinkEnd {
    do {
      try await flush(session)
      var words: [UInt8]? = words
      while !session.isOver, let bytes = words {
        // Once for all that has come at once.
        await look(at: session)
        session.reader.append(bytes)
        while let incoming = try session.reader.next() {
          await take(incoming, of: session)
          if session.outgoing.bytes.count > RegistryLimits.unsentBytes / 2 { try await flush(session) }
          // Somebody is at it already, and it is not taken as fast as more is asked for.
          guard session.outgoing.bytes.count <= RegistryLimits.unsentBytes else { return .tooMuch }
        }
        try await flush(session)
        words = try await session.link.read()
      }
    } catch is RegistryError {
      counters.malformed += 1
      return .malformed
    } catch {
      // It is gone, and was not told anything any more.
    }
    return .closed
  }

  /// Writes what the peer has not been told, unless somebody is at it already.
  private func flush(_ session: RegistrySession) async throws {
    session.isFlushDue = false
    guard !session.isWriting else { return }
    session.isWriting = true
    if session.writeTimer == nil {
      nonisolated(unsafe) weak let slow = session
      session.writeTimer = machine.makeTimer { [weak self] in
        self?.assumeIsolated { server in if let slow { server.letGo(slow) } }
      }
    }
    defer {
      session.isWriting = false
      session.writeTimer?.cancel()
    }
    while !session.outgoing.bytes.isEmpty {
      let bytes = session.outgoing.bytes
      session.outgoing = MessageWriter()
      session.writeTimer?.schedule(at: machine.now.advanced(by: RegistryLimits.silence))
      try await session.link.write(bytes)
    }
  }

  /// Tells a peer something that it did not expect at this moment: an answer, or what another says to it.
  ///
  /// - Returns: whether there was room. What others say has half of it, so that nobody can be talked out of the registry; who
  ///   does not even take its answers is let go.
  @discardableResult
  func tell(_ session: RegistrySession, _ message: RegistryMessage, as request: UInt32 = 0) -> Bool {
    guard !session.isOver else { return false }
    if request == 0, session.outgoing.bytes.count > RegistryLimits.unsentBytes / 2 {
      counters.tooFast += 1
      return false
    }
    session.say(message, as: request)
    if session.outgoing.bytes.count > RegistryLimits.unsentBytes {
      letGo(session)
    } else if !session.isWriting, !session.isFlushDue {
      // What others have for it until then leaves with it.
      session.isFlushDue = true
      nonisolated(unsafe) let unchecked = session
      machine.spawn("words for a peer") { try await self.flush(unchecked) }
    }
    return true
  }

  /// A peer takes nothing of what it is told.
  private func letGo(_ session: RegistrySession) {
    leave(session)
    nonisolated(unsafe) let slow = session
    machine.spawn("the end of a slow peer") { await slow.link.close(.tooMuch) }
  }

  /// A peer is gone: those who were being introduced to it are told.
  private func leave(_ session: RegistrySession) {
    guard !session.isOver else { return }
    session.isOver = true
    for (ticket, _) in session.waiting {
      pairing.leave(ticket)
      waiting[ticket] = nil
    }
    session.waiting = []
    let away = RegistryError(.away, "the other side was lost before it has answered")
    for (id, pair) in desk.leave(session.peer) { tellEnd(of: id, pair, except: session.peer, away) }
  }

  func tellEnd(
    of id: UInt64, _ pair: IntroductionDesk.Pair, except peer: PeerID?,
    _ error: RegistryError = RegistryError(.notReachable, "the other side has not answered")
  ) {
    if pair.caller != peer, let caller = sessions[pair.caller] {
      if let question = pair.question {
        tell(caller, .failed(error), as: question)
      } else {
        tell(caller, .end(id))
      }
    }
    if pair.callee != peer, let callee = sessions[pair.callee] { tell(callee, .end(id)) }
  }

  // MARK: Time

  func schedule() {
    if let next = [desk.nextDeadline, pairing.nextDeadline].compactMap({ $0 }).min() {
      timer?.schedule(at: next)
    }
  }

  private func handleDeadline() {
    for (id, pair) in desk.takeExpired(at: machine.now) { tellEnd(of: id, pair, except: nil) }
    for ticket in pairing.takeExpired(at: machine.now) {
      guard let session = waiting.removeValue(forKey: ticket),
        let place = session.waiting.firstIndex(where: { $0.ticket == ticket })
      else { continue }
      let request = session.waiting.remove(at: place).request
      tell(session, .failed(RegistryError(.nobodyAsked, "nobody has come with the same key")), as: request)
    }
    schedule()
  }

  func count(_ change: (inout Counters) -> Void) { change(&counters) }
}

extension [IPAddress: Int] {
  /// One of this address has gone.
  mutating func takeOne(_ source: IPAddress) {
    self[source]! -= 1
    if self[source] == 0 { self[source] = nil }
  }
}
