import CQUIC
import WarrenMachine

extension ConnectionCore {
  /// What became of a turn to send.
  public enum Transmission: Hashable, Sendable {
    /// There is nothing more to send now.
    case done
    /// There is more than it may send at once.
    case more
    /// There is more than the outbox holds: send what is in it, and ask again.
    case full
  }

  /// Writes packets straight into the outbox of a channel, at most as many as congestion control lets out at once. What is
  /// to leave through another is kept for ``pollElsewhere()``.
  public func transmit(
    into outbox: inout DatagramOutbox, of channel: UInt16 = 0, at now: Instant
  ) -> Transmission {
    switch phase {
    case .handshaking, .open: break
    case .closing:
      guard closesDue > 0, let (bytes, envelope) = closePacket else { return .done }
      guard outbox.append(bytes.span.bytes, to: envelope.destination, from: envelope.localIP) else {
        return .full
      }
      closesDue = 0
      return .done
    case .draining, .ended: return .done
    }
    clock = now
    let isPaced = roundTrip >= QUICLimits.leastPacedRoundTrip
    var budget = max(cquic_send_quantum(handle), QUICLimits.smallestInitial)
    let capacity = packetLimit
    while budget > 0 {
      var size = 0
      let hasRoom = outbox.append(capacity: capacity) { packet in
        guard let (path, ecn) = writePacket(into: &packet, at: now) else { return nil }
        size = packet.byteCount
        let envelope = DatagramEnvelope(to: path.remote, from: path.local, ecn: ecn)
        if path.channel == channel { return envelope }
        elsewhere.append((packet.bytes.withUnsafeBytes { Array($0) }, path.channel, envelope))
        return nil
      }
      guard hasRoom else { return .full }
      if phase != .handshaking && phase != .open { return transmit(into: &outbox, of: channel, at: now) }
      if size == 0 { break }
      budget -= size
    }
    // The next packets are paced from now on (RFC 9002, 7.7), where the way is long enough for a timer to tell.
    // The library counts what is written until it is told that a turn is over: elsewhere it was over long ago.
    cquic_written(handle, isPaced ? now.coded : 0)
    askForDatagrams()
    if !isPaced { handleDeadline(at: now) }
    return budget > 0 ? .done : .more
  }

  /// The next packet that is to leave through another channel than was asked for.
  public func pollElsewhere() -> (bytes: [UInt8], channel: UInt16, envelope: DatagramEnvelope)? {
    elsewhere.isEmpty ? nil : elsewhere.removeFirst()
  }

  /// Writes one packet; nothing where there is nothing to be sent now.
  private func writePacket(into packet: inout OutputRawSpan, at now: Instant) -> (NetworkPath, ECN)? {
    var envelope = cquic_envelope()
    var size = 0
    packet.withUnsafeMutableBytes { memory, initialized in
      let place = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
      while true {
        let result =
          nextDatagram < outgoingDatagrams.count && phase == .open && hasRoomForDatagrams
          ? writeDatagram(at: place, memory.count, &envelope, now)
          : writeStream(at: place, memory.count, &envelope, now)
        switch result {
        case .written(let count): size = count
        case .again: continue
        case .nothing: break
        }
        break
      }
      initialized = size
    }
    guard size > 0 else { return nil }
    return (outgoingPath.decoded(envelope.path), ECN(rawValue: UInt8(envelope.ecn & 3)) ?? .notCapable)
  }

  private enum Written {
    case written(Int)
    case again
    case nothing
  }

  private func writeStream(
    at place: UnsafeMutablePointer<UInt8>, _ capacity: Int, _ envelope: inout cquic_envelope, _ now: Instant
  ) -> Written {
    // With the connection's window closed, only ends can be told.
    let stream = nextStream()
    var taken = -1
    let isLast = stream.map { if case .finished = $0.sending { true } else { false } } ?? false
    let count =
      if let stream {
        stream.sendBuffer.withUnsent { slices, count in
          cquic_write(
            handle, &envelope, place, capacity, stream.id,
            UInt32(CQUIC_WRITE_MORE | (isLast ? CQUIC_WRITE_LAST : 0)), slices, count, &taken,
            now.coded)
        }
      } else {
        cquic_write(handle, &envelope, place, capacity, -1, 0, nil, 0, &taken, now.coded)
      }
    if let stream, taken >= 0 { account(stream, taken, isLast: isLast) }
    if count > 0 { return .written(count) }
    if count == 0 { return .nothing }
    switch cquic_result(rawValue: Int32(count)) {
    case CQUIC_MORE: return .again
    case CQUIC_BLOCKED:
      if let stream {
        if cquic_window_left(handle) > 0 { stream.isBlocked = true }
        dequeue(stream)
        if !stream.isBlocked { waiting.append(stream) }
      }
      return .again
    case CQUIC_STREAM_GONE:
      // The library has answered with a reset by itself (RFC 9000, 3.5), and says so only now.
      if let stream {
        stream.sending = .ended(QUICError(.stopped(nil), isRemote: true))
        stream.sendBuffer.forgetUnsent()
        dequeue(stream)
        touch(stream)
      }
      return .again
    case CQUIC_CLOSING, CQUIC_DRAINING: return .nothing
    default:
      fail(at: now)
      return .nothing
    }
  }

  private func nextStream() -> StreamCore? {
    guard phase == .open else { return nil }
    if !waiting.isEmpty, cquic_window_left(handle) > 0 {
      for stream in waiting where stream.hasToSend { enqueue(stream) }
      waiting.removeAll(keepingCapacity: true)
    }
    return sendQueue.first
  }

  /// So many bytes of a stream are in the packet, and perhaps its end.
  private func account(_ stream: StreamCore, _ taken: Int, isLast: Bool) {
    let wasFull = stream.writeCapacity == 0
    stream.sendBuffer.sent(taken)
    if stream.stalledSince == nil, stream.sendBuffer.unacknowledged > 0 { stream.stalledSince = clock }
    if isLast, stream.sendBuffer.unsent == 0 { stream.sending = .finished(isSent: true) }
    if wasFull, stream.writeCapacity > 0 { touch(stream) }
    // Whoever has filled a packet waits until the others have.
    if sendQueue.isSingle, stream.hasToSend { return }
    dequeue(stream)
    if stream.hasToSend { enqueue(stream) }
  }

  private func dequeue(_ stream: StreamCore) {
    guard sendQueue.first === stream else { return }
    sendQueue.removeFirst()
    stream.isQueued = false
  }

  func enqueue(_ stream: StreamCore) {
    changed()
    guard !stream.isQueued, !stream.isBlocked, stream.isKnown else { return }
    stream.isQueued = true
    sendQueue.append(stream)
  }

  // MARK: Datagrams

  /// The largest datagram that can be sent as things are; 0 where the other side takes none.
  public var datagramCapacity: Int { phase == .open ? cquic_datagram_capacity(handle, packetLimit) : 0 }

  /// Sends a datagram, unless there are too many already: it may get lost, and is never sent again.
  ///
  /// - Returns: whether there was room.
  public func send(datagram bytes: [UInt8]) throws(QUICError) -> Bool {
    if let error { throw error }
    guard phase == .open, bytes.count <= datagramCapacity, datagramCapacity > 0 else {
      throw QUICError(.datagram)
    }
    guard outgoingDatagrams.count - nextDatagram < QUICLimits.unsentDatagrams else { return false }
    outgoingDatagrams.append(bytes)
    changed()
    return true
  }

  private func writeDatagram(
    at place: UnsafeMutablePointer<UInt8>, _ capacity: Int, _ envelope: inout cquic_envelope, _ now: Instant
  ) -> Written {
    let bytes = outgoingDatagrams[nextDatagram]
    var taken: Int32 = 0
    let count = cquic_write_datagram(
      handle, &envelope, place, capacity, datagramNumber, UInt32(CQUIC_WRITE_MORE), bytes, bytes.count,
      &taken, now.coded)
    if taken != 0 { datagramSent() }
    if count > 0 { return .written(count) }
    if count == 0 { return .nothing }
    switch cquic_result(rawValue: Int32(count)) {
    case CQUIC_MORE: return .again
    case CQUIC_INVALID:
      // The path carries less than when it was taken.
      datagramSent()
      return .again
    case CQUIC_CLOSING, CQUIC_DRAINING: return .nothing
    default:
      fail(at: now)
      return .nothing
    }
  }

  // Before 0.14 the library does not ask again for datagrams that nobody acknowledges: if they alone filled the window,
  // nothing would ever leave again. So they leave room for something else; and where nothing else comes, a sign of life asks
  // for them.

  private var hasRoomForDatagrams: Bool { cquic_congestion_window_left(handle) > packetLimit }

  private func askForDatagrams() {
    let isWaiting = nextDatagram < outgoingDatagrams.count
    guard isWaiting != asksForDatagrams else { return }
    asksForDatagrams = isWaiting
    let timeout = isWaiting ? probeTimeout * 2 : endpoint.configuration.keepAlive ?? .zero
    cquic_keep_alive(handle, UInt64(max(0, timeout.wholeNanoseconds)))
  }

  private func datagramSent() {
    datagramNumber += 1
    nextDatagram += 1
    if nextDatagram == outgoingDatagrams.count {
      outgoingDatagrams.removeAll(keepingCapacity: true)
      nextDatagram = 0
    }
  }

  /// The next datagram that has arrived.
  public func takeDatagram() -> [UInt8]? {
    guard !incomingDatagrams.isEmpty else {
      hasToldDatagrams = false
      return nil
    }
    return incomingDatagrams.removeFirst()
  }
}
