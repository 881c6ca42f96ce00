import WarrenCrypto
import WarrenMachine

/// A port of a machine that speaks QUIC: connects to others, and lets others connect.
///
/// ```swift
/// let endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["chat"]))
/// try await endpoint.bind()
/// let connection = try await endpoint.connect(to: address, expecting: bob)
/// let stream = try await connection.openStream()
/// try await stream.write(Array("Hello!".utf8))
/// ```
public actor QUICEndpoint {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  let core: EndpointCore
  /// Connections that nobody has asked for yet, and those who wait for one. They hold the endpoint: so it lets go of them.
  var arrived = Queue<Connection>()
  var acceptors: [Wait<Void>] = []
  /// By channel; those that were given up are gone.
  private var sockets: [Socket?] = []
  /// Numbers of sockets that were given up, the longest free first.
  private var freeNumbers = Queue<Int>()
  private var isFlushDue = false
  private var isFlushing = false
  private(set) var isClosed = false
  private var onForeign: ((borrowing Datagram, Int) -> Void)?
  private var claimsChannel: ((borrowing Datagram, Int) -> Bool)?
  private var onForeignEnd: (() -> Void)?
  private var onSendFailure: (() -> Void)?
  private var isIgnored: ((NetworkPath) -> Bool)?

  /// A socket with what leaves from it, and the connections whose packets it had no room for.
  private final class Socket {
    let udp: any UDPSocket
    let isOwn: Bool
    var outbox = DatagramOutbox()
    var waiting: [ConnectionCore] = []

    init(_ udp: any UDPSocket, isOwn: Bool) {
      self.udp = udp
      self.isOwn = isOwn
    }
  }

  /// An endpoint that has no port yet.
  public init(on machine: any Machine, _ identity: QUICIdentity, _ configuration: QUICConfiguration) {
    self.machine = machine
    core = EndpointCore(identity, configuration, random: machine.random)
  }

  // MARK: Ports

  /// Binds a port; more than one may be bound, one for each family.
  ///
  /// - Returns: where it is, with the port that the system chose.
  @discardableResult
  public func bind(to address: SocketAddress = .any(.v4)) throws -> SocketAddress {
    if isClosed { throw QUICError(.closed) }
    var options = UDPOptions()
    options.bufferBytes = QUICLimits.socketBytes
    let socket = try machine.bindUDP(to: address, options: options)
    add(Socket(socket, isOwn: true))
    return socket.localAddress
  }

  /// Uses a socket that is bound already, and is not closed with the endpoint. What arrives there and is not QUIC's goes to
  /// ``receiveOthers(_:)``.
  ///
  /// - Returns: its number, which is the channel of paths that go through it.
  @discardableResult
  public func use(_ socket: sending any UDPSocket) -> UInt16 { add(Socket(socket, isOwn: false)) }

  @discardableResult
  private func add(_ socket: Socket) -> UInt16 {
    // The longest free is the next: packets that are under way may name a number for a while.
    let number = freeNumbers.count > QUICLimits.restingChannels ? freeNumbers.popFirst()! : sockets.count
    precondition(number < NetworkPath.openChannel, "an endpoint has 65,535 sockets at a time")
    if number == sockets.count { sockets.append(socket) } else { sockets[number] = socket }
    socket.udp.deliver(to: self) { endpoint, batch in endpoint.take(batch, on: number) }
    return UInt16(number)
  }

  /// Gives up a socket that it was given: nothing leaves there any more.
  public func giveUp(_ channel: UInt16) {
    guard let socket = socket(of: channel), !socket.isOwn else { return }
    socket.udp.onDatagrams = nil
    socket.udp.onWritable = nil
    sockets[Int(channel)] = nil
    freeNumbers.append(Int(channel))
    for connection in socket.waiting {
      state(of: connection).isWaitingToSend = false
      core.resume(connection)
    }
    socket.waiting = []
    scheduleFlush()
  }

  /// Takes a datagram that has come to a socket before this endpoint was given it.
  public func feed(
    _ bytes: [UInt8], from source: SocketAddress, at local: IPAddress?, on channel: UInt16
  ) {
    let path = NetworkPath(to: source, from: local, through: channel)
    _ = core.receive(bytes.span.bytes, on: path, ecn: .notCapable, at: machine.now)
    flush()
  }

  /// Hands on datagrams of other protocols on the same ports (RFC 9443), with the number of the port.
  ///
  /// - Parameters:
  ///   - claims: whether a datagram is TURN's although it begins as QUIC's do (0x40 to 0x4F): asked for those alone that are of
  ///     no connection here.
  ///   - end: called at the end of each batch of which something was handed on.
  public func receiveOthers(
    _ body: sending @escaping (borrowing Datagram, Int) -> Void,
    claiming claims: sending ((borrowing Datagram, Int) -> Bool)? = nil,
    atEnd end: sending (() -> Void)? = nil
  ) {
    (onForeign, claimsChannel, onForeignEnd) = (body, claims, end)
  }

  /// Takes nothing that comes on these paths, and so answers nothing.
  public func ignore(_ paths: sending @escaping (NetworkPath) -> Bool) { isIgnored = paths }

  /// Calls `body` whenever the system cannot send something, as where the address that it leaves from is not this machine's any
  /// more.
  public func whenSendingFails(_ body: sending @escaping () -> Void) { onSendFailure = body }

  // MARK: Connecting

  /// Connects to whoever is at `address`, and waits until both know each other.
  ///
  /// - Parameters:
  ///   - peer: who must be there; anyone else's answer ends it. Nil for whoever answers, which proves nothing.
  ///   - name: what a server with an X.509 certificate is called.
  ///   - early: does not wait if this endpoint has met the peer before, and both have
  ///     ``QUICConfiguration/permitsEarlyData``: streams can be used at once, and what is written goes with the first packet.
  ///     Somebody who has recorded it can send it again; ``Connection/confirmed()`` tells when the peer itself is there.
  ///   - protocols: what is spoken over it, where that is not what the endpoint speaks otherwise.
  /// - Throws: a ``QUICError`` that says why it could not be.
  public func connect(
    to address: SocketAddress, expecting peer: PeerID?, name: String? = nil, early: Bool = false,
    protocols: [String]? = nil
  ) async throws -> Connection {
    guard !isClosed, let channel = channel(to: address) else {
      throw QUICError(.closed, reason: "no port of this address family is bound")
    }
    let core = try core.connect(
      over: NetworkPath(to: address, through: channel), expecting: peer, name: name, early: early,
      protocols: protocols, at: machine.now)
    let state = state(of: core)
    if core.carriesStreams {
      // What is written at once leaves with the first packet.
      scheduleFlush()
      return Connection(self, core, state)
    }
    flush()
    do {
      try await waitForHandshake(of: core, state)
    } catch {
      core.close(at: machine.now)
      flush()
      throw core.error?.code == .application(0) ? error : core.error ?? error
    }
    return Connection(self, core, state)
  }

  /// Through which of its sockets an address can be reached, if one has its family: the first.
  public func channel(to address: SocketAddress) -> UInt16? {
    sockets.firstIndex { $0?.udp.localAddress.ip.family == address.ip.family }.map(UInt16.init)
  }

  /// Ways to these addresses, as far as they can be reached.
  public func ways(to addresses: [SocketAddress]) -> [NetworkPath] {
    addresses.compactMap { address in channel(to: address).map { NetworkPath(to: address, through: $0) } }
  }

  /// This machine has other addresses than before: packets leave from whatever there is.
  public func addressesChanged() { core.addressesChanged() }

  /// So many connections there may be from now on (``QUICConfiguration/connections``). Who is there stays.
  public func limit(connections: Int) { core.capacity = connections }

  /// How many connections there are.
  public var connectionCount: Int { core.connectionCount }

  /// What was refused.
  public var counters: EndpointCore.Counters { core.counters }

  /// Closes every connection and every port.
  public func close(code: UInt64 = 0, reason: String = "") {
    guard !isClosed else { return }
    for connection in core.allConnections { connection.close(code: code, reason: reason, at: machine.now) }
    flush()
    isClosed = true
    core.abandon()
    settleAll()
    for case let socket? in sockets {
      if socket.isOwn {
        socket.udp.close()
      } else {
        socket.udp.onDatagrams = nil
        socket.udp.onWritable = nil
      }
    }
    (onForeign, claimsChannel, onForeignEnd, onSendFailure) = (nil, nil, nil, nil)
    isIgnored = nil
    arrived.removeAll()
    acceptors.takeAll().endAll(.success(()))
  }

  // MARK: Driving the core

  private func take(_ batch: borrowing DatagramBatch, on number: Int) {
    let now = machine.now
    var hadOthers = false
    batch.forEach { datagram in
      let path = NetworkPath(to: datagram.source, from: datagram.localIP, through: UInt16(number))
      if let isIgnored, isIgnored(path) { return }
      switch core.receive(
        datagram.payload, on: path, ecn: datagram.ecn, at: now, asksAboutChannels: claimsChannel != nil)
      {
      case .taken: return
      case .perhapsChannel:
        guard claimsChannel?(datagram, number) == true else {
          return core.refuse(datagram.payload, on: path, at: now)
        }
      case .notQUIC: break
      }
      onForeign?(datagram, number)
      hadOthers = true
    }
    if hadOthers { onForeignEnd?() }
    flush()
  }

  /// Sends and tells at the end of this turn: what others say until then leaves in the same packets.
  func scheduleFlush() {
    guard !isFlushDue, !isFlushing else { return }
    isFlushDue = true
    machine.submit { [weak self] in self?.assumeIsolated { $0.flush() } }
  }

  /// Takes all that the core has to give.
  func flush() {
    isFlushDue = false
    guard !isFlushing, !isClosed else { return }
    isFlushing = true
    settleAll()
    while let (bytes, channel, envelope) = core.pollAnswer() { send(bytes, envelope, through: channel) }
    isFlushing = false
  }

  private func settleAll() {
    while let accepted = core.pollAccepted() { _ = state(of: accepted) }
    while let changed = core.pollChanged() {
      tell(changed)
      if !isClosed { transmit(changed) }
      tell(changed)
      (changed.attachment as? ConnectionState)?.schedule(changed.nextDeadline)
    }
  }

  private func transmit(_ connection: ConnectionCore) {
    let channel = connection.channel
    if let socket = socket(of: channel) {
      while connection.transmit(into: &socket.outbox, of: channel, at: machine.now) == .full {
        send(socket, for: connection)
        // The system has no room either: it says when it has.
        guard socket.outbox.isEmpty else {
          wait(connection, for: socket)
          break
        }
      }
      send(socket, for: connection)
    } else {
      lose(connection, channel)
    }
    while let (bytes, channel, envelope) = connection.pollElsewhere() {
      send(bytes, envelope, through: channel)
    }
  }

  /// Its socket is gone: its packets are lost, as on a way that leads nowhere, so that it asks again, goes another way, or is over.
  private func lose(_ connection: ConnectionCore, _ channel: UInt16) {
    var nowhere = DatagramOutbox()
    while connection.transmit(into: &nowhere, of: channel, at: machine.now) == .full { nowhere.removeAll() }
  }

  /// Sends a packet by itself; without room for it, it is lost like any other.
  private func send(_ bytes: [UInt8], _ envelope: DatagramEnvelope, through channel: UInt16) {
    guard let socket = socket(of: channel) else { return }
    socket.outbox.append(
      bytes.span.bytes, to: envelope.destination, from: envelope.localIP, ecn: envelope.ecn)
    send(socket)
  }

  /// Sends a datagram that is not QUIC's over the same ports: see ``receiveOthers(_:claiming:atEnd:)``.
  public func send(_ bytes: RawSpan, over path: NetworkPath) {
    guard let socket = socket(of: path.channel) else { return }
    socket.outbox.append(bytes, to: path.remote, from: path.local)
    send(socket)
  }

  private func socket(of channel: UInt16) -> Socket? {
    sockets.indices.contains(Int(channel)) ? sockets[Int(channel)] : nil
  }

  private func wait(_ connection: ConnectionCore, for socket: Socket) {
    let state = state(of: connection)
    guard !state.isWaitingToSend else { return }
    state.isWaitingToSend = true
    socket.waiting.append(connection)
  }

  private func send(_ socket: Socket, for connection: ConnectionCore? = nil) {
    while !socket.outbox.isEmpty {
      do {
        try socket.udp.send(&socket.outbox)
        guard !socket.outbox.isEmpty else { return }
        // The system has no room: it says once when it has.
        nonisolated(unsafe) let unchecked = socket
        socket.udp.onWritable = { [weak self] in self?.assumeIsolated { $0.sendOn(unchecked) } }
        return
      } catch {
        switch error {
        case .closed, .machineClosed: return socket.outbox.removeAll()
        // One was refused, such as a probe for the path's MTU: QUIC finds out that it is lost.
        case .datagramTooLarge(let size, let remote): connection?.refused(size, to: remote, at: machine.now)
        case .outOfResources: continue
        default: onSendFailure?()
        }
      }
    }
  }

  /// The system takes more again.
  private func sendOn(_ socket: Socket) {
    send(socket)
    let waiting = socket.waiting
    socket.waiting = []
    for connection in waiting {
      state(of: connection).isWaitingToSend = false
      core.resume(connection)
    }
    flush()
  }

  // MARK: Telling

  func state(of core: ConnectionCore) -> ConnectionState {
    if let known = core.attachment as? ConnectionState { return known }
    let state = ConnectionState()
    guard core.phase != .ended else { return state }
    core.attachment = state
    nonisolated(unsafe) let unchecked = core
    state.timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.deadlinePassed(unchecked) } }
    return state
  }

  private func deadlinePassed(_ connection: ConnectionCore) {
    let state = state(of: connection)
    state.disarm()
    connection.handleDeadline(at: machine.now)
    flush()
    state.schedule(connection.nextDeadline)
  }

  private func tell(_ connection: ConnectionCore) {
    let state = state(of: connection)
    while let event = connection.pollEvent() {
      switch event {
      case .confirmed: state.confirm()
      case .taken: state.take()
      case .opened:
        guard connection.side == .server, !state.isAwaited else { break }
        arrived.append(Connection(self, connection, state))
        acceptors.takeAll().endAll(.success(()))
      case .stream(let stream): state.arrived(stream)
      case .moreStreams: state.wakeOpeners()
      case .datagrams: while let bytes = connection.takeDatagram() { state.datagrams.yield(bytes) }
      case .path(let path, let isUsable): state.paths.yield((path, isUsable))
      case .closed(let error): state.end(error)
      }
    }
    while let stream = connection.pollTouched() { (stream.attachment as? StreamState)?.wake() }
    if connection.phase == .ended {
      // The timer holds the connection, which holds this.
      state.timer?.cancel()
      state.timer = nil
      connection.attachment = nil
    }
  }
}
