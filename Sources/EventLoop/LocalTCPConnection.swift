import Glibc
import WarrenMachine

/// A TCP connection of this computer.
final class LocalTCPConnection: TCPConnection, LocalMachine.Closable {
  var machine: any Machine { local }
  let localAddress: SocketAddress
  let remoteAddress: SocketAddress
  private(set) var phase: TCPPhase

  var onReadable: (() -> Void)? {
    didSet { watchAgain() }
  }
  var onWritable: (() -> Void)? {
    didSet { watchAgain() }
  }

  private let local: LocalMachine
  private let watch: DescriptorWatch
  private var id: UInt64 = 0
  private var isFinished = false
  private var isClosed = false

  /// A connection that begins to open.
  convenience init(
    on local: LocalMachine, to remote: SocketAddress, _ options: TCPOptions
  ) throws(NetworkError) {
    let own = options.localAddress ?? .any(remote.ip.family)
    guard own.ip.family == remote.ip.family else { throw .unusableDestination(remote) }
    let socket = try SystemSocket(.stream, for: own)
    try LocalTCPConnection.configure(socket, options)
    try socket.bind(sharing: options.sharesPort, interface: options.interface)
    var code = remote.withSocketAddress { connect(socket.descriptor, $0, $1) } == 0 ? 0 : errno
    // A signal does not stop what has begun (connect(2)).
    if code == EINTR { code = EINPROGRESS }
    // The local end is what is wrong when the two ends are taken already.
    if code == EADDRNOTAVAIL { throw .addressInUse(own) }
    guard code == 0 || code == EINPROGRESS else { throw NetworkError(code, doing: "connecting to", remote) }
    self.init(on: local, socket.release(), to: remote, code == 0 ? .open : .opening)
  }

  static func configure(
    _ socket: borrowing SystemSocket, _ options: TCPOptions
  ) throws(NetworkError) {
    if options.sendsAtOnce { try socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
    if let limit = options.hopLimit { try socket.setHopLimit(limit) }
  }

  init(on local: LocalMachine, _ descriptor: Int32, to remote: SocketAddress, _ phase: TCPPhase) {
    self.local = local
    self.phase = phase
    remoteAddress = remote
    localAddress = WarrenEventLoop.localAddress(of: descriptor) ?? .any(remote.ip.family)
    watch = DescriptorWatch(descriptor, on: local.loop.core)
    id = local.enlist(self)
    watch.onReadable = { [weak self] in self?.becomeReadable() }
    watch.onWritable = { [weak self] in self?.becomeWritable() }
    watch.onError = { [weak self] in
      self?.takeError()
      return false
    }
    watchAgain()
  }

  private func watchAgain() {
    guard !isClosed else { return }
    // While it opens, being writable is the news.
    watch.watch(reading: onReadable != nil, writing: onWritable != nil || phase == .opening)
  }

  private func becomeReadable() { if settle() { onReadable?() } }

  private func becomeWritable() { if settle() { onWritable?() } }

  /// Finds out what came of opening.
  ///
  /// - Returns: whether the caller may go on.
  private func settle() -> Bool {
    guard !isClosed else { return false }
    guard phase == .opening else { return true }
    let code = pendingError()
    phase = code == 0 ? .open : .failed(NetworkError(code, doing: "connecting to", remoteAddress))
    // Said while it was still opening: then it would have ended the opening.
    if phase == .open, isFinished { shutdown(watch.descriptor, Int32(SHUT_WR)) }
    watchAgain()
    return true
  }

  private func pendingError() -> Int32 {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(watch.descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    return code
  }

  /// The descriptor has an error: reading and writing will say which.
  private func takeError() {
    if phase == .opening { _ = settle() }
    onReadable?()
    onWritable?()
  }

  private func fail(_ code: Int32) {
    phase = .failed(NetworkError(code, doing: "talking to", remoteAddress))
  }

  private func checkUsable() throws(NetworkError) -> Bool {
    switch phase {
    case .opening: return false
    case .open: return true
    case .failed(let error): throw error
    case .closed: throw local.isClosed ? .machineClosed : .closed
    }
  }

  func readNow(into buffer: inout OutputRawSpan) throws(NetworkError) -> TCPRead {
    guard try checkUsable(), buffer.freeCapacity > 0 else { return .nothingYet }
    let descriptor = watch.descriptor
    let count = buffer.withUnsafeMutableBytes { memory, initialized in
      let room = UnsafeMutableRawBufferPointer(rebasing: memory[initialized...])
      let count = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
      if count > 0 { initialized += count }
      return count
    }
    if count > 0 { return .bytes(count) }
    if count == 0 { return .ended }
    if errno == EAGAIN || errno == EINTR { return .nothingYet }
    fail(errno)
    _ = try checkUsable()
    return .nothingYet
  }

  func writeNow(_ bytes: RawSpan) throws(NetworkError) -> Int {
    if isFinished, !isClosed { throw .finished }
    guard try checkUsable() else { return 0 }
    let descriptor = watch.descriptor
    let count = bytes.withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }
    if count >= 0 { return count }
    if errno == EAGAIN || errno == EINTR { return 0 }
    fail(errno)
    _ = try checkUsable()
    return 0
  }

  func finish() throws(NetworkError) {
    _ = try checkUsable()
    guard !isFinished else { return }
    isFinished = true
    if phase == .open { shutdown(watch.descriptor, Int32(SHUT_WR)) }
  }

  func reset() {
    guard !isClosed else { return }
    // Closing with no patience at all is how a reset is spelt (RFC 9293, 3.10.5, ABORT).
    var lingering = linger(l_onoff: 1, l_linger: 0)
    setsockopt(watch.descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    phase = .closed
    local.retire(id, watch)
    // Kept until both are forgotten: what goes with them may look at this connection again.
    let handlers = (onReadable, onWritable)
    onReadable = nil
    onWritable = nil
    withExtendedLifetime(handlers) {}
  }
}
