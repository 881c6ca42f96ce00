import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenSTUN
import WarrenTLS

/// Lets peers reach a ``Registry`` over the network, and introduces them to each other.
///
/// ```swift
/// let server = RegistryServer(registry, on: machine, key: key)
/// let address = try await server.start(at: .any(.v4, port: 3478), .any(.v6, port: 3478))
/// ```
///
/// One UDP port serves QUIC, over which peers talk to it, and STUN, by which their punchers see themselves (RFC 9443). The same
/// port of TCP serves TLS, for those to whom UDP does not get through.
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

    /// What fits most.
    public init() {}
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

  let configuration: Configuration
  let attestor: Attestor
  private let key: PrivateKey
  private var endpoint: QUICEndpoint?
  private var sockets: [any UDPSocket] = []
  private var listeners: [any TCPListener] = []
  /// Those who have not said who they are, over TCP.
  private var strangers = 0
  var sessions: [PeerID: RegistrySession] = [:]
  private var sessionsAt: [IPAddress: Int] = [:]
  var desk = IntroductionDesk()
  var pairing = PairingDesk()
  /// Who waits with which ticket.
  var waiting: [PairingDesk.Ticket: RegistrySession] = [:]
  private var timer: MachineTimer?
  private var isStopped = false

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
  }

  /// Begins to serve at one address or more, one of each family; ports that are not said are the first one's.
  ///
  /// - Returns: how peers reach it, with the port that the system chose.
  @discardableResult
  public func start(at addresses: SocketAddress...) async throws -> RegistryAddress {
    precondition(endpoint == nil, "a registry's server is started once")
    var options = UDPOptions()
    options.bufferBytes = QUICLimits.socketBytes
    for var address in addresses.isEmpty ? [.any(.v4)] : addresses {
      if address.port == 0 { address.port = sockets.first?.localAddress.port ?? 0 }
      sockets.append(try machine.bindUDP(to: address, options: options))
    }
    var quic = QUICConfiguration(protocols: [RegistryMessage.protocolName])
    quic.connections = configuration.sessions + configuration.sessions / 10
    quic.idleTimeout = RegistryLimits.silence
    quic.bidirectionalStreams = 1
    quic.unidirectionalStreams = 0
    quic.takesDatagrams = false
    // Who comes back after a restart is told at once that it is forgotten, and by nobody else.
    quic.resetSecret = HMAC(.sha256, key: key.sign(Array("warren's registry forgets".utf8).span.bytes))
      .code(of: [])
    let endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), quic)
    self.endpoint = endpoint
    timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.handleDeadline() } }
    let (attestor, machine) = (attestor, machine)
    nonisolated(unsafe) let stun = sockets.map { socket in
      STUNResponder(socket) { attestor.proof(of: $0, at: machine.now) }
    }
    for socket in sockets {
      nonisolated(unsafe) let unchecked = socket
      await endpoint.use(unchecked)
    }
    await endpoint.receiveOthers { datagram, number in stun[number].answer(datagram) }
    machine.spawn("the registry's connections") { [weak self] in
      for await connection in endpoint.connections {
        guard let self else { return }
        self.machine.spawn("a peer at the registry") { [weak self] in await self?.serve(connection) }
      }
    }
    for socket in sockets { try listen(at: socket.localAddress) }
    return RegistryAddress(at: sockets[0].localAddress, key: key.peerID)
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
    for session in sessions.values.sorted(by: { $0.peer < $1.peer }) where !session.link.showsPort {
      await session.link.close(.closed)
    }
    await endpoint?.close(code: LinkEnd.closed.rawValue, reason: "the registry stops")
    for socket in sockets { socket.close() }
  }

  // MARK: TCP

  private func listen(at address: SocketAddress) throws {
    nonisolated(unsafe) let listener = try machine.listenTCP(on: address)
    listeners.append(listener)
    var configuration = TLSConfiguration(protocols: [RegistryMessage.protocolName])
    configuration.handshakeTimeout = RegistryLimits.answerPatience
    let (identity, machine) = (try TLSIdentity(key), machine)
    let settings = configuration
    machine.spawn("the registry's TLS") { [weak self] in
      await listener.acceptEach { tcp in
        nonisolated(unsafe) let tcp = tcp
        machine.spawn("a peer at the registry over TLS") { [weak self] in
          guard let self, await self.meet() else { return tcp.reset() }
          let connection = try? await TLSConnection.accept(over: tcp, identity, settings)
          await self.met()
          guard let connection, let link = TLSLink(connection, to: tcp.remoteAddress) else { return }
          await self.serve(link)
        }
      }
    }
  }

  /// - Returns: whether there is room for another stranger.
  private func meet() -> Bool {
    guard strangers < RegistryLimits.strangers, !isStopped else {
      counters.turnedAway += 1
      return false
    }
    strangers += 1
    return true
  }

  private func met() { strangers -= 1 }

  // MARK: Coming and going

  private func serve(_ connection: Connection) async {
    // Whoever connects opens one stream, and says all on it.
    var streams = connection.incomingStreams.makeAsyncIterator()
    guard let stream = await streams.next(), let link = QUICLink(connection, stream) else { return }
    await serve(link)
  }

  /// Serves a peer to the end.
  func serve(_ link: some RegistryLink) async {
    let now = machine.now
    let session = RegistrySession(
      link, seenAt: await link.remote,
      messages: TokenBucket(of: configuration.messages, at: now),
      introductions: TokenBucket(of: configuration.introductions, at: now))
    guard sessions.count < configuration.sessions,
      sessionsAt[session.source] ?? 0 < configuration.sessionsPerAddress
    else {
      counters.turnedAway += 1
      return await link.close(.full)
    }
    counters.sessions += 1
    sessionsAt[session.source, default: 0] += 1
    if let before = sessions.updateValue(session, forKey: session.peer) {
      leave(before)
      await before.link.close(.replaced)
    }
    session.say(.welcome(observed: session.observed, lifetime: registry.configuration.terms.lifetime))
    let end = await converse(session)
    leave(session)
    if sessions[session.peer] === session { sessions[session.peer] = nil }
    sessionsAt[session.source]! -= 1
    if sessionsAt[session.source] == 0 { sessionsAt[session.source] = nil }
    await link.close(end)
  }

  private func converse(_ session: RegistrySession) async -> LinkEnd {
    do {
      try await flush(session)
      while !session.isOver, let bytes = try await session.link.read() {
        session.observed = await session.link.remote
        session.reader.append(bytes)
        while let incoming = try session.reader.next() {
          await take(incoming, of: session)
          if session.outgoing.bytes.count > RegistryLimits.unsentBytes / 2 { try await flush(session) }
        }
        try await flush(session)
      }
    } catch let error as RegistryError {
      counters.malformed += 1
      return error.code == .full ? .tooMuch : .malformed
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
    defer { session.isWriting = false }
    while !session.outgoing.bytes.isEmpty {
      let bytes = session.outgoing.bytes
      session.outgoing = MessageWriter()
      try await session.link.write(bytes)
    }
  }

  /// Tells a peer something that it has not asked for. Who takes nothing is let go.
  func tell(_ session: RegistrySession, _ message: RegistryMessage, as request: UInt32 = 0) {
    guard !session.isOver else { return }
    session.say(message, as: request)
    if session.outgoing.bytes.count > RegistryLimits.unsentBytes {
      leave(session)
      nonisolated(unsafe) let slow = session
      machine.spawn("the end of a slow peer") { await slow.link.close(.tooMuch) }
    } else if !session.isWriting, !session.isFlushDue {
      // What others have for it until then leaves with it.
      session.isFlushDue = true
      nonisolated(unsafe) let unchecked = session
      machine.spawn("words for a peer") { try await self.flush(unchecked) }
    }
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
    for (id, pair) in desk.leave(session.peer) { tellEnd(of: id, pair, except: session.peer) }
  }

  func tellEnd(of id: UInt64, _ pair: IntroductionDesk.Pair, except peer: PeerID?) {
    if pair.caller != peer, let caller = sessions[pair.caller] {
      if let question = pair.question {
        tell(caller, .failed(RegistryError(.notReachable, "the other side has not answered")), as: question)
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

/// Answers STUN on the registry's port.
private final class STUNResponder {
  private let socket: any UDPSocket
  private var core: STUNServerCore
  private var writer = STUNMessageWriter()
  private var outbox = DatagramOutbox()

  init(_ socket: any UDPSocket, attest: @escaping @Sendable (SocketAddress) -> UInt64) {
    self.socket = socket
    core = STUNServerCore(STUNServerCore.Addresses(primary: socket.localAddress))
    core.attest = attest
  }

  func answer(_ datagram: borrowing Datagram) {
    let local = socket.localAddress
    guard let route = core.receive(datagram.payload, from: datagram.source, at: local, into: &writer) else {
      return
    }
    outbox.append(writer.bytes, to: route.destination, from: local.ip.isUnspecified ? datagram.localIP : nil)
    socket.sendOrDrop(&outbox)
  }
}
