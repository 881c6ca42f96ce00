import WarrenMachine
import WarrenSTUN

/// Finds a way between this machine and another, through whatever NATs stand between them.
///
/// Both sides make one, tell each other what ``signals`` says by whatever way they have, and hand what they are told to
/// ``receive(_:byteCount:attested:)``. The first way that works is there at once, better ones as they are found.
///
/// ```swift
/// let puncher = HolePuncher(on: machine, role: .controlling, configuration)
/// try await puncher.start()
/// machine.spawn("signals") { for await signal in puncher.signals { try await send(signal, to: bob) } }
/// let path = try await puncher.firstPath()
/// ```
public actor HolePuncher {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  /// What the other side is to be told, in this order.
  public nonisolated let signals: AsyncStream<PunchSignal>
  /// What happens, until it is closed.
  public nonisolated let events: AsyncStream<PunchEvent>

  let configuration: PunchConfiguration
  var core: PunchCore
  /// By number; those that a search has used and closed are gone.
  private(set) var sockets: [Socket?] = []
  var mappings: [PortMapping] = []
  var atGate = AtGate.outside
  /// Those in whose outbox something waits.
  private var filled: [Int] = []
  private var timer: MachineTimer?
  var writer = STUNMessageWriter()
  private let signalled: AsyncStream<PunchSignal>.Continuation
  private let happened: AsyncStream<PunchEvent>.Continuation
  private var waiting: [Wait<PunchedPath>] = []
  private var watching: [Wait<Void>] = []
  private var opened: PunchedPath?
  private var failure: PunchError?
  private var hopeless: SearchDecision.Reason?
  private var isStarted = false
  private(set) var isClosed = false
  /// Whether somebody else takes what arrives at the sockets that it was given, and hands it on.
  private var isFed = false
  /// What the other side has told before the start.
  private var early: [(inout PunchCore, Instant) -> Void] = []
  private var isDraining = false
  private var isDrained = true

  var listeners: [any TCPListener] = []
  var dialling: [(number: Int, tcp: any TCPConnection)] = []
  /// Those that are not gone, by number.
  var connections: [Int: PunchConnection] = [:]
  var lastConnection = 0
  var stunConnections: [any TCPConnection] = []
  var stunTasks: [Task<Void, any Error>] = []
  /// One for each listener that rests.
  var acceptTimers: [Int: MachineTimer] = [:]
  var tasks: [Task<Void, any Error>] = []

  private let datagrams: AsyncStream<[UInt8]>
  private let arrived: AsyncStream<[UInt8]>.Continuation
  /// Datagrams from where the other side has asked, but not answered yet: its first may overtake its answer.
  private var unproven: [(source: SocketAddress, socket: Int, bytes: [UInt8])] = []
  private var onForeign: ((borrowing Datagram, Int) -> Void)?

  /// A socket with what leaves from it; a class, since an array cannot hold what cannot be copied.
  final class Socket {
    let udp: any UDPSocket
    /// Whether it was this puncher that opened it, and closes it.
    var isOwn: Bool
    /// Whether somebody else takes what arrives at it.
    var isFed = false
    /// Whether it is for everything, and not only for a search or a relay.
    let isGeneral: Bool
    var outbox: DatagramOutbox

    init(
      _ udp: any UDPSocket, isOwn: Bool, isGeneral: Bool = true, outboxBytes: Int = PunchLimits.outboxBytes
    ) {
      self.udp = udp
      self.isOwn = isOwn
      self.isGeneral = isGeneral
      outbox = DatagramOutbox(byteCapacity: outboxBytes, runCapacity: outboxBytes / 64)
    }
  }

  /// A puncher on a machine; it begins with ``start(using:)``.
  ///
  /// - Parameter role: one side decides which way is used. Which one does not matter, and if both believe it is they,
  ///   they find out.
  public init(on machine: any Machine, role: ICECore.Role, _ configuration: PunchConfiguration = .init()) {
    self.machine = machine
    self.configuration = configuration
    core = PunchCore(configuration, role: role) { machine.random }
    (signals, signalled) = AsyncStream.makeStream()
    (events, happened) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(PunchLimits.waitingEvents))
    (datagrams, arrived) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingNewest(PunchLimits.waitingDatagrams))
  }

  /// Opens its sockets and begins to gather candidates.
  ///
  /// - Parameter sockets: the sockets to use instead of its own, those that the connection will use. They are
  ///   not closed with the puncher, but it takes what arrives at them: see ``receiveOthers(_:)``.
  /// - Parameter isFed: whether somebody else takes what arrives at these sockets, and hands on what is STUN's by
  ///   ``feed(_:from:at:on:)``: so several punchers can use the same ones.
  /// - Throws: why there is no network to use; the puncher is closed then.
  public func start(using sockets: sending [any UDPSocket] = [], isFed: Bool = false) throws {
    precondition(!isStarted, "a hole puncher is started once")
    if isClosed { throw PunchError.closed }
    isStarted = true
    self.isFed = isFed
    do {
      let interfaces = try usableInterfaces()
      if !configuration.usesRelaysAlone {
        if configuration.transports.contains(.udp) { try openSockets(sockets, interfaces) }
        if configuration.transports.contains(.tcp) { try startTCP(interfaces) }
        guard !self.sockets.isEmpty || !listeners.isEmpty else { throw PunchError.noNetwork }
      }
    } catch {
      close()
      throw error
    }
    timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.deadlinePassed() } }
    mapPorts()
    core.begin(at: machine.now)
    for take in early { take(&core, machine.now) }
    early = []
    drain()
  }

  func usableInterfaces() throws -> [NetworkInterface] {
    try machine.interfaces().filter { configuration.usesLoopback || !$0.isLoopback }
      .filter { configuration.interface == nil || $0.name == configuration.interface }
  }

  private func openSockets(_ given: [any UDPSocket], _ interfaces: [NetworkInterface]) throws {
    for udp in given {
      let socket = Socket(udp, isOwn: false)
      socket.isFed = isFed
      add(socket, interfaces)
    }
    if !given.isEmpty { return }
    var options = UDPOptions()
    options.interface = configuration.interface
    for family in configuration.families {
      guard interfaces.contains(where: { $0.addresses.contains { $0.ip.family == family } }) else { continue }
      add(
        Socket(
          try machine.bindUDP(to: .any(family, port: configuration.port), options: options), isOwn: true),
        interfaces)
    }
  }

  private func add(_ socket: Socket, _ interfaces: [NetworkInterface]) {
    sockets.append(socket)
    let number = sockets.count - 1
    let local = socket.udp.localAddress
    core.addSocket(number, port: local.port, addresses: addresses(of: local, interfaces), at: machine.now)
    if !socket.isFed {
      socket.udp.deliver(to: self) { puncher, batch in puncher.take(batch, on: number) }
    }
  }

  private func addresses(of local: SocketAddress, _ interfaces: [NetworkInterface]) -> [IPAddress] {
    interfaces.flatMap(\.addresses).map(\.ip).filter { ip in
      // A link-local address without its zone names nobody in particular.
      ip.family == local.ip.family && !(ip.family == .v6 && ip.isLinkLocal)
        && (local.ip.isUnspecified || local.ip == ip)
    }
  }

  /// This side has been asked by the other: see ``PunchCore/wasAsked()``.
  public func wasAsked() { core.wasAsked() }

  /// Takes a socket whose datagrams go by a relay, and that is bound to the address that the relay gave: the way that
  /// is used until there is a better one. It is not closed with the puncher.
  ///
  /// - Parameter isFed: whether somebody else receives its datagrams, and hands them over: see ``feed(_:from:at:on:)``.
  /// - Returns: its number here.
  @discardableResult
  public func addRelay(_ socket: sending any UDPSocket, isFed: Bool = false) -> Int {
    let number = sockets.count
    guard !isClosed else { return number }
    let added = Socket(socket, isOwn: false, isGeneral: false)
    added.isFed = isFed
    sockets.append(added)
    let address = socket.localAddress
    if !isFed { socket.deliver(to: self) { puncher, batch in puncher.take(batch, on: number) } }
    core.permit.allow(relay: address.ip)
    core.addRelay(number, at: address, at: machine.now)
    drain()
    return number
  }

  /// Looks for all ways anew, as after a change of networks: through the same sockets, at the addresses that the machine has
  /// now. What was found is used until there is something new.
  public func restart() {
    guard isStarted, !isClosed else { return }
    failure = nil
    // Without a network to look at, what is known is tried once more.
    if let interfaces = try? usableInterfaces() {
      for (number, socket) in sockets.enumerated() {
        guard let socket, socket.isOwn || socket.isGeneral else { continue }
        let local = socket.udp.localAddress
        core.refreshSocket(
          number, port: local.port, addresses: addresses(of: local, interfaces), at: machine.now)
      }
      restartTCP(interfaces)
    }
    core.restart(at: machine.now)
    drain()
  }

  /// Takes what the other side has told.
  ///
  /// - Parameters:
  ///   - byteCount: what the telling cost, in bytes, where it is known: no more than three times that is sent to
  ///     addresses that only this says are the peer's.
  ///   - attested: addresses that somebody trusted, such as the registry, has seen the other side use.
  public func receive(
    _ signal: PunchSignal, byteCount: Int? = nil, attested: [IPAddress] = []
  ) {
    guard !isClosed else { return }
    tellCore { $0.receive(signal, byteCount: byteCount, attested: attested, at: $1) }
  }

  /// Somebody trusted has seen the other side at these addresses.
  public func attest(_ addresses: [IPAddress]) {
    if !isClosed { core.permit.signalled(byteCount: 0, attesting: addresses) }
  }

  /// Somebody trusted has seen the other side at these relays.
  public func allow(relays: [IPAddress]) {
    for ip in relays { core.permit.allow(relay: ip) }
  }

  /// The first way that works, as soon as there is one.
  ///
  /// - Throws: ``PunchError`` when there is none.
  public func firstPath() async throws -> PunchedPath {
    if isClosed { throw PunchError.closed }
    if let opened { return opened }
    if let failure { throw failure }
    return try await machine.suspend({ "a path to the other side" }) { wait in
      // Between the call and here others may have run: what is true now decides.
      if isClosed { return wait.fail(PunchError.closed) }
      if let opened { return wait.succeed(opened) }
      if let failure { return wait.fail(failure) }
      waiting.add(wait)
    }
  }

  /// Takes addresses at which the other side was seen, where both hold one ``PunchConfiguration/pairingKey``.
  public func receive(addresses: [SocketAddress], over transport: TransportProtocol = .udp) {
    guard !isClosed else { return }
    tellCore { $0.receive(addresses: addresses, over: transport, at: $1) }
  }

  /// Hands on what the other side has told, as soon as there are sockets.
  private func tellCore(_ take: @escaping (inout PunchCore, Instant) -> Void) {
    guard isStarted else {
      if early.count < PunchLimits.overtakingSignals { early.append(take) }
      return
    }
    take(&core, machine.now)
    drain()
  }

  /// Waits for the first way over UDP, and gives a plain connection that uses the best there is.
  public func connection() async throws -> PunchedConnection {
    guard configuration.transports.contains(.udp) else { throw PunchError.transports }
    while currentPath == nil {
      try await change("a path over UDP to the other side") { currentPath != nil }
    }
    return PunchedConnection(self, datagrams)
  }

  /// Waits until something has changed.
  ///
  /// - Throws: ``PunchError`` where nothing will any more.
  private func change(
    _ wish: @autoclosure @Sendable @escaping () -> String, _ isThere: () -> Bool
  ) async throws {
    if let failure { throw failure }
    if isClosed { throw PunchError.closed }
    try await machine.suspend(wish) { wait in
      if isThere() || isClosed || failure != nil { wait.succeed(()) } else { watching.add(wait) }
    }
  }

  /// Sends a datagram over the best way there is.
  func send(_ bytes: [UInt8]) throws {
    guard !isClosed else { throw PunchError.closed }
    guard let path = currentPath, case .socket(let number) = path.channel, let socket = sockets[number] else {
      throw failure ?? PunchError.noPath(because: hopeless)
    }
    socket.outbox.append(bytes.span.bytes, to: path.remote, from: path.local.ip)
    try socket.udp.send(&socket.outbox)
    socket.udp.sendOrDrop(&socket.outbox)
  }

  /// The ways that are open, the best first.
  public var paths: [PunchedPath] { core.ice.openPaths.map(path) }

  /// The way that both sides use.
  public var selectedPath: PunchedPath? { core.ice.selected.map(path) }

  /// The way that datagrams take now: the one that both sides use, or until they agree the best that is open.
  var currentPath: PunchedPath? { ([selectedPath].compactMap { $0 } + paths).first { $0.transport == .udp } }

  /// What the agent within has refused and sent.
  public var counters: ICECore.Counters { core.ice.counters }

  /// The name and password that checks to this side bear now.
  public var credentials: ICECredentials { core.ice.credentials }

  /// What was sent to the other side, or to where it might be, with headers.
  public var traffic: (packets: Int, bytes: Int) { core.traffic }

  /// Hands on what is no business of the puncher's: the datagrams of whoever uses the paths, with the number of the
  /// socket that they came to.
  public func receiveOthers(_ body: sending @escaping (borrowing Datagram, Int) -> Void) { onForeign = body }

  /// The socket of a path over UDP.
  public func socket(of path: PunchedPath) -> (any UDPSocket)? {
    guard case .socket(let number) = path.channel else { return nil }
    return sockets[number]?.udp
  }

  /// Waits until both sides use a connection over TCP, and hands it over: every byte on it is then its owner's.
  ///
  /// Both sides must call it, and use nothing but TCP. The connection stays open when the puncher is closed.
  public func takeConnection() async throws -> sending any TCPConnection {
    guard configuration.transports == [.tcp] else { throw PunchError.transports }
    while true {
      if let number = agreedConnection, let connection = takeOver(number) {
        nonisolated(unsafe) let taken = connection
        return taken
      }
      try await change("a connection with the other side") { agreedConnection != nil }
    }
  }

  /// The connection that both sides use, once nothing more is to be sent over it.
  private var agreedConnection: Int? {
    guard let agreed = core.ice.agreed.map(path), case .connection(let number) = agreed.channel else {
      return nil
    }
    return connections[number]?.isFlushed ?? false ? number : nil
  }

  /// Stops: closes its own sockets, and ends every sequence and wait.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    core.close()
    timer?.cancel()
    for case let socket? in sockets {
      if socket.isOwn {
        socket.udp.close()
      } else if !socket.isFed {
        socket.udp.onDatagrams = nil
      }
    }
    for task in tasks { task.cancel() }
    tasks = []
    closeTCP()
    unmapPorts()
    leaveGateIfClosed()
    onForeign = nil
    signalled.finish()
    happened.finish()
    arrived.finish()
    early = []
    unproven = []
    waiting.takeAll().endAll(.failure(PunchError.closed))
    wakeWatching()
  }

  // MARK: Driving the core

  private func take(_ batch: borrowing DatagramBatch, on socket: Int) {
    let now = machine.now
    batch.forEach { datagram in
      let received = core.receive(
        datagram.payload, on: .socket(socket), at: datagram.localIP, from: datagram.source, at: now)
      if received == .notSTUN { take(datagram, on: socket) }
    }
    drain()
  }

  /// Takes a datagram of STUN's that has come to one of the sockets that it was given, by its number among them.
  ///
  /// - Returns: whether it was this puncher's.
  @discardableResult
  public func feed(
    _ bytes: [UInt8], from source: SocketAddress, at local: IPAddress?, on number: Int
  ) -> Bool {
    guard isStarted, !isClosed, sockets.indices.contains(number) else { return false }
    let received = core.receive(
      bytes.span.bytes, on: .socket(number), at: local, from: source, at: machine.now)
    // Of many that share a socket, most are not meant.
    guard received != .refused, received != .notSTUN else { return false }
    drain()
    return true
  }

  /// Gives away a socket that it has opened on the way: whoever takes it closes it, and hands on what arrives there by
  /// ``feed(_:from:at:on:)``. Nil where the path goes through one that it was given.
  public func giveAway(_ path: PunchedPath) -> (any UDPSocket)? {
    guard case .socket(let number) = path.channel, let socket = sockets[number], socket.isOwn else {
      return nil
    }
    socket.isOwn = false
    socket.isFed = true
    return socket.udp
  }

  /// What is no STUN: only what comes from where the peer has proven to be is the peer's.
  private func take(_ datagram: borrowing Datagram, on socket: Int) {
    if let onForeign {
      onForeign(datagram, socket)
    } else if core.isProven(datagram.source, on: .socket(socket)) {
      arrived.yield(datagram.payload.withUnsafeBytes { Array($0) })
    } else if unproven.count < PunchLimits.earlyDatagrams, core.hasAsked(datagram.source, on: .socket(socket))
    {
      unproven.append((datagram.source, socket, datagram.payload.withUnsafeBytes { Array($0) }))
    }
  }

  private func deadlinePassed() {
    core.handleDeadline(at: machine.now)
    drain()
  }

  /// Takes all that the core has to give. What it causes may give it more: that is taken in the same turn.
  func drain() {
    isDrained = false
    guard !isDraining else { return }
    isDraining = true
    while !isDrained, !isClosed {
      isDrained = true
      send()
      while let purpose = core.pollSocketRequest() { openSocket(for: purpose) }
      while let number = core.pollSocketToClose() { closeSocket(number) }
      passGate()
      while let request = core.pollDial() { dial(request) }
      endStaleDials()
      readAgain()
      while let signal = core.pollSignal() { signalled.yield(signal) }
      while let event = core.pollEvent(at: machine.now) { handle(event) }
      if core.hopeless != hopeless {
        hopeless = core.hopeless
        if let hopeless { happened.yield(.needsRelay(hopeless)) }
      }
    }
    isDraining = false
    guard !isClosed else { return }
    if let next = core.nextDeadline { timer?.schedule(at: next) } else { timer?.cancel() }
  }

  /// A socket that only a search needs, or the samples before it.
  private func openSocket(for purpose: PunchCore.SocketPurpose) {
    isDrained = false
    var options = UDPOptions()
    options.interface = configuration.interface
    guard let udp = try? machine.bindUDP(to: .any(.v4), options: options) else {
      core.opened(purpose, socket: nil, port: 0, at: machine.now)
      return
    }
    sockets.append(Socket(udp, isOwn: true, isGeneral: false, outboxBytes: PunchLimits.searchOutboxBytes))
    let number = sockets.count - 1
    udp.deliver(to: self) { puncher, batch in puncher.take(batch, on: number) }
    core.opened(purpose, socket: number, port: udp.localAddress.port, at: machine.now)
  }

  private func closeSocket(_ number: Int) {
    if sockets[number]?.isOwn ?? false { sockets[number]?.udp.close() }
    sockets[number] = nil
  }

  private func send() {
    let now = machine.now
    while let transmit = core.pollTransmit(into: &writer, at: now) {
      switch transmit.channel {
      case .connection(let number): write(on: number)
      case .socket(let number):
        guard let socket = sockets[number] else { continue }
        if socket.outbox.isEmpty { filled.append(number) }
        if !append(transmit, to: socket) {
          socket.udp.sendOrDrop(&socket.outbox)
          append(transmit, to: socket)
        }
      }
    }
    for number in filled {
      if let socket = sockets[number] { socket.udp.sendOrDrop(&socket.outbox) }
    }
    filled.removeAll(keepingCapacity: true)
  }

  @discardableResult
  private func append(_ transmit: PunchCore.Transmit, to socket: Socket) -> Bool {
    socket.outbox.append(
      writer.bytes, to: transmit.destination, from: transmit.source, hopLimit: transmit.hopLimit)
  }

  private func handle(_ event: ICEEvent) {
    switch event {
    case .opened(let ice):
      let path = path(ice)
      opened = opened ?? path
      failure = nil
      for datagram in unproven
      where datagram.source == path.remote && .socket(datagram.socket) == path.channel {
        arrived.yield(datagram.bytes)
      }
      unproven.removeAll { $0.source == path.remote && .socket($0.socket) == path.channel }
      happened.yield(.opened(path))
      waiting.takeAll().endAll(.success(path))
      wakeWatching()
    case .selected(let ice):
      opened = path(ice)
      happened.yield(.selected(path(ice)))
      wakeWatching()
    case .lost(let ice):
      happened.yield(.lost(path(ice)))
      if let current = opened, current.isSame(as: path(ice)) { opened = core.ice.openPaths.first.map(path) }
    case .learned: break
    case .failed:
      let error = PunchError.noPath(because: core.hopeless)
      failure = error
      happened.yield(.failed(error))
      waiting.takeAll().endAll(.failure(error))
      wakeWatching()
    }
  }

  func wakeWatching() { watching.takeAll().endAll(.success(())) }

  private func path(_ ice: ICEPath) -> PunchedPath {
    let base = core.bases[ice.base.index]
    return PunchedPath(
      channel: base.channel, local: base.local, remote: ice.remote,
      mapped: ice.mapped,
      transport: ice.transport.isTCP ? .tcp : .udp, isRelayed: ice.isRelayed, roundTrip: ice.roundTrip)
  }
}
