import CQUIC
import WarrenMachine

/// One stream of a connection (RFC 9000, 2), without I/O.
///
/// ```
///   sending:    open ──finish──► finished ──all acknowledged──► done      receiving:  open ──end──► ended ──taken──► done
///                 └─────reset, or stopped by the other side──► done                     └──reset, or stopped──► done
/// ```
public final class StreamCore {
  /// How its sending side is.
  enum Sending: Hashable {
    case open
    /// No more will be written; whether the end is in a packet already.
    case finished(isSent: Bool)
    /// Nothing is sent any more: it was reset, or the other side wants no more.
    case ended(QUICError)
    /// It has none.
    case none
  }

  /// How its receiving side is.
  enum Receiving: Hashable {
    case open
    /// The end has arrived; what is in the buffer is all there will be.
    case complete
    /// Nothing is received any more.
    case ended(QUICError)
    /// It has none.
    case none
  }

  /// Its number (RFC 9000, 2.1).
  public let id: Int64
  /// Its connection.
  public let connection: ConnectionCore
  /// Among streams with something to send, the higher is first; equals take turns.
  public var priority = 0
  /// What belongs to whoever uses it.
  public var attachment: AnyObject?

  var sending: Sending
  var receiving: Receiving
  // Looked after by hand, since each packet would otherwise be asked whether others have it in use: one call reads what
  // the next writes, and none of those that the library makes meanwhile touches it.
  @exclusivity(unchecked) var sendBuffer: SendBuffer
  @exclusivity(unchecked) var receiveBuffer = ReceiveBuffer()
  var receiveWindow: ReceiveWindow
  /// Whether it stands in the queue of those with something to send.
  var isQueued = false
  /// Since when nothing more of it was acknowledged, while something is not.
  var stalledSince: Instant?
  /// Whether the other side's window for it is closed, or that for all.
  var isBlocked = false
  var isWaiting = false
  /// Whether something has changed that its user may wait for.
  var isTouched = false
  /// Whether the library still knows it.
  var isKnown = true
  /// Whether the application knows of it: it counts against the other side's limit until it does, and is over.
  var isTaken: Bool

  init(id: Int64, _ connection: ConnectionCore, isOurs: Bool) {
    self.id = id
    self.connection = connection
    sendBuffer = SendBuffer(connection.pool)
    let configuration = connection.endpoint.configuration
    receiveWindow = ReceiveWindow(
      configuration.streamWindow, atMost: configuration.largestStreamWindow, at: connection.clock)
    isTaken = isOurs
    let isBidirectional = id & 2 == 0
    sending = isBidirectional || isOurs ? .open : .none
    receiving = isBidirectional || !isOurs ? .open : .none
  }

  deinit { sendBuffer.removeAll() }

  /// Whether both sides may send.
  public var isBidirectional: Bool { id & 2 == 0 }

  /// Whether it has something to put into packets.
  var hasToSend: Bool {
    if sendBuffer.unsent > 0 { return true }
    return sending == .finished(isSent: false)
  }
}

// MARK: Writing

extension StreamCore {
  /// Whether it may still be written to, now or later.
  public var isWritable: Bool { sending == .open }

  /// How many bytes it takes now; 0 while the writer must wait.
  public var writeCapacity: Int {
    sending == .open ? max(0, QUICLimits.unsentBytes - sendBuffer.unsent) : 0
  }

  /// Takes a copy of these bytes, or of as many as ``writeCapacity`` says.
  ///
  /// - Returns: how many it took.
  public func write(_ bytes: RawSpan) throws(QUICError) -> Int {
    switch sending {
    case .open: break
    case .ended(let error): throw error
    case .finished, .none: throw QUICError(.closed)
    }
    let count = min(bytes.byteCount, writeCapacity)
    guard count > 0 else { return 0 }
    sendBuffer.append(bytes.extracting(first: count))
    connection.enqueue(self)
    return count
  }

  /// No more will be written: the other side reads to the end of what was.
  public func finish() throws(QUICError) {
    switch sending {
    case .open:
      sending = .finished(isSent: false)
      connection.enqueue(self)
    case .finished: break
    case .ended(let error): throw error
    case .none: throw QUICError(.closed)
    }
  }

  /// Gives up sending, whatever was not sent: the other side is told why (RFC 9000, 3.3).
  public func reset(code: UInt64) {
    switch sending {
    case .open, .finished:
      sending = .ended(QUICError(.reset(code)))
      sendBuffer.forgetUnsent()
      if isKnown { _ = cquic_reset_stream(connection.handle, id, code) }
      connection.touch(self)
      connection.changed()
    case .ended, .none: break
    }
  }

  /// So many bytes more have arrived, in order.
  func wasAcknowledged(_ count: Int) {
    sendBuffer.acknowledge(count)
    stalledSince = sendBuffer.unacknowledged > 0 ? connection.clock : nil
  }
}

// MARK: Reading

extension StreamCore {
  /// How many bytes can be taken at once.
  public var readableCount: Int { receiveBuffer.count }

  /// Whether there is something to read, or to be known.
  public var isReadable: Bool { receiving != .open || receiveBuffer.count > 0 }

  /// Whether everything has arrived and was taken.
  public var isAtEnd: Bool { receiving == .complete && receiveBuffer.count == 0 }

  /// Why nothing more can be read, if something went wrong.
  public var readError: QUICError? {
    switch receiving {
    case .ended(let error): error
    case .none: QUICError(.closed)
    case .open, .complete: nil
    }
  }

  /// Takes what has arrived, at most `limit` bytes, and lets the other side send as many more.
  public func read(atMost limit: Int = .max) -> [UInt8] {
    let bytes = receiveBuffer.take(atMost: limit)
    if !bytes.isEmpty {
      connection.taken(bytes.count, of: self)
    }
    return bytes
  }

  /// Wants no more of it: the other side is told why (RFC 9000, 3.5).
  public func stop(code: UInt64) {
    guard receiving == .open || receiving == .complete else { return }
    endReceiving(QUICError(.stopped(code)))
    if isKnown {
      _ = cquic_refuse_stream(connection.handle, id, code)
      // What comes yet is nobody's, and the library may never say that it was all.
      if sending == .none { connection.receivedAll(self) }
    }
    connection.touch(self)
    connection.changed()
  }

  /// The next bytes have come, and perhaps the end.
  func arrived(_ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool) {
    if receiving == .open {
      if !bytes.isEmpty { receiveBuffer.append(bytes) }
      if isLast { receiving = .complete }
    }
    if !isTouched { connection.touch(self) }
    if isLast, sending == .none { connection.receivedAll(self) }
  }

  /// The other side has given up sending.
  func wasReset(code: UInt64) {
    if receiving == .open || receiving == .complete {
      endReceiving(QUICError(.reset(code), isRemote: true))
    }
    connection.touch(self)
    if sending == .none { connection.receivedAll(self) }
  }

  /// Nothing of it will be read any more: what has arrived makes room for others.
  func endReceiving(_ error: QUICError) {
    if receiveBuffer.count > 0 { cquic_permit_bytes(connection.handle, UInt64(receiveBuffer.count)) }
    receiveBuffer.removeAll()
    receiving = .ended(error)
  }
}
