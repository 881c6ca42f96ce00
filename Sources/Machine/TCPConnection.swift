/// A TCP connection of a machine, used by whoever runs on the machine's executor, and by nobody else.
///
/// The calls of this protocol never wait; `read`, `write` and `opened` with `await` are built on them and the
/// same for every machine. A connection stays open until it is closed, or its machine is, whoever still holds it.
public protocol TCPConnection: AnyObject {
  /// The machine it belongs to.
  var machine: any Machine { get }
  /// Where this side is.
  var localAddress: SocketAddress { get }
  /// Where the other side is.
  var remoteAddress: SocketAddress { get }
  /// How far it has come.
  var phase: TCPPhase { get }

  /// Called as long as ``readNow(into:)`` would not return ``TCPRead/nothingYet``.
  var onReadable: (() -> Void)? { get set }
  /// Called as long as ``writeNow(_:)`` would take something, and when opening succeeds or fails.
  var onWritable: (() -> Void)? { get set }

  /// Appends to `buffer` what has arrived, as far as there is room.
  func readNow(into buffer: inout OutputRawSpan) throws(NetworkError) -> TCPRead
  /// Hands over the first of `bytes`, as many as the system takes.
  ///
  /// - Returns: how many it took.
  func writeNow(_ bytes: RawSpan) throws(NetworkError) -> Int
  /// Says that nothing more will be written; the other side can still write.
  func finish() throws(NetworkError)
  /// Closes at once; the other side sees a reset, and what is on the way is lost.
  func reset()
  /// Closes and forgets the handlers; what was written still arrives if it can. Closing twice is no error.
  func close()
}

/// How far a connection has come.
public enum TCPPhase: Hashable, Sendable {
  case opening
  case open
  case failed(NetworkError)
  case closed
}

/// What a read found.
public enum TCPRead: Hashable, Sendable {
  /// So many bytes.
  case bytes(Int)
  /// Nothing has arrived yet, or there was no room for it.
  case nothingYet
  /// The other side finished, and everything has been read.
  case ended
}

/// How a TCP connection is to be made.
public struct TCPOptions: Hashable, Sendable {
  /// Where to connect from; nil leaves it to the system.
  public var localAddress: SocketAddress?
  /// The interface to use, by name.
  public var interface: String?
  /// Whether others may bind the same address and port (`SO_REUSEADDR` and `SO_REUSEPORT`): what punching needs.
  public var sharesPort = false
  /// Whether small writes leave at once.
  public var sendsAtOnce = true
  /// How many routers its packets may cross; nil leaves it to the system.
  public var hopLimit: UInt8?

  /// The usual: from any port, at once.
  public init() {}
}

// MARK: Waiting

extension TCPConnection {
  /// Waits until the connection is open; throws why it did not open.
  public func opened() async throws {
    while true {
      switch phase {
      case .open: return
      case .failed(let error): throw error
      case .closed: throw NetworkError.closed
      case .opening: try await waitUntilWritable("open")
      }
    }
  }

  /// The next bytes, at least one and at most `limit`; nil when the other side has finished.
  public func read(atMost limit: Int = MachineLimits.readBytes) async throws -> [UInt8]? {
    precondition(limit > 0, "reading needs room for a byte")
    while true {
      var result = TCPRead.nothingYet
      let bytes = try [UInt8](rawCapacity: limit) { (buffer) throws(NetworkError) in
        result = try readNow(into: &buffer)
      }
      switch result {
      case .bytes: return bytes
      case .ended: return nil
      case .nothingYet: try await waitUntilReadable()
      }
    }
  }

  /// The next `count` bytes; nil when the other side finished before the first of them.
  ///
  /// - Throws: ``NetworkError/connectionReset(_:)`` when it finished in the middle.
  public func read(exactly count: Int) async throws -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let more = try await read(atMost: count - bytes.count) else {
        if bytes.isEmpty { return nil }
        throw NetworkError.connectionReset(remoteAddress)
      }
      bytes += more
    }
    return bytes
  }

  /// Writes all of `bytes`, waiting where the other side is slow.
  public func write(_ bytes: [UInt8]) async throws {
    var sent = 0
    while sent < bytes.count {
      let taken = try writeNow(bytes.span.bytes.extracting(droppingFirst: sent))
      sent += taken
      if taken == 0 { try await waitUntilWritable("write to") }
    }
  }

  /// Waits until ``readNow(into:)`` would say something new.
  package func waitUntilReadable() async throws {
    precondition(onReadable == nil, "somebody already waits to read")
    let remote = remoteAddress
    try await machine.suspend({ "read from TCP \(remote)" }) { (wait: Wait<Void>) in
      // Others may have closed it since it was looked at: then it forgets handlers no more.
      if phase == .closed { return wait.succeed(()) }
      wait.onEnd = { [weak self] in self?.onReadable = nil }
      onReadable = SocketWaker(wait).handler
    }
  }

  /// Waits until ``writeNow(_:)`` would take something, or opening has come to an end.
  package func waitUntilWritable(_ action: String) async throws {
    precondition(onWritable == nil, "somebody already waits to write")
    let remote = remoteAddress
    try await machine.suspend({ "\(action) TCP \(remote)" }) { (wait: Wait<Void>) in
      if phase == .closed { return wait.succeed(()) }
      wait.onEnd = { [weak self] in self?.onWritable = nil }
      onWritable = SocketWaker(wait).handler
    }
  }
}
