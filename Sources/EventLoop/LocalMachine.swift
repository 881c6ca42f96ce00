import CLibuv
import Glibc
import WarrenMachine

/// The computer that this program runs on: a `Machine` over a libuv loop.
public final class LocalMachine: Machine, @unchecked Sendable {
  // Its mutable state is touched on its loop's thread alone: hence `@unchecked`.

  public let name: String
  public let waits = WaitList()
  /// The loop that everything of this machine runs on.
  public let loop: EventLoop

  /// What is open, in the order of opening. It stays open until it is closed, whoever still holds it: when an
  /// object goes is the optimizer's choice, and no packet may depend on that.
  private var sockets: [UInt64: any Closable] = [:]
  private var lastSocket: UInt64 = 0
  private var closing = 0
  /// Files and folders that are open, as sockets are.
  var openFiles: [UInt64: LocalDescriptor] = [:]
  private var closed: [UnsafeContinuation<Void, Never>] = []
  private(set) var isClosed = false
  let upnp = UPnPThread()

  /// A machine on a loop, with a thread of its own unless one is given.
  public init(name: String = "local", loop: EventLoop? = nil) {
    self.name = name
    self.loop = loop ?? EventLoop(name: name)
  }

  // MARK: Executor

  public var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
  public var taskExecutor: any TaskExecutor { loop.taskExecutor }
  public var isOnExecutor: Bool { loop.isCurrent }
  public func submit(_ work: @escaping @Sendable () -> Void) { loop.submit(work) }

  // MARK: Time and chance

  public var now: Instant { LoopClock.now }

  public var timeSince1970: Duration {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  public func makeTimer(_ fire: @escaping () -> Void) -> MachineTimer {
    preconditionOnExecutor()
    return loop.core.timers.makeTimer(of: self) { [weak self] in
      guard let self, !isClosed else { return }
      fire()
    }
  }

  public func fillRandom(_ bytes: UnsafeMutableRawBufferPointer) {
    guard let memory = bytes.baseAddress else { return }
    checked(uv_random(nil, nil, memory, bytes.count, 0, nil), "asking the system for randomness")
  }

  // MARK: Sockets

  public func bindUDP(
    to address: SocketAddress, options: UDPOptions
  ) throws(NetworkError) -> any UDPSocket {
    preconditionOnExecutor()
    try checkOpen()
    return try LocalUDPSocket(on: self, at: address, options)
  }

  public func openTCP(
    to address: SocketAddress, options: TCPOptions
  ) throws(NetworkError) -> any TCPConnection {
    preconditionOnExecutor()
    try checkOpen()
    guard address.port != 0, !address.ip.isUnspecified else { throw .unusableDestination(address) }
    return try LocalTCPConnection(on: self, to: address, options)
  }

  public func listenTCP(
    on address: SocketAddress, options: TCPOptions
  ) throws(NetworkError) -> any TCPListener {
    preconditionOnExecutor()
    try checkOpen()
    return try LocalTCPListener(on: self, at: address, options)
  }

  func checkOpen() throws(NetworkError) {
    if isClosed { throw .machineClosed }
  }

  // MARK: Closing

  /// How many sockets and files are open or being closed.
  public var openHandles: Int {
    preconditionOnExecutor()
    return sockets.count + openFiles.count + closing
  }

  public func close() async {
    if isOnExecutor {
      await closeHere()
    } else {
      _ = try? await run("close \(name)") { [self] in await closeHere() }
    }
  }

  private func closeHere() async {
    if !isClosed {
      isClosed = true
      waits.close(with: NetworkError.machineClosed)
      loop.core.timers.cancelAll(of: self)
      for id in sockets.keys.sorted() { sockets[id]?.close() }
      for id in openFiles.keys.sorted() { openFiles[id]?.close() }
    }
    guard openHandles > 0 else { return }
    await withUnsafeContinuation { closed.append($0) }
  }

  /// Something with a descriptor that this machine must close.
  protocol Closable: AnyObject {
    func close()
  }

  /// Counts `owner` as open until ``retire(_:_:)``.
  func enlist(_ owner: any Closable) -> UInt64 {
    lastSocket += 1
    sockets[lastSocket] = owner
    return lastSocket
  }

  /// Closes the descriptor of what was enlisted.
  func retire(_ id: UInt64, _ watch: DescriptorWatch) {
    preconditionOnExecutor()
    let owner = sockets.removeValue(forKey: id)
    defer { withExtendedLifetime(owner) {} }
    closing += 1
    watch.close { [self] in
      closing -= 1
      endIfClosed()
    }
  }

  private func endIfClosed() {
    guard openHandles == 0 else { return }
    for continuation in closed { continuation.resume() }
    closed = []
  }

  /// The number of a file that was opened.
  func enlistFile() -> UInt64 {
    lastSocket += 1
    return lastSocket
  }

  /// The file of this number is closed.
  func retireFile(_ id: UInt64) {
    openFiles[id] = nil
    endIfClosed()
  }
}
