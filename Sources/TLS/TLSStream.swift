import WarrenMachine

/// TLS over a TCP connection, used like TCP itself: opening is the handshake, and nothing waits for anybody.
///
/// It is decrypted ahead by one record at most: what nobody reads stays with TCP. Why it failed, TCP's words can say only in
/// part: ``failure`` has the rest. It is used on its machine's executor alone: hence `@unchecked Sendable`.
package final class TLSStream: TCPConnection, @unchecked Sendable {
  package var machine: any Machine { tcp.machine }
  package var localAddress: SocketAddress { tcp.localAddress }
  package var remoteAddress: SocketAddress { tcp.remoteAddress }
  package private(set) var phase = TCPPhase.opening
  /// Why TLS has failed, if it has.
  package private(set) var failure: TLSError?

  package var onReadable: (() -> Void)? {
    didSet { watch() }
  }
  package var onWritable: (() -> Void)? {
    didSet { watch() }
  }

  private let core: TLSCore
  private let tcp: any TCPConnection
  /// What is decrypted and not read.
  private var plain: [UInt8] = []
  private var taken = 0
  private var hasEnded = false
  private var isFinished = false
  private var pulseIsDue = false
  private var isWatching = false

  /// Shakes hands over a connection that opens, or is open, and belongs to this one from then on.
  package init(_ core: TLSCore, over tcp: any TCPConnection) {
    self.core = core
    self.tcp = tcp
    watch()
  }

  // MARK: Watching TCP

  /// Whether reading would say something new.
  private var isReadable: Bool {
    if case .failed = phase { return true }
    return taken < plain.count || hasEnded
  }

  private var isWritable: Bool {
    switch phase {
    case .opening: false
    case .open: core.outgoingCount == 0
    case .failed, .closed: true
    }
  }

  /// Looks at TCP as far as somebody is interested.
  private func watch() {
    guard !isWatching else { return }
    isWatching = true
    defer { isWatching = false }
    let isAlive = phase == .opening || phase == .open
    let reads = isAlive && !isReadable && (phase == .opening || onReadable != nil)
    let writes = isAlive && (tcp.phase == .opening || core.outgoingCount > 0)
    if reads != (tcp.onReadable != nil) { tcp.onReadable = reads ? { self.advance() } : nil }
    if writes != (tcp.onWritable != nil) { tcp.onWritable = writes ? { self.advance() } : nil }
    if onReadable != nil && isReadable || onWritable != nil && isWritable { pulseSoon() }
  }

  private func pulseSoon() {
    guard !pulseIsDue, phase != .closed else { return }
    pulseIsDue = true
    machine.submit { [self] in pulse() }
  }

  /// Tells whoever is interested, as long as there is something to tell.
  private func pulse() {
    pulseIsDue = false
    if isReadable { onReadable?() }
    if isWritable { onWritable?() }
    watch()
  }

  /// Goes on as far as TCP lets it.
  private func advance() {
    do throws(NetworkError) {
      if tcp.phase == .opening { return }
      if case .failed(let error) = tcp.phase { throw error }
      _ = try fill()
      try decrypt()
      try transmit()
      if phase == .opening, core.phase == .open { phase = .open }
    } catch {
      fail(error)
    }
    watch()
  }

  private func fail(_ error: NetworkError) {
    guard phase == .opening || phase == .open else { return }
    // An alert, perhaps.
    try? flush()
    phase = .failed(error)
  }

  /// What TLS says, as far as TCP has words for it.
  private func networkError(_ error: TLSError) -> NetworkError {
    failure = failure ?? error
    switch error.code {
    case .closed, .truncated: return .connectionReset(remoteAddress)
    default: return .system(doing: "speaking TLS with \(remoteAddress)", code: 0, reason: "\(error)")
    }
  }

  // MARK: Bytes

  /// Takes what TCP has.
  ///
  /// - Returns: whether that was anything.
  private func fill() throws(NetworkError) -> Bool {
    let found = try core.receive { (buffer) throws(NetworkError) in try tcp.readNow(into: &buffer) }
    if found == .ended { core.receiveEnd() }
    if case .ended(let error?) = core.phase { throw networkError(error) }
    return found != .nothingYet
  }

  /// Decrypts what has come, if nobody has to read something else first.
  private func decrypt() throws(NetworkError) {
    guard core.phase != .handshaking, taken == plain.count, !hasEnded else { return }
    taken = 0
    var found = TCPRead.nothingYet
    do throws(TLSError) {
      plain = try [UInt8](rawCapacity: TLSLimits.recordBytes) { (buffer) throws(TLSError) in
        found = try core.read(into: &buffer)
      }
    } catch {
      plain = []
      throw networkError(error)
    }
    if found == .ended { hasEnded = true }
  }

  private func flush() throws(NetworkError) {
    var left = 0
    while core.outgoingCount > 0, core.outgoingCount != left {
      left = core.outgoingCount
      try core.transmit { (bytes) throws(NetworkError) in try tcp.writeNow(bytes) }
    }
  }

  /// Has leave what can; what is finished ends when all has.
  private func transmit() throws(NetworkError) {
    try flush()
    if isFinished, core.outgoingCount == 0 { try tcp.finish() }
  }

  private func checkUsable() throws(NetworkError) -> Bool {
    switch phase {
    case .opening: return false
    case .open: return true
    case .failed(let error): throw error
    case .closed: throw .closed
    }
  }

  package func readNow(into buffer: inout OutputRawSpan) throws(NetworkError) -> TCPRead {
    if taken == plain.count {
      guard try checkUsable() else { return .nothingYet }
      defer { watch() }
      do throws(NetworkError) {
        try decrypt()
        while taken == plain.count, !hasEnded {
          guard try fill() else { break }
          try decrypt()
        }
        try transmit()
      } catch {
        fail(error)
        throw error
      }
    }
    guard taken < plain.count else { return hasEnded ? .ended : .nothingYet }
    let count = min(buffer.freeCapacity, plain.count - taken)
    guard count > 0 else { return .nothingYet }
    append(taken..<taken + count, of: plain, to: &buffer)
    taken += count
    if taken == plain.count {
      // The next record may be there already, and TCP would say nothing of it.
      do throws(NetworkError) { try decrypt() } catch { fail(error) }
      watch()
    }
    return .bytes(count)
  }

  private func append(_ part: Range<Int>, of bytes: [UInt8], to buffer: inout OutputRawSpan) {
    buffer.append(copying: bytes.span.bytes.extracting(part))
  }

  package func writeNow(_ bytes: RawSpan) throws(NetworkError) -> Int {
    guard try checkUsable() else { return 0 }
    if isFinished { throw .finished }
    defer { watch() }
    do throws(NetworkError) {
      try flush()
      guard core.outgoingCount == 0 else { return 0 }
      var count = 0
      do throws(TLSError) { count = try core.write(bytes) } catch { throw networkError(error) }
      try flush()
      return count
    } catch {
      fail(error)
      throw error
    }
  }

  // MARK: Ending

  package func finish() throws(NetworkError) {
    _ = try checkUsable()
    guard !isFinished else { return }
    do throws(TLSError) { try core.finish() } catch { throw networkError(error) }
    isFinished = true
    try transmit()
    watch()
  }

  package func reset() { end { tcp.reset() } }

  package func close() {
    end {
      if core.phase == .open, !isFinished { try? core.finish() }
      try? flush()
      tcp.close()
    }
  }

  private func end(_ close: () -> Void) {
    guard phase != .closed else { return }
    close()
    core.abandon()
    phase = .closed
    // Kept until both are forgotten: what goes with them may look at this connection again.
    let handlers = (onReadable, onWritable)
    (onReadable, onWritable) = (nil, nil)
    withExtendedLifetime(handlers) {}
  }
}
