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
      guard closesDue > 0, let (bytes, known) = closePacket else { return .done }
      if let path = wayOut(known) {
        let local = leavesFromAnywhere ? nil : path.local
        guard outbox.append(bytes.span.bytes, to: path.remote, from: local) else { return .full }
      } else {
        spread(bytes)
      }
      closesDue = 0
      return .done
    case .draining, .ended: return .done
    }
    clock = now
    if hasNoPath { return .done }
    // Looked at only where nothing is awaited yet: whoever sends much awaits something nearly always.
    let before = awaitedSince == nil ? cquic_bytes_in_flight(handle) : nil
    defer {
      if let before, cquic_bytes_in_flight(handle) > before { beginWaiting(at: now) }
      if asksAgain { askAgain() }
    }
    let isPaced = roundTrip >= QUICLimits.leastPacedRoundTrip
    var budget = isPaced ? max(cquic_send_quantum(handle), QUICLimits.smallestInitial) : .max
    let capacity = packetLimit
    resumeWaiting()
    handshakeIsFirst = side == .client && carriesStreams && phase == .handshaking
    var turn: StreamCore?
    while budget > 0 {
      var size = 0
      let hasRoom = outbox.append(capacity: capacity) { packet in
        guard let (known, ecn) = writePacket(into: &packet, &turn, at: now) else { return nil }
        size = packet.byteCount
        guard let path = wayOut(known) else {
          spread(packet.bytes.withUnsafeBytes { Array($0) })
          return nil
        }
        if !isTaken { rememberLastWord(packet.bytes) }
        sent.add(size)
        let envelope = DatagramEnvelope(
          to: path.remote, from: leavesFromAnywhere ? nil : path.local, ecn: ecn)
        if path.channel == channel { return envelope }
        elsewhere.append((packet.bytes.withUnsafeBytes { Array($0) }, path.channel, envelope))
        return nil
      }
      guard hasRoom else { return .full }
      if phase != .handshaking && phase != .open { return transmit(into: &outbox, of: channel, at: now) }
      if size == 0 { break }
      budget -= size
    }
    // The next packets are paced from now on (RFC 9002, 7.7), where the way is long enough for a timer to tell, and there is
    // more under way than a burst may be: who asks and answers does not wait.
    // The library counts what is written until it is told that a turn is over: elsewhere it was over long ago.
    cquic_written(handle, isPaced && cquic_bytes_in_flight(handle) > QUICLimits.burst ? libraryTime(now) : 0)
    askForDatagrams()
    if !isPaced { handleDeadline(at: now) }
    return budget > 0 ? .done : .more
  }

  private func beginWaiting(at now: Instant) {
    awaitedSince = now
    askAgain()
    guard let onWaiting else { return }
    self.onWaiting = nil
    onWaiting()
  }

  /// The next packet that is to leave through another channel than was asked for.
  public func pollElsewhere() -> (bytes: [UInt8], channel: UInt16, envelope: DatagramEnvelope)? {
    elsewhere.popFirst()
  }

  /// Writes one packet; nothing where there is nothing to be sent now.
  private func writePacket(
    into packet: inout OutputRawSpan, _ turn: inout StreamCore?, at now: Instant
  ) -> (NetworkPath, ECN)? {
    var envelope = cquic_envelope()
    var size = 0
    packet.withUnsafeMutableBytes { memory, initialized in
      let place = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
      while true {
        let result =
          if let datagram = nextDatagram {
            write(datagram, at: place, memory.count, &envelope, now)
          } else {
            writeStream(&turn, at: place, memory.count, &envelope, now)
          }
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
    return (
      outgoingPath.decoded(envelope.path, { names.decoded($0) }),
      ECN(rawValue: UInt8(envelope.ecn & 3)) ?? .notCapable
    )
  }

  private enum Written {
    case written(Int)
    case again
    case nothing
  }

  /// - Parameter turn: the stream whose turn it is, once it is known.
  private func writeStream(
    _ turn: inout StreamCore?, at place: UnsafeMutablePointer<UInt8>, _ capacity: Int,
    _ envelope: inout cquic_envelope, _ now: Instant
  ) -> Written {
    if turn == nil, carriesStreams, !handshakeIsFirst { turn = sendQueue.first }
    var taken = -1
    let count: Int
    if let stream = turn {
      let isLast = stream.sending == .finished(isSent: false)
      count = stream.sendBuffer.withUnsent { slices, count in
        cquic_write(
          handle, &envelope, place, capacity, stream.id,
          UInt32(CQUIC_WRITE_MORE | (isLast ? CQUIC_WRITE_LAST : 0)), slices, count, &taken, libraryTime(now))
      }
      if taken >= 0 { account(stream, taken, isLast: isLast, &turn) }
    } else {
      count = cquic_write(handle, &envelope, place, capacity, -1, 0, nil, 0, &taken, libraryTime(now))
    }
    if count > 0 { return .written(count) }
    if count == 0 {
      if handshakeIsFirst {
        handshakeIsFirst = false
        return .again
      }
      // A closed window of the whole connection, or a stream's while it is early, is not told apart from one of congestion.
      guard let stream = turn, stream.sendBuffer.unsent > 0, setAside(stream) else { return .nothing }
      endTurn(&turn)
      return .again
    }
    switch cquic_result(rawValue: Int32(count)) {
    case CQUIC_MORE: return .again
    case CQUIC_BLOCKED:
      if let stream = turn {
        _ = setAside(stream)
        endTurn(&turn)
      }
      return .again
    case CQUIC_STREAM_GONE:
      // The library has answered with a reset by itself (RFC 9000, 3.5), and says so only now.
      if let stream = turn {
        switch stream.sending {
        case .open, .finished: stream.sending = .ended(QUICError(.stopped(nil), isRemote: true))
        case .ended, .none: break
        }
        stream.sendBuffer.forgetUnsent()
        endTurn(&turn)
        touch(stream)
      }
      return .again
    case let result: return stop(by: result, at: now)
    }
  }

  /// Nothing more is written now.
  private func stop(by result: cquic_result, at now: Instant) -> Written {
    switch result {
    case CQUIC_CLOSING, CQUIC_DRAINING: break
    case CQUIC_NO_PATH: if !givePathUp(at: now) { fail(at: now) }
    default: fail(at: now)
    }
    return .nothing
  }

  /// - Returns: whether a closed window keeps the stream from sending: then others have their turns.
  private func setAside(_ stream: StreamCore) -> Bool {
    if cquic_window_left(handle) == 0 {
      stream.isWaiting = true
      waiting.append(stream)
    } else if cquic_stream_window_left(handle, stream.id) == 0 {
      stream.isBlocked = true
      blocked.append(stream)
    } else {
      return false
    }
    return true
  }

  /// With the connection's window open again, those that waited for it have their turns. Those whose own window is closed are
  /// tried when something has arrived: it may have been the other side's word that it wants no more, of which nobody tells.
  private func resumeWaiting() {
    if !waiting.isEmpty, cquic_window_left(handle) > 0 {
      for stream in waiting {
        stream.isWaiting = false
        if stream.hasToSend { enqueue(stream) }
      }
      waiting.removeAll(keepingCapacity: true)
    }
    guard hasNews, !blocked.isEmpty else { return }
    hasNews = false
    for stream in blocked where stream.isBlocked {
      stream.isBlocked = false
      if stream.hasToSend { enqueue(stream) }
    }
    blocked.removeAll(keepingCapacity: true)
  }

  /// So many bytes of a stream are in the packet, and perhaps its end.
  private func account(_ stream: StreamCore, _ taken: Int, isLast: Bool, _ turn: inout StreamCore?) {
    let wasFull = stream.writeCapacity == 0
    stream.sendBuffer.sent(taken)
    if stream.stalledSince == nil, stream.sendBuffer.unacknowledged > 0 { stream.stalledSince = clock }
    if isLast, stream.sendBuffer.unsent == 0 { stream.sending = .finished(isSent: true) }
    if wasFull, stream.writeCapacity > 0 { touch(stream) }
    let hasMore = stream.hasToSend
    // Whoever has had its share waits until the others have.
    turnBytes += taken
    if hasMore, turnBytes < QUICLimits.turnBytes || sendQueue.isSingle { return }
    endTurn(&turn)
    if hasMore { enqueue(stream) }
  }

  private func endTurn(_ turn: inout StreamCore?) {
    turnBytes = 0
    sendQueue.removeFirst()
    turn?.isQueued = false
    turn = nil
  }

  func enqueue(_ stream: StreamCore) {
    changed()
    guard !stream.isQueued, !stream.isBlocked, !stream.isWaiting, stream.isKnown else { return }
    stream.isQueued = true
    sendQueue.append(stream)
  }

  // MARK: Datagrams

  /// The datagram that may be sent now. One that has become too large for the path is lost, as on any other.
  private var nextDatagram: [UInt8]? {
    guard !outgoingDatagrams.isEmpty, carriesStreams, !handshakeIsFirst, hasRoomForDatagrams else {
      return nil
    }
    let capacity = datagramCapacity
    while let datagram = outgoingDatagrams.first, datagram.count > capacity {
      _ = outgoingDatagrams.popFirst()
    }
    return outgoingDatagrams.first
  }

  /// The largest datagram that can be sent as things are; 0 where the other side takes none.
  public var datagramCapacity: Int { carriesStreams ? cquic_datagram_capacity(handle, packetLimit) : 0 }

  /// Sends a datagram, unless there are too many already: it may get lost, and is never sent again.
  ///
  /// - Returns: whether there was room.
  public func send(datagram bytes: [UInt8]) throws(QUICError) -> Bool {
    if let error { throw error }
    guard carriesStreams, bytes.count <= datagramCapacity, datagramCapacity > 0 else {
      throw QUICError(.datagram)
    }
    guard outgoingDatagrams.count < QUICLimits.unsentDatagrams else { return false }
    outgoingDatagrams.append(bytes)
    changed()
    return true
  }

  private func write(
    _ bytes: [UInt8], at place: UnsafeMutablePointer<UInt8>, _ capacity: Int,
    _ envelope: inout cquic_envelope, _ now: Instant
  ) -> Written {
    var taken: Int32 = 0
    let count = cquic_write_datagram(
      handle, &envelope, place, capacity, UInt32(CQUIC_WRITE_MORE), bytes, bytes.count,
      &taken, libraryTime(now))
    if taken != 0 { _ = outgoingDatagrams.popFirst() }
    if count > 0 { return .written(count) }
    if count == 0 { return .nothing }
    switch cquic_result(rawValue: Int32(count)) {
    case CQUIC_MORE: return .again
    case CQUIC_INVALID:
      // The path carries less than when it was taken.
      _ = outgoingDatagrams.popFirst()
      return .again
    case let result: return stop(by: result, at: now)
    }
  }

  // Before 0.14 the library does not ask again for datagrams that nobody acknowledges: if they alone filled the window,
  // nothing would ever leave again. So they leave room for something else; and where nothing else comes, a sign of life asks
  // for them.

  private var hasRoomForDatagrams: Bool { cquic_congestion_window_left(handle) > packetLimit }

  private func askForDatagrams() {
    let isWaiting = !outgoingDatagrams.isEmpty
    guard isWaiting != asksForDatagrams else { return }
    asksForDatagrams = isWaiting
    tellInterval()
  }

  /// Says from now on that it is alive after so long with nothing else to say; nil for never.
  public func sayAlive(every interval: Duration?) {
    guard interval != keepAlive, phase == .handshaking || phase == .open else { return }
    keepAlive = interval
    tellInterval()
    changed()
  }

  // The library does not ask again for a sign of life that got lost, and the next one may be minutes away: who has only so much
  // patience does. What else is lost the library asks for; a sign of life would put that off.

  /// An answer is owed, or has come, or the library asks for it.
  func askAgain() {
    let asks = awaitedSince != nil && answerTimeout != nil && cquic_loss_deadline(handle) == .max
    guard asks != asksAgain else { return }
    asksAgain = asks
    tellInterval()
  }

  private func tellInterval() {
    var interval = keepAlive ?? .zero
    if asksAgain { interval = interval > .zero ? min(interval, QUICLimits.question) : QUICLimits.question }
    if asksForDatagrams { interval = probeTimeout * 2 }
    cquic_keep_alive(handle, UInt64(max(0, interval.wholeNanoseconds)))
  }

  /// After how long without a word the two have agreed that it is over, the shorter of both sides' wishes; nil where neither
  /// has one, or the other's is not known.
  public var agreedIdleTimeout: Duration? {
    guard phase == .open else { return nil }
    let own = endpoint.configuration.idleTimeout
    let other = cquic_remote_idle_timeout(handle)
    guard other > 0 else { return own > .zero ? own : nil }
    let others = Duration.nanoseconds(Int64(clamping: other))
    return own > .zero ? min(own, others) : others
  }

  /// The next datagram that has arrived.
  public func takeDatagram() -> [UInt8]? {
    let datagram = incomingDatagrams.popFirst()
    if datagram == nil { hasToldDatagrams = false }
    return datagram
  }
}
