import WarrenMachine

/// A UDP socket of a simulated machine.
final class SimulatedUDPSocket: UDPSocket {
  var machine: any Machine { host }
  let localAddress: SocketAddress

  var onDatagrams: ((borrowing DatagramBatch) -> Void)? {
    didSet { deliverSoon() }
  }
  var onWritable: (() -> Void)? {
    didSet { if onWritable != nil { awaitRoom() } }
  }
  var onDeliveryFailure: ((DeliveryFailure) -> Void)?
  var allowsFragmentation: Bool {
    get { options.allowsFragmentation }
    set { options.allowsFragmentation = newValue }
  }

  private(set) var options: UDPOptions
  private let host: SimulatedMachine
  let scope: SimulatedMachine.Scope
  private var inbox: [Packet] = []
  private var inboxBytes = 0
  private var deliveryIsDue = false
  private var isClosed = false
  private var room: MachineTimer?
  /// The attachment whose queue was full when something was left in an outbox.
  private var blocked: Attachment?
  private var neededRoom = 0

  init(
    _ host: SimulatedMachine, at address: SocketAddress, _ options: UDPOptions,
    in scope: SimulatedMachine.Scope
  ) {
    self.host = host
    self.options = options
    self.scope = scope
    localAddress = address
  }

  // MARK: Sending

  func send(_ outbox: inout DatagramOutbox) throws(NetworkError) {
    if isClosed { throw host.isClosed ? .machineClosed : .closed }
    while let run = outbox.pending.first {
      let sent: Bool
      do throws(NetworkError) {
        sent = try send(run)
      } catch {
        outbox.removeFirstDatagram()
        throw error
      }
      guard sent else { return }
      outbox.removeFirst(1)
    }
  }

  /// - Returns: whether there was room for it.
  private func send(_ run: DatagramRun) throws(NetworkError) -> Bool {
    let destination = run.remote
    guard destination.canBeSentTo(from: localAddress.ip.family) else {
      throw .unusableDestination(destination)
    }
    // As Linux has it without SO_BROADCAST.
    if destination.ip.isBroadcast { throw .permissionDenied(doing: "sending to", destination) }
    let local = run.localIP ?? localAddress.ip
    guard let way = host.way(to: destination.ip, from: local, in: scope) else {
      throw host.ownAddresses.contains { $0.family == destination.ip.family } || local.isLoopback
        ? .addressNotAvailable(SocketAddress(local, port: localAddress.port)) : .unreachable(destination)
    }
    try checkSize(of: run, over: way.attachment)
    if let attachment = way.attachment, !hasRoom(for: run.byteCount, on: attachment) {
      blocked = attachment
      neededRoom = run.byteCount
      if onWritable != nil { awaitRoom() }
      return false
    }

    var offset = 0
    repeat {
      let end = min(offset + max(run.segmentSize, 1), run.byteCount)
      let bytes = UnsafeRawBufferPointer(rebasing: run.buffer[offset..<end])
      var packet = Packet(
        from: SocketAddress(way.source, port: localAddress.port), to: destination, .udp(Payload(bytes)))
      packet.ecn = run.ecn
      packet.hopLimit = run.hopLimit ?? packet.hopLimit
      packet.mayBeFragmented = options.allowsFragmentation && destination.ip.family == .v4
      if let attachment = way.attachment, packet.size > attachment.up.configuration.mtu {
        // Only where the options allow it: else the size was refused above.
        host.sendInParts(packet, over: attachment)
      } else {
        host.send(packet, over: way.attachment)
      }
      offset = end
    } while offset < run.byteCount
    return true
  }

  private func checkSize(of run: DatagramRun, over attachment: Attachment?) throws(NetworkError) {
    let size = min(run.segmentSize, run.byteCount)
    let header = run.remote.ip.family == .v4 ? 28 : 48
    let tooLarge =
      size > MachineLimits.largestDatagram
      || !options.allowsFragmentation && size + header > (attachment?.up.configuration.mtu ?? 65_536)
    if tooLarge { throw .datagramTooLarge(size: size, to: run.remote) }
  }

  /// Whether the socket's own buffer, which empties as fast as the link carries, takes so much more.
  private func hasRoom(for bytes: Int, on attachment: Attachment) -> Bool {
    let backlog = attachment.up.backlog(at: host.world.now)
    return backlog == 0 || backlog + bytes <= bufferBytes
  }

  private var bufferBytes: Int { options.bufferBytes ?? SimulatorLimits.udpBufferBytes }

  private func awaitRoom() {
    guard !isClosed else { return }
    let timer = room ?? host.world.timers.makeTimer { [weak self] in self?.becomeWritable() }
    room = timer
    let time =
      blocked?.up.backlogFalls(to: max(0, min(bufferBytes / 2, bufferBytes - neededRoom))) ?? host.world.now
    timer.schedule(at: max(time, host.world.now))
  }

  private func becomeWritable() {
    let handler = onWritable
    onWritable = nil
    blocked = nil
    handler?()
  }

  // MARK: Receiving

  /// - Returns: whether there was room for it.
  func take(_ packet: Packet, _ payload: Payload) -> Bool {
    let cost = payload.count + SimulatorLimits.udpBufferOverhead
    guard inboxBytes + cost <= bufferBytes else { return false }
    inboxBytes += cost
    inbox.append(packet)
    deliverSoon()
    return true
  }

  private func deliverSoon() {
    guard onDatagrams != nil, !inbox.isEmpty, !deliveryIsDue, !isClosed else { return }
    deliveryIsDue = true
    host.submitOwn { [self] in deliver() }
  }

  private func deliver() {
    deliveryIsDue = false
    guard let onDatagrams, !isClosed else { return }
    // More may come while these are looked at.
    var packets: [Packet] = []
    swap(&packets, &inbox)
    inboxBytes = 0
    withUnsafeTemporaryAllocation(of: DatagramRun.self, capacity: packets.count) { runs in
      for place in packets.indices { runs.initializeElement(at: place, to: Self.run(packets[place])) }
      withExtendedLifetime(packets) { onDatagrams(DatagramBatch(runs: UnsafeBufferPointer(runs))) }
      runs.deinitialize()
    }
    packets.removeAll(keepingCapacity: true)
    if inbox.isEmpty { swap(&packets, &inbox) }
  }

  private static func run(_ packet: borrowing Packet) -> DatagramRun {
    guard case .udp(let payload) = packet.content else { preconditionFailure("not a datagram") }
    return DatagramRun(
      base: payload.buffer.baseAddress, byteCount: payload.count, segmentSize: payload.count,
      remote: packet.source, localIP: packet.destination.ip, ecn: packet.ecn, hopLimit: packet.hopLimit)
  }

  /// Not at once: the report may come back while what it is about is still being sent.
  func fail(_ failure: DeliveryFailure) {
    host.submitOwn { [self] in onDeliveryFailure?(failure) }
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    onDatagrams = nil
    onWritable = nil
    onDeliveryFailure = nil
    inbox = []
    room?.cancel()
    host.forget(self)
  }
}

// MARK: The machine's side

extension SimulatedMachine {
  public func bindUDP(
    to address: SocketAddress, options: UDPOptions
  ) throws(NetworkError) -> any UDPSocket {
    preconditionOnExecutor()
    try checkOpen()
    let scope = try scope(ofInterface: options.interface)
    guard address.ip.isUnspecified || isOwn(address.ip) else { throw .addressNotAvailable(address) }
    var address = address
    if address.port == 0 {
      guard let port = ephemeralPort(where: { !isTaken(SocketAddress(address.ip, port: $0), options) })
      else { throw .outOfResources(doing: "binding a UDP port") }
      address.port = port
    } else if isTaken(address, options) {
      throw .addressInUse(address)
    }
    let socket = SimulatedUDPSocket(self, at: address, options, in: scope)
    udpSockets[address, default: []].append(socket)
    return socket
  }

  /// Whether a socket has the address, or an address that overlaps with it, and does not share.
  private func isTaken(_ address: SocketAddress, _ options: UDPOptions) -> Bool {
    let overlapping = [address.ip, .any(address.ip.family)]
    let others: [SimulatedUDPSocket] =
      address.ip.isUnspecified
      ? udpSockets.filter { $0.key.port == address.port && $0.key.ip.family == address.ip.family }
        .flatMap(\.value)
      : overlapping.flatMap { udpSockets[SocketAddress($0, port: address.port)] ?? [] }
    return others.contains { !$0.options.sharesPort || !options.sharesPort }
  }

  func takeUDP(_ packet: Packet, _ payload: Payload, at attachment: Attachment?) {
    guard
      let socket = udpSocket(
        for: packet.destination, from: packet.source, where: { $0.scope.includes(attachment) })
    else {
      return refuse(packet)
    }
    if socket.take(packet, payload) {
      world.record(.delivered(Trace.Summary(packet)), at: place)
    } else {
      drop(packet, "the socket's buffer is full")
    }
  }

  func takeFailure(_ error: ICMPError, from reporter: IPAddress) {
    let offender = error.offender
    udpSocket(for: offender.source, from: offender.destination, where: { _ in true })?.fail(
      DeliveryFailure(
        reason: error.reason, destination: offender.destination, reporter: reporter,
        excerpt: offender.excerpt.bytes))
  }

  private func udpSocket(
    for local: SocketAddress, from remote: SocketAddress, where isMeant: (SimulatedUDPSocket) -> Bool
  ) -> SimulatedUDPSocket? {
    udpSocket(at: local, from: remote, where: isMeant)
      ?? udpSocket(at: SocketAddress(.any(local.ip.family), port: local.port), from: remote, where: isMeant)
  }

  private func udpSocket(
    at address: SocketAddress, from remote: SocketAddress, where isMeant: (SimulatedUDPSocket) -> Bool
  ) -> SimulatedUDPSocket? {
    guard let all = udpSockets[address] else { return nil }
    if all.count == 1 { return isMeant(all[0]) ? all[0] : nil }
    let sockets = all.filter(isMeant)
    if sockets.isEmpty { return nil }
    // Sockets that share a port share its traffic by sender, as Linux does with SO_REUSEPORT.
    let choice = (remote.ip.high ^ remote.ip.low ^ UInt64(remote.port)) &* 0x9E37_79B9_7F4A_7C15 >> 32
    return sockets[Int(choice % UInt64(sockets.count))]
  }

  func forget(_ socket: SimulatedUDPSocket) {
    udpSockets[socket.localAddress]?.removeAll { $0 === socket }
    if udpSockets[socket.localAddress]?.isEmpty == true { udpSockets[socket.localAddress] = nil }
  }
}
