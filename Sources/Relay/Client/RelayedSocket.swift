import WarrenMachine
import WarrenSTUN

/// An address at a relay, which looks like a UDP socket that is bound there: QUIC and hole punching run over it unchanged.
///
/// Whom it sends to is let in, and given a channel, by itself; what is sent meanwhile waits, as far as there is room. It is
/// used on its machine's executor, and by nobody else. Closing it gives the address back.
public final class RelayedSocket: UDPSocket, RelayedAddress, @unchecked Sendable {
  // It is used on the machine's executor alone: hence `@unchecked`.
  public let machine: any Machine
  /// The address that the relay has given: what is sent there comes here.
  public var localAddress: SocketAddress { core.relayedAddresses.first ?? .any(.v4) }
  /// The relayed addresses, one or one of each family.
  public var relayedAddresses: [SocketAddress] { core.relayedAddresses }
  /// This machine's address as the relay sees it.
  public var mappedAddress: SocketAddress? { core.mappedAddress }
  /// The relay that was found.
  public var relay: SocketAddress { carrier.server }
  /// Which of the servers that were asked it is.
  public let server: RelayServerAddress
  /// What the relay wants requests to be signed with: it spares the next allocation there a round trip.
  public var challenge: RelayChallenge? { core.challenge }
  /// Whether it follows when this machine's address changes.
  public var canMove: Bool { core.canMove && !carrier.isReliable }
  /// Whether the relay has not yet said that it has followed to this machine's new address.
  public var isMoving: Bool { core.isMoving }

  public var onDatagrams: ((borrowing DatagramBatch) -> Void)? {
    didSet { if onDatagrams != nil, !isLending, !batch.isEmpty { deliverSoon() } }
  }
  public var onWritable: (() -> Void)?
  public var onDeliveryFailure: ((DeliveryFailure) -> Void)?
  /// Called once when the relay is gone, or has forgotten the address: whoever wants another asks for one.
  public var onLost: ((RelayError) -> Void)?

  private(set) var core: AllocationCore
  private var carrier: any RelayCarrier
  private var batch = DatagramCollector(
    byteCapacity: RelayClientLimits.batchBytes, runCapacity: RelayClientLimits.batchRuns)
  private var writer = STUNMessageWriter(capacity: 2048)
  private var random: SeededIndications
  private var timer: MachineTimer?
  /// Whether it was asked whether the relay is there, and nothing has come from it since.
  private var isDoubted = false
  private var doubting: MachineTimer?
  /// For when it is set.
  private var nextDeadline: Instant?
  /// The relayed addresses by family, for each datagram.
  private var ownIPs = (v4: IPAddress.any(.v4), v6: IPAddress.any(.v6))
  private var held: [Held] = []
  private var isClosed = false
  /// Whether what was received is being looked at, and may not be touched.
  private var isLending = false
  private let allocation = AllocationWait()

  /// A datagram that waits for its peer's permission.
  private struct Held {
    let peer: SocketAddress
    let bytes: [UInt8]
    let ecn: ECN
  }

  init(
    _ core: AllocationCore, over carrier: any RelayCarrier, _: RelaySecurity? = nil,
    at server: RelayServerAddress, on machine: any Machine
  ) {
    self.core = core
    self.carrier = carrier
    self.server = server
    self.machine = machine
    var random = machine.random
    self.random = SeededIndications(seed: random.next())
    timer = machine.makeTimer { [weak self] in self?.deadlinePassed() }
    carrier.start(self)
  }

  // MARK: Asking

  func allocated() async throws -> RelayOutcome {
    core.begin(at: machine.now)
    settle()
    return try await allocation.outcome(of: relay, on: machine)
  }

  // MARK: Control

  /// Asks the relay to let these in, before anything is sent to them, and keeps them in.
  public func permit(_ ips: [IPAddress]) {
    core.permit(ips, at: machine.now)
    settle()
  }

  /// This machine has another address, perhaps: goes there with the allocation where the relay can do that, else looks whether
  /// the relay still has it. If not, or where it goes over TCP from an address that is gone, ``onLost`` is called.
  public func networkChanged() {
    guard !isClosed else { return }
    let now = machine.now
    if canMove, let socket = try? machine.bindUDP(to: .any(relay.ip.family)) {
      let old = carrier
      carrier = DatagramCarrier(socket, to: old.server)
      old.close()
      carrier.start(self)
      core.moved(at: now)
      // Who has waited for room at the old one has it here.
      machine.submit { [weak self] in self?.becameWritable() }
    } else if carrier.isReliable, !isHere(carrier.localAddress.ip) {
      // Nothing comes to that address any more, and TCP alone would wait for long; it cannot go elsewhere with a ticket either.
      core.cut(RelayError(.moved))
    } else {
      core.check(at: now)
    }
    settle()
  }

  /// Nothing comes of what is sent by way of it: asks whether the relay still has it. If not, ``onLost`` is called.
  ///
  /// TCP says nothing where a NAT has forgotten it: if nothing at all comes from the relay for a while, it is gone.
  public func doubt() {
    guard !isClosed else { return }
    core.check(at: machine.now)
    settle()
    guard carrier.isReliable, !isDoubted else { return }
    isDoubted = true
    doubting = doubting ?? machine.makeTimer { [weak self] in self?.doubtIsOver() }
    doubting?.schedule(at: machine.now.advanced(by: RelayClientLimits.doubt))
  }

  private func doubtIsOver() {
    guard isDoubted, !isClosed else { return }
    isDoubted = false
    core.cut(RelayError(.silent))
    settle()
  }

  /// Whether an address is this machine's; where it cannot be said, it is.
  private func isHere(_ ip: IPAddress) -> Bool {
    guard let interfaces = try? machine.interfaces() else { return true }
    return ip.isLoopback || interfaces.contains { $0.addresses.contains { $0.ip == ip } }
  }

  /// Gives the address back, and forgets the handlers. Closing twice is no error.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    doubting?.cancel()
    (onDatagrams, onWritable, onDeliveryFailure, onLost) = (nil, nil, nil, nil)
    held = []
    core.giveBack(at: machine.now)
    settle()
  }

  private func deadlinePassed() {
    nextDeadline = nil
    core.handleDeadline(at: machine.now)
    settle()
  }

  /// Takes all that the core has to give.
  private func settle() {
    while let message = core.poll() {
      // Without room it is lost, as it could be on the way: it is sent again.
      _ = carrier.append(message: message.span.bytes, ecn: .notCapable, isData: false)
    }
    // What the network says of requests, their timers find out.
    try? carrier.flush(self)
    while let event = core.pollEvent() { tell(event) }
    if core.phase == .ended, isClosed || allocation.hasEnded { carrier.close() }
    setTimer(core.nextDeadline)
  }

  private func setTimer(_ deadline: Instant?) {
    guard deadline != nextDeadline else { return }
    nextDeadline = deadline
    if let deadline { timer?.schedule(at: deadline) } else { timer?.cancel() }
  }

  private func tell(_ event: AllocationCore.Event) {
    allocation.take(event)
    switch event {
    case .allocated:
      for address in core.relayedAddresses {
        if address.ip.family == .v4 { ownIPs.v4 = address.ip } else { ownIPs.v6 = address.ip }
      }
    case .lost(let error): lose(error)
    case .usable(let peer): sendHeld(to: peer)
    case .refused(let peer, _):
      held.removeAll { $0.peer == peer }
      onDeliveryFailure?(
        DeliveryFailure(reason: .prohibited, destination: peer, reporter: relay.ip, excerpt: []))
    case .redirected, .failed, .moved, .connected, .arrived, .barred: return
    }
  }

  private func lose(_ error: RelayError) {
    guard !isClosed else { return }
    isClosed = true
    doubting?.cancel()
    nonisolated(unsafe) let tell = onLost
    (onDatagrams, onWritable, onDeliveryFailure, onLost) = (nil, nil, nil, nil)
    held = []
    carrier.close()
    // It may have been found out while sending, and then the outbox is in use.
    machine.submit { tell?(error) }
  }
}

// MARK: Sending

extension RelayedSocket {
  public func send(_ outbox: inout DatagramOutbox) throws(NetworkError) {
    if isClosed || core.phase != .allocated { throw .closed }
    let before = core.requestCount
    // Whatever is thrown, what was asked for whom it was sent to leaves now.
    defer { if core.requestCount != before { settle() } }
    var peer: SocketAddress?
    do throws(NetworkError) {
      while let run = outbox.pending.first {
        peer = run.remote
        let taken = append(run, by: try route(run, &outbox))
        if taken == run.byteCount {
          outbox.removeFirst(1)
          continue
        }
        outbox.removeFirst(0, thenBytes: max(0, taken))
        // Some may leave now; else whoever sends is told when.
        try flush(to: peer)
        if carrier.isBlocked { return }
      }
    } catch {
      try? carrier.flush(self)
      throw error
    }
    try flush(to: peer)
  }

  private func flush(to peer: SocketAddress?) throws(NetworkError) {
    do { try carrier.flush(self) } catch {
      // What is too large here is so by what the relay needs besides.
      guard case .datagramTooLarge(let size, _) = error, let peer else { throw error }
      throw .datagramTooLarge(size: max(0, size - ChannelData.headerSize), to: peer)
    }
  }

  /// Where a run goes; takes out what cannot go anywhere.
  @inline(__always)
  private func route(
    _ run: DatagramRun, _ outbox: inout DatagramOutbox
  ) throws(NetworkError) -> AllocationCore.Route {
    if run.segmentSize <= RelayClientLimits.datagram, let channel = core.channel(to: run.remote) {
      return .channel(channel)
    }
    guard min(run.segmentSize, run.byteCount) <= RelayClientLimits.datagram else {
      outbox.removeFirstDatagram()
      throw .datagramTooLarge(size: run.segmentSize, to: run.remote)
    }
    guard run.remote.port != 0, core.canReach(run.remote.ip) else {
      outbox.removeFirstDatagram()
      throw .unusableDestination(run.remote)
    }
    return core.route(to: run.remote, at: machine.now)
  }

  /// - Returns: how many of its bytes were taken; -1 where not even an empty datagram was.
  private func append(_ run: DatagramRun, by route: AllocationCore.Route) -> Int {
    let bytes = run.bytes
    var taken = 0
    repeat {
      let end = run.count == 1 ? run.byteCount : min(taken + run.segmentSize, run.byteCount)
      let payload = bytes.extracting(taken..<end)
      switch route {
      case .channel(let channel):
        guard carrier.append(channel: channel, payload, ecn: run.ecn) else { return taken == 0 ? -1 : taken }
      case .indication:
        guard appendIndication(payload, to: run.remote, ecn: run.ecn) else { return taken == 0 ? -1 : taken }
      case .wait: hold(payload, for: run.remote, ecn: run.ecn)
      case .nowhere: break
      }
      taken = end
    } while taken < run.byteCount
    return taken
  }

  private func appendIndication(_ payload: RawSpan, to peer: SocketAddress, ecn: ECN) -> Bool {
    writer.begin(.indication, .send, TransactionID(using: &random))
    writer.add(.xorPeerAddress, masked: peer)
    writer.add(.data, payload)
    return append(writer, ecn)
  }

  private func append(_ message: borrowing STUNMessageWriter, _ ecn: ECN) -> Bool {
    carrier.append(message: message.bytes, ecn: ecn, isData: true)
  }

  private func hold(_ payload: RawSpan, for peer: SocketAddress, ecn: ECN) {
    guard held.count < RelayClientLimits.held,
      held.count(where: { $0.peer == peer }) < RelayClientLimits.heldPerPeer
    else { return }
    held.append(Held(peer: peer, bytes: payload.withUnsafeBytes { Array($0) }, ecn: ecn))
  }

  private func sendHeld(to peer: SocketAddress) {
    guard held.contains(where: { $0.peer == peer }) else { return }
    let own = held.filter { $0.peer == peer }
    held.removeAll { $0.peer == peer }
    var outbox = DatagramOutbox(
      byteCapacity: own.reduce(64) { $0 + $1.bytes.count }, runCapacity: own.count)
    for datagram in own { outbox.append(datagram.bytes.span.bytes, to: peer, ecn: datagram.ecn) }
    sendOrDrop(&outbox)
  }
}

// MARK: Receiving

extension RelayedSocket: RelayCarrierUser {
  func received(_ bytes: RawSpan, ecn: ECN) {
    isDoubted = false
    guard bytes.byteCount >= ChannelData.headerSize else { return }
    if ChannelData.mayBegin(bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)) {
      guard let data = ChannelData(bytes), let peer = core.peer(on: data.channel) else { return }
      take(data.payload, from: peer, ecn)
    } else if let message = try? STUNMessage(bytes) {
      if message.messageClass == .indication { return take(message, ecn) }
      core.receive(message, at: machine.now)
    }
  }

  func receivedAll() {
    deliver()
    settle()
  }

  /// A Data indication, or word of an ICMP message (RFC 8656, 11.4 and 11.6).
  private func take(_ message: STUNMessage, _ ecn: ECN) {
    guard message.method == .data, let peer = message.maskedAddress(.xorPeerAddress),
      core.isPermitted(peer.ip)
    else { return }
    if let data = message.value(of: .data) {
      take(data, from: peer, ecn)
    } else if let failure = DeliveryFailure(relayed: message, about: peer, by: relay.ip) {
      onDeliveryFailure?(failure)
    }
  }

  private func take(_ payload: RawSpan, from peer: SocketAddress, _ ecn: ECN) {
    guard !isClosed else { return }
    let local = peer.ip.family == .v4 ? ownIPs.v4 : ownIPs.v6
    if batch.append(payload, from: peer, to: local, ecn: ecn) { return }
    // As in a system's socket, what nobody takes is lost when there is no more room.
    guard onDatagrams != nil else { return }
    deliver()
    _ = batch.append(payload, from: peer, to: local, ecn: ecn)
  }

  private func deliver() {
    guard let onDatagrams, !isLending, !batch.isEmpty else { return }
    isLending = true
    batch.lend(onDatagrams)
    isLending = false
  }

  private func deliverSoon() {
    machine.submit { [weak self] in self?.deliver() }
  }

  func undelivered(_ excerpt: [UInt8], _ error: NetworkError) {
    core.undelivered(excerpt, error)
    settle()
  }

  func becameWritable() {
    try? carrier.flush(self)
    guard !carrier.isBlocked else { return }
    let handler = onWritable
    onWritable = nil
    handler?()
  }

  func carrierEnded(_ error: RelayError) {
    core.cut(error)
    settle()
  }
}
