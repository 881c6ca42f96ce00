import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// A relay's server on ports that somebody else owns: the shell around ``RelayServerCore``.
///
/// Who owns the ports hands over what clients send, with the number of the port, and then calls ``flush()``; a ``RelayServer``
/// does nothing else. All of it happens on the machine's executor: hence `@unchecked Sendable`.
public final class RelaySwitchboard: @unchecked Sendable {
  /// Where it runs.
  public let machine: any Machine
  var core: RelayServerCore
  var now: Instant
  var callers: [Int: RelayCaller] = [:]
  var callersAt: [IPAddress: Int] = [:]
  var callerNumber = 0
  /// Those to whom something is to be written.
  var hearers: [RelayCaller] = []

  private let listeners: [Listener]
  let portRange: ClosedRange<UInt16>
  let channelNumbers: ClosedRange<UInt16>
  /// By slot, IPv4 before IPv6.
  var ports: [Port?] = []
  /// By slot in the same way: where TCP is heard for clients.
  var doors: [Int: any TCPListener] = [:]
  /// Connections with peers.
  var streams: [RelayStreamNumber: any TCPConnection] = [:]
  var kept: [UInt64: any UDPSocket] = [:]
  private let boxes: [Box]
  private var usedBoxes = 0
  var writer = STUNMessageWriter(capacity: 2048)
  var indications: UInt64 = 0
  var timer: MachineTimer?
  private(set) var isClosed = false

  /// A port at which clients are heard.
  private final class Listener {
    let socket: any UDPSocket
    /// Whether an answer must be told where it leaves from.
    let isOfAll: Bool
    var outbox = DatagramOutbox()

    init(_ socket: any UDPSocket) {
      self.socket = socket
      isOfAll = socket.localAddress.ip.isUnspecified
    }
  }

  /// A relayed address.
  final class Port {
    let socket: any UDPSocket
    /// What is to leave from it, as long as a batch is being handled.
    var box: Box?
    /// Whether what leaves from it may not be cut: the system decides of that for a socket, and not for a datagram.
    var isWhole = false
    init(_ socket: any UDPSocket) { self.socket = socket }
  }

  /// What leaves in one batch from one relayed address or another: an allocation alone needs none.
  final class Box {
    var datagrams = DatagramOutbox(byteCapacity: RelayLimits.outboxBytes)
    var port: Port?
  }

  /// A server for what comes to these sockets, which stay their owner's.
  ///
  /// - Parameter others: where its clients are heard besides: nothing is relayed there.
  public init(
    on machine: any Machine, _ configuration: RelayConfiguration, at sockets: [any UDPSocket],
    besides others: [SocketAddress] = []
  ) {
    self.machine = machine
    now = machine.now
    listeners = sockets.map(Listener.init)
    portRange = configuration.ports
    channelNumbers = configuration.channelNumbers
    boxes = (0..<RelayLimits.outboxes).map { _ in Box() }
    let own = ((try? machine.interfaces()) ?? []).flatMap { $0.addresses.map(\.ip) }
    var configuration = configuration
    if configuration.addresses.isEmpty {
      configuration.addresses = Self.addresses(of: sockets.map(\.localAddress.ip), own)
    }
    core = RelayServerCore(
      configuration, listening: sockets.map(\.localAddress) + others, own: own,
      secret: machine.randomBytes(32), at: now)
    timer = machine.makeTimer { [weak self] in self?.handleDeadline() }
  }

  /// Where relayed addresses are if nobody says so: where the server is, or else where others reach it most likely.
  private static func addresses(of listening: [IPAddress], _ own: [IPAddress]) -> [RelayAddress] {
    IPAddress.Family.allCases.compactMap { family in
      let mine = listening.filter { $0.family == family }
      guard !mine.isEmpty else { return nil }
      if let ip = mine.first(where: { !$0.isUnspecified }) { return RelayAddress(ip) }
      let usable = own.filter { $0.family == family && !$0.isLoopback && !$0.isLinkLocal }
      return (usable.first { !$0.isPrivate } ?? usable.first).map { RelayAddress($0) }
    }
  }

  /// What has come and gone.
  public var counters: RelayCounters { core.counters }

  /// How many allocations there are.
  public var allocationCount: Int { core.allocationCount }

  /// What whoever comes from `ip` will be asked for, told ahead: it spares them a round trip.
  public func challenge(for ip: IPAddress) -> RelayChallenge { core.gate.challenge(for: ip, at: machine.now) }

  /// Others may use it from now on: see ``RelayServer/use(_:)``.
  public func use(_ credentials: RelayCredentials) { core.use(credentials) }

  /// So much there may be from now on: see ``RelayServer/limit(allocations:totalBandwidth:)``.
  public func limit(allocations: Int, totalBandwidth: Int?) {
    core.limit(allocations: allocations, totalBandwidth: totalBandwidth)
  }

  /// Ends all allocations, and hangs up on all callers. The sockets of clients stay as they are.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    timer?.cancel()
    timer = nil
    for port in ports { port?.socket.close() }
    for (_, socket) in kept { socket.close() }
    for (_, door) in doors { door.close() }
    for (_, peer) in streams { peer.close() }
    (ports, kept, doors, streams) = ([], [:], [:], [:])
    for caller in callers.values.sorted(by: { $0.client.number < $1.client.number }) { caller.hangUp() }
  }

  // MARK: From clients

  /// Whether somebody has an allocation: what begins like a channel's data is then no other protocol's.
  public func isClient(_ source: SocketAddress, at number: Int, localIP: IPAddress? = nil) -> Bool {
    core.slot(of: client(source, at: number, localIP)) != nil
  }

  private func client(_ source: SocketAddress, at number: Int, _ localIP: IPAddress?) -> ServedClient {
    ServedClient(source, at: number, localIP: listeners[number].isOfAll ? localIP : nil)
  }

  /// Takes what has come to a socket of a number, and sends what there is to be sent.
  public func take(_ batch: borrowing DatagramBatch, at number: Int) {
    now = machine.now
    batch.forEachRun { run in
      take(
        run.bytes, segmentSize: run.segmentSize, from: client(run.remote, at: number, run.localIP),
        ecn: run.ecn)
    }
    flush()
  }

  /// Takes a datagram that has come to a socket of a number. What is to be sent waits for ``flush()``.
  public func take(_ datagram: borrowing Datagram, at number: Int) {
    now = machine.now
    take(
      datagram.payload, segmentSize: datagram.payload.byteCount,
      from: client(datagram.source, at: number, datagram.localIP), ecn: datagram.ecn)
  }

  /// Takes datagrams of one client: all looked up once.
  private func take(_ run: RawSpan, segmentSize: Int, from client: ServedClient, ecn: ECN) {
    var slot: Int?
    var isKnown = false
    var (channel, passage): (UInt16, RelayServerCore.Passage?) = (0, nil)
    var (start, count, bytes) = (0, 0, 0)
    while start < run.byteCount {
      let end = min(start + segmentSize, run.byteCount)
      let datagram = run.extracting(start..<end)
      start = end
      guard ChannelData.mayBegin(datagram.unsafeLoad(as: UInt8.self), numbers: channelNumbers) else {
        // Afterwards all may be otherwise.
        takeMessage(datagram, from: client, ecn: ecn)
        (isKnown, channel) = (false, 0)
        continue
      }
      if !isKnown { (slot, isKnown) = (core.slot(of: client), true) }
      guard let slot, let data = ChannelData(datagram, numbers: channelNumbers) else {
        core.counters.ignored += 1
        continue
      }
      if data.channel != channel {
        (channel, passage) = (data.channel, core.passage(onChannel: data.channel, of: slot, at: now))
      }
      guard let passage else {
        core.counters.unpermitted += 1
        continue
      }
      guard core.spend(data.payload.byteCount, of: slot, at: now) else { continue }
      carry(data.payload, passage, ecn: ecn)
      count += 1
      bytes += data.payload.byteCount
    }
    core.counters.toPeers += count
    core.counters.bytesToPeers += bytes
  }

  /// Takes what a client says over its connection: a message, or a channel's data.
  func take(_ bytes: RawSpan, from client: ServedClient) {
    take(bytes, segmentSize: bytes.byteCount, from: client, ecn: .notCapable)
  }

  private func takeMessage(_ bytes: RawSpan, from client: ServedClient, ecn: ECN) {
    let reaction = core.receive(
      bytes, from: client, at: now, timeOfDay: machine.timeSince1970, into: &writer,
      opening: { [self] in open($0) })
    switch reaction {
    case .none: break
    case .answer:
      send(writer.bytes, to: client)
      tidyUp()
    case .relay(let passage, let range):
      guard core.spend(range.count, of: passage.port.slot, at: now) else { return }
      carry(bytes.extracting(range), passage, ecn: ecn)
      core.counters.toPeers += 1
      core.counters.bytesToPeers += range.count
    case .dial(let dial): open(dial)
    case .join(let number):
      send(writer.bytes, to: client)
      join(number, to: client)
      tidyUp()
    }
  }

  /// Sends to a peer, or to the client whose relayed address the peer is.
  private func carry(_ payload: RawSpan, _ passage: RelayServerCore.Passage, ecn: ECN) {
    if let inside = passage.inside {
      guard let source = core.announced(passage.port) else { return }
      core.counters.inside += 1
      return hand(payload, segmentSize: payload.byteCount, from: source, to: inside, ecn: ecn)
    }
    guard let port = ports[Self.index(passage.port)] else { return }
    if port.isWhole != passage.isWhole { keep(port, whole: passage.isWhole) }
    let box = port.box ?? takeBox(for: port)
    if !box.datagrams.append(payload, to: passage.peer, ecn: ecn) {
      core.counters.unsent += port.socket.sendOrDrop(&box.datagrams)
      box.datagrams.append(payload, to: passage.peer, ecn: ecn)
    }
  }

  /// What has waited to leave does so as it was meant, and what follows otherwise.
  private func keep(_ port: Port, whole isWhole: Bool) {
    if let box = port.box { core.counters.unsent += port.socket.sendOrDrop(&box.datagrams) }
    port.isWhole = isWhole
    port.socket.allowsFragmentation = !isWhole
  }

  private func takeBox(for port: Port) -> Box {
    if usedBoxes == boxes.count { flushBoxes() }
    let box = boxes[usedBoxes]
    usedBoxes += 1
    box.port = port
    port.box = box
    return box
  }

  // MARK: From peers

  func take(_ batch: borrowing DatagramBatch, from port: RelayPortNumber) {
    now = machine.now
    batch.forEachRun { run in
      hand(run.bytes, segmentSize: run.segmentSize, from: run.remote, to: port.slot, ecn: run.ecn)
    }
    flush()
  }

  /// Hands datagrams of one peer to a client.
  private func hand(_ run: RawSpan, segmentSize: Int, from peer: SocketAddress, to slot: Int, ecn: ECN) {
    let way = core.way(from: peer, to: slot, at: now)
    let size = max(segmentSize, 1)
    guard way != .none else {
      core.counters.unpermitted += max(1, (run.byteCount + size - 1) / size)
      return
    }
    let client = core.client(of: slot)
    var start = 0
    repeat {
      let end = min(start + size, run.byteCount)
      let payload = run.extracting(start..<end)
      start = end
      guard core.spend(payload.byteCount, of: slot, at: now) else { continue }
      core.counters.toClients += 1
      core.counters.bytesToClients += payload.byteCount
      if case .channel(let number) = way {
        send(payload, onChannel: number, to: client, ecn: ecn)
      } else {
        indications += 1
        writer.begin(.indication, .data, TransactionID(UInt32(truncatingIfNeeded: slot), indications))
        writer.add(.xorPeerAddress, masked: peer)
        // What does not fit into a message is nobody's datagram in this world.
        if payload.byteCount <= MachineLimits.largestDatagram - 64 { writer.add(.data, payload) }
        send(writer.bytes, to: client, ecn: ecn)
      }
    } while start < run.byteCount
  }

  // MARK: To clients

  private func send(_ payload: RawSpan, onChannel number: UInt16, to client: ServedClient, ecn: ECN) {
    let size = ChannelData.headerSize + payload.byteCount
    if client.isConnected {
      guard let caller = callers[client.number], makeRoom(for: size + 3, caller) else { return }
      caller.append(channel: number, payload)
      return
    }
    let listener = listeners[client.number]
    for _ in 0..<2 {
      let hasRoom = listener.outbox.append(
        to: client.address, from: client.localIP, ecn: ecn, capacity: size
      ) { datagram in
        datagram.appendChannelHeader(number, count: payload.byteCount)
        datagram.append(copying: payload)
      }
      if hasRoom { return }
      core.counters.unsent += listener.socket.sendOrDrop(&listener.outbox)
    }
  }

  func send(_ message: RawSpan, to client: ServedClient, ecn: ECN = .notCapable) {
    if client.isConnected {
      guard let caller = callers[client.number], makeRoom(for: message.byteCount, caller) else { return }
      caller.append(message)
      return
    }
    let listener = listeners[client.number]
    if !listener.outbox.append(message, to: client.address, from: client.localIP, ecn: ecn) {
      core.counters.unsent += listener.socket.sendOrDrop(&listener.outbox)
      listener.outbox.append(message, to: client.address, from: client.localIP, ecn: ecn)
    }
  }

  /// A client that does not take what it is sent loses it, and nobody waits for it.
  private func makeRoom(for size: Int, _ caller: RelayCaller) -> Bool {
    guard caller.outgoing.count + size <= RelayLimits.streamBytes else {
      core.counters.unsent += 1
      return false
    }
    if caller.outgoing.isEmpty { hearers.append(caller) }
    return true
  }

  /// Sends all that waits to be sent: the end of a batch.
  public func flush() {
    flushBoxes()
    for listener in listeners where !listener.outbox.isEmpty {
      core.counters.unsent += listener.socket.sendOrDrop(&listener.outbox)
    }
    guard !hearers.isEmpty else { return }
    for caller in hearers { caller.wake() }
    hearers.removeAll(keepingCapacity: true)
  }

  private func flushBoxes() {
    for box in boxes[..<usedBoxes] {
      if let port = box.port, !box.datagrams.isEmpty {
        core.counters.unsent += port.socket.sendOrDrop(&box.datagrams)
      }
      box.port?.box = nil
      box.port = nil
    }
    usedBoxes = 0
  }
}
