import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenTraversal

/// A program that others can connect with, and that connects with others, whatever NATs stand between them.
///
/// ```swift
/// var configuration = Peer.Configuration()
/// configuration.name = "alice"
/// configuration.registry = try RegistryAddress("warren://registry.example/KEY")
/// let peer = try Peer(configuration, on: machine)
/// try await peer.start()
/// let connection = try await peer.connect(to: "bob")
/// ```
///
/// Who connects has the registry carry its first packets to the other side, which answers straight at every address that
/// the registry has seen: what opens the NATs is the handshake itself.
public actor Peer {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// Who it is.
  public nonisolated let id: PeerID
  /// How it is.
  public nonisolated let configuration: Configuration
  /// What happens, until it is closed. Who reads slowly loses the oldest.
  public nonisolated let events: AsyncStream<PeerEvent>
  /// Those who want to connect, where ``Policy/ask`` says that it is for this program to decide.
  public nonisolated let requests: AsyncStream<ConnectionRequest>
  /// Connections that others have begun, and that nobody here has asked for: as ``Policy`` lets them in.
  public nonisolated let connections: AsyncStream<Connection>
  /// What has come and gone.
  public internal(set) var counters = Counters()

  /// What has come and gone.
  public struct Counters: Hashable, Sendable {
    /// Connections that this side has asked for, those that came about, and those that did not.
    public var dialled = 0
    public var connected = 0
    public var failed = 0
    /// Those of others that were let in, and those that were not.
    public var accepted = 0
    public var denied = 0
    /// Those for which holes had to be punched.
    public var punched = 0
    /// Those that were looked after when their way was lost.
    public var mended = 0
  }

  let endpoint: QUICEndpoint
  private let happened: AsyncStream<PeerEvent>.Continuation
  private let asked: AsyncStream<ConnectionRequest>.Continuation
  private let arrived: AsyncStream<Connection>.Continuation
  private let gate: PeerGate

  /// What it is called now.
  var name: RegistryName?
  var ports: SharedPorts?
  var client: RegistryClient?
  let searchGate = SearchGate()
  var table: LinkTable<AdoptedConnection>
  /// Tries that are under way.
  var approaches: [Approach] = []
  /// Those who wait for a connection with somebody.
  var waiting: [ConnectionWaiter] = []
  /// What was said in introductions that are not known, or not yet.
  private var strays: [(introduction: UInt64, event: RegistryEvent)] = []
  /// Dials that are being worked on, and those that wait for that.
  var turns = 0
  var turnWaits = Queue<Wait<Void>>()
  /// Requests that nobody has answered.
  var questions: [Int: Question] = [:]
  var lastQuestion = 0
  /// Connections that were handed out before both sides have proven that they are there.
  var early: [Connection] = []
  /// Where peers were reached last.
  var goodPaths: [(peer: PeerID, path: NetworkPath)] = []
  /// Who was found under which name.
  var knownNames: [RegistryName: PeerID] = [:]
  /// Where the registry is.
  private(set) var registries: [SocketAddress] = []
  /// Where relays are.
  var relayIPs: [IPAddress] = []
  /// What they have given this peer, since when nobody needs it, and who asks for more at present.
  var relays: [PeerRelay] = []
  var relaysIdleSince: Instant?
  var asking: Task<Void, any Error>?
  /// Relays that were found, and what looks for them at present.
  var foundRelays: [RelayServerAddress] = []
  var finding: Task<Void, any Error>?
  /// Finds out how often connections must say that they are alive; nil where they do not.
  private(set) var keepAlive: KeepAliveWatcher?
  private var addresses: [SocketAddress] = []
  /// What follows from the interfaces that there were last: it is asked again and again.
  private var knownHost: (interfaces: [NetworkInterface], addresses: [SocketAddress])?
  /// Where it was seen, as the registry was told last.
  private var announced: [SocketAddress] = []
  /// The same, by way of relays.
  var announcedRelays: [SocketAddress] = []
  private var tasks: [Task<Void, any Error>] = []
  private var looking: Task<Void, any Error>?
  private var changing: Task<Void, any Error>?
  /// When it looks around next.
  private var round: MachineTimer?
  /// Asks routers for ports, and gives them back in the end.
  let portMapper: PortMapper?
  private var isStarted = false
  private(set) var isClosed = false

  /// A peer that begins with ``start()``.
  ///
  /// - Throws: a ``RegistryError`` where its name is none, or a ``QUICError`` where the system lacks what it needs.
  public init(_ configuration: Configuration = Configuration(), on machine: any Machine) throws {
    var configuration = configuration
    let key: PrivateKey
    if let given = configuration.key {
      key = given
    } else {
      var random = machine.random
      key = PrivateKey(using: &random)
    }
    configuration.key = key
    name = try configuration.name.map { name throws(RegistryError) in try RegistryName(name) }
    self.machine = machine
    self.configuration = configuration
    id = key.peerID
    let gate = PeerGate(configuration.policy)
    self.gate = gate
    var quic = QUICConfiguration(protocols: configuration.protocols)
    quic.accepts = { gate.permits($0) }
    quic.permitsEarlyData = configuration.permitsEarlyData
    quic.answerTimeout = configuration.idleTimeout
    quic.idleTimeout =
      configuration.idleTimeout + (configuration.keepsAlive ? PeerLimits.longestKeepAlive : .zero)
    quic.keepAlive = configuration.keepAlive
    quic.handshakeTimeout = configuration.patience
    quic.resetSecret = key.secret(for: "warren's peer forgets")
    (quic.qlog, quic.keyLog) = (configuration.qlog, configuration.keyLog)
    endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), quic)
    portMapper = configuration.mapsPorts ? PortMapper(on: machine) : nil
    table = LinkTable(of: key.peerID)
    (events, happened) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(PeerLimits.waitingEvents))
    (requests, asked) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    (connections, arrived) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(PeerLimits.waitingConnections))
  }

  /// Opens its ports, and announces itself at the registry.
  ///
  /// It does not wait for the registry: see ``PeerEvent/registered``.
  public func start() async throws {
    precondition(!isStarted, "a peer is started once")
    if isClosed { throw PeerError(.closed, "the peer is closed") }
    isStarted = true
    let sockets = try openSockets()
    let ports = SharedPorts(sockets)
    self.ports = ports
    ports.watcher = MappingWatcher(of: sockets, areNew: configuration.port == 0, on: machine) { [weak self] in
      self?.assumeIsolated { $0.mappingsChanged() }
    }
    if configuration.keepsAlive {
      keepAlive = KeepAliveWatcher(beginning: configuration.keepAlive, on: machine) { [weak self] intervals in
        self?.assumeIsolated { $0.keepAliveChanged(intervals) }
      }
    }
    for socket in sockets {
      nonisolated(unsafe) let unchecked = socket
      await endpoint.use(unchecked)
    }
    await endpoint.receiveOthers { datagram, channel in ports.take(datagram, on: channel) }
    if isHidden {
      await endpoint.ignore { [weak self] path in self?.assumeIsolated { $0.ignores(path) } ?? true }
    }
    await endpoint.whenSendingFails { [weak self] in self?.assumeIsolated { $0.sendingFailed() } }
    gate.isWelcome = { [weak self] peer in
      self?.assumeIsolated { $0.table.mayCome(peer, at: $0.machine.now) } ?? false
    }
    addresses = hostAddresses()
    findRelays()
    let endpoint = endpoint
    // It lives until it is closed, also where nobody else holds it.
    tasks.append(
      machine.spawn("connections of others") {
        for await connection in endpoint.connections { await self.take(connection) }
      })
    if let registry = configuration.registry { try await startRegistry(registry) }
    guard !isClosed else { return }
    round = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.lookAround() } }
    scheduleRound()
  }

  /// Whether what comes there is not to be answered, as nothing is sent straight to others, nor to their relays.
  private func ignores(_ path: NetworkPath) -> Bool {
    !isRelay(path.channel) && !registries.contains(path.remote)
  }

  private func openSockets() throws -> [any UDPSocket] {
    var options = UDPOptions()
    options.bufferBytes = QUICLimits.socketBytes
    var sockets: [any UDPSocket] = []
    let interfaces = try machine.interfaces()
    var failure: (any Error)?
    for family in configuration.families {
      let isThere = interfaces.contains { interface in
        interface.addresses.contains { $0.ip.family == family && ($0.ip.isLoopback || !interface.isLoopback) }
      }
      guard isThere else { continue }
      do {
        sockets.append(
          try machine.bindUDP(to: .any(family, port: configuration.port), options: options))
      } catch {
        failure = error
      }
    }
    if sockets.isEmpty {
      throw failure ?? PeerError(.noNetwork, "no interface is up: connect this machine to a network")
    }
    return sockets
  }

  private func startRegistry(_ registry: RegistryAddress) async throws {
    let client = try RegistryClient(
      registry, over: endpoint, with: configuration.key!, keyLog: configuration.keyLog)
    self.client = client
    await client.announceLater(announcement)
    tasks.append(
      machine.spawn("the registry's words") { [weak self] in
        for await event in client.events { await self?.take(event) }
      })
    await client.start()
  }

  var announcement: Announcement {
    Announcement(
      named: name, isListed: configuration.isListed,
      consent: configuration.policy.consent, at: isHidden ? [] : addresses,
      attested: isHidden ? [] : ports?.watcher?.attested ?? [], relayed: attestedRelays, isHidden: isHidden)
  }

  /// The registry's STUN has said something: what it says is fresh, and may be new.
  private func mappingsChanged() {
    guard let client, !isClosed else { return }
    let seen = announcement.attested.map(\.address)
    let isNew = seen != announced
    // A home's router may have moved, although nothing has changed here.
    if Set(seen.map(\.ip)).isDisjoint(with: announced.map(\.ip)), !seen.isEmpty, !announced.isEmpty {
      keepAlive?.networkChanged()
    }
    announced = seen
    client.assumeIsolated { $0.askNow() }
    machine.spawn("what the registry has seen") { await self.announce(to: client, now: isNew) }
  }

  private func keepAliveChanged(_ intervals: KeepAliveIntervals) {
    for adopted in adoptedConnections { adopted.paths?.keepAlive(intervals) }
  }

  /// Tells the registry what is known, now or when it comes back. Of two who do, the first may come last, with what was known
  /// before: then it says so again.
  func announce(to client: RegistryClient, now isNow: Bool = true) async {
    var said: Announcement
    repeat {
      said = announcement
      if isNow { await client.announceLater(said) } else { await client.keep(said) }
    } while said != announcement && !isClosed
  }

  /// This machine's own addresses, as others on its networks reach it.
  public func hostAddresses() -> [SocketAddress] {
    guard let ports, let interfaces = try? machine.interfaces() else { return [] }
    if let known = knownHost, known.interfaces == interfaces { return known.addresses }
    let ips = interfaces.filter { configuration.usesLoopback || !$0.isLoopback }.flatMap(\.addresses).map(
      \.ip)
    let all = ports.sockets.flatMap { socket -> [SocketAddress] in
      let local = socket.localAddress
      return ips.filter { $0.family == local.ip.family && !$0.isLinkLocal }
        .map { SocketAddress($0, port: local.port) }
    }
    let addresses = Array(all.prefix(RegistryLimits.addresses - 1))
    knownHost = (interfaces, addresses)
    return addresses
  }

  var adoptedConnections: [AdoptedConnection] { table.items }

  /// What others are told of these.
  var toldAddresses: [SocketAddress] { isHidden ? [] : hostAddresses() }

  /// Whether nothing is sent straight to others.
  var isHidden: Bool { configuration.paths == .relayed }

  /// With whom there is a connection now.
  public var connectedPeers: [PeerID] { table.peers }

  /// The connection with a peer, if there is one.
  public func connection(with peer: PeerID) -> Connection? { table.adopted(peer)?.connection }

  /// Closes all connections, withdraws from the registry, and gives back all that it has.
  public func close() async {
    guard !isClosed else { return }
    isClosed = true
    gate.isWelcome = { _ in false }
    for task in tasks { task.cancel() }
    tasks = []
    round?.cancel()
    looking?.cancel()
    changing?.cancel()
    finding?.cancel()
    for approach in approaches { await end(approach) }
    let error = PeerError(.closed, "the peer is closed")
    let waiters = waiting.map(\.wait)
    waiting = []
    waiters.endAll(.failure(error))
    questions = [:]
    await client?.close()
    for adopted in adoptedConnections { adopted.paths?.close() }
    await endpoint.close(code: ConnectionEnd.closed.rawValue, reason: "the peer is closed")
    keepAlive?.stop()
    keepAlive = nil
    ports?.closeAll()
    await portMapper?.close()
    relays = []
    happened.finish()
    asked.finish()
    arrived.finish()
  }

  func tell(_ event: PeerEvent) { happened.yield(event) }

  func ask(_ request: ConnectionRequest) { asked.yield(request) }

  /// - Returns: whether there is room for it.
  func handOut(_ connection: Connection) -> Bool {
    if case .enqueued = arrived.yield(connection) { true } else { false }
  }

  // MARK: The registry

  private func take(_ event: RegistryEvent) async {
    switch event {
    case .calling(let servers):
      registries = servers
      ports?.watcher?.watch(servers)
      for relay in relays { relay.watch(servers) }
    case .connected(let observed): tell(.registryFound(observed: observed))
    case .moved(let observed): tell(.candidatesChanged([observed] + addresses))
    case .registered: tell(.registered)
    case .relay: if let client { await learnRelays(from: client) }
    case .refused(let error): tell(.registryRefused(error))
    case .trusted(let key): tell(.registryTrusted(key))
    case .lost(let reason, let retry):
      // Its introductions ended with it, and another counts from one again.
      strays = []
      for approach in approaches { approach.introduction = nil }
      tell(.registryLost(because: reason, retry: retry))
    case .introduced(let introduction): await take(introduction)
    case .seen(let id, _, _), .signal(let id, _), .ended(let id):
      if case .ended = event { withdraw(id) }
      guard let approach = approaches.first(where: { $0.introduction == id }) else {
        if strays.count >= PeerLimits.strays { strays.removeFirst() }
        return strays.append((id, event))
      }
      await take(event, in: approach)
    }
  }

  /// What is said in an introduction.
  private func take(_ event: RegistryEvent, in approach: Approach) async {
    switch event {
    case .seen(_, let addresses, let relays):
      add(relays: relays, seenFor: approach)
      await add(addresses, seenFor: approach)
    case .signal(_, let bytes): if let signal = PeerSignal(bytes) { await take(signal, in: approach) }
    // Once the two are connected it has done what it was for.
    case .ended:
      approach.introduction = nil
      await mendingEnded(approach)
      forsakeLater(approach)
    default: break
    }
  }

  /// The registry has given a try its number. What was said in it may have been faster.
  func begin(_ approach: Approach, as introduction: UInt64, at addresses: [SocketAddress]) async {
    approach.introduction = introduction
    approach.seen = addresses
    let early = strays.filter { $0.introduction == introduction }
    strays.removeAll { $0.introduction == introduction }
    for word in early { await take(word.event, in: approach) }
  }

  // MARK: Networks

  private func scheduleRound() { round?.schedule(at: machine.now.advanced(by: configuration.networkCheck)) }

  /// Looks whether this machine has other addresses, and how connections are. No task waits for the next time, as most
  /// peers have nothing to do most of the time.
  private func lookAround() {
    guard !isClosed else { return }
    guard hostAddresses() != addresses else { return lookAfterAll() }
    changing = machine.spawn("changes of networks") { [weak self] in
      await self?.lookAtNetworks()
      await self?.lookAfterAll()
    }
  }

  private func lookAfterAll() {
    guard !isClosed else { return }
    mendLost()
    leaveRelays()
    keepAlive?.look(isConnected: !adoptedConnections.isEmpty, ports?.watcher?.answering ?? [])
    scheduleRound()
  }

  /// The address that something was to leave from is gone, perhaps.
  private func sendingFailed() {
    guard looking == nil, !isClosed else { return }
    looking = machine.spawn("whether there is another network") { [weak self, machine] in
      await self?.lookAtNetworks()
      try await machine.sleep(for: PeerLimits.lookPause)
      await self?.looked()
    }
  }

  private func looked() { looking = nil }

  /// Looks whether this machine has other addresses.
  func lookAtNetworks() async {
    let now = hostAddresses()
    guard !isClosed, now != addresses else { return }
    addresses = now
    tell(.candidatesChanged(now))
    await networkChanged()
  }

  /// This machine has other addresses, or was asleep: the registry is told, and connections are looked after. It finds out
  /// by itself within ``Configuration/networkCheck``; whoever knows sooner says so.
  public func networkChanged() async {
    guard isStarted, !isClosed else { return }
    await endpoint.addressesChanged()
    keepAlive?.networkChanged()
    // Another network may have relays of its own (RFC 8155, 7.1).
    findRelays()
    for relay in relays { relay.socket.networkChanged() }
    for adopted in adoptedConnections { adopted.paths?.networkChanged() }
    if let client {
      ports?.watcher?.watch(await client.serverAddresses, isNew: true)
      await announce(to: client)
      await client.tryNow(speaking: Set(addresses.map(\.ip.family)))
    }
    for adopted in adoptedConnections {
      adopted.searchSoon()
      mend(adopted)
    }
  }
}

/// Who is let in by those who were not introduced, before anything is known of them but their key.
final class PeerGate: @unchecked Sendable {
  // Used on the machine's executor alone: hence `@unchecked`.
  private let policy: Peer.Policy
  var isWelcome: (PeerID) -> Bool = { _ in true }

  init(_ policy: Peer.Policy) { self.policy = policy }

  func permits(_ peer: PeerID) -> Bool { policy.verdict(on: peer) != false && isWelcome(peer) }
}
