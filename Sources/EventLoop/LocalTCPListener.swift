import Glibc
import WarrenMachine

/// A listening TCP socket of this computer.
final class LocalTCPListener: TCPListener, LocalMachine.Closable {
  var machine: any Machine { local }
  let localAddress: SocketAddress

  var onConnection: (() -> Void)? {
    didSet { if !isClosed { watch.watch(reading: onConnection != nil, writing: false) } }
  }

  private let local: LocalMachine
  private let watch: DescriptorWatch
  private let options: TCPOptions
  private var id: UInt64 = 0
  private var isClosed = false

  init(on local: LocalMachine, at address: SocketAddress, _ options: TCPOptions) throws(NetworkError) {
    let socket = try SystemSocket(.stream, for: address)
    // What an earlier program's connections left behind does not keep the port (RFC 9293, 3.6.1).
    try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
    try socket.bind(sharing: options.sharesPort, interface: options.interface)
    if listen(socket.descriptor, EventLoopLimits.listenBacklog) != 0 {
      throw NetworkError(errno, doing: "listening on", address)
    }
    let descriptor = socket.release()
    localAddress = WarrenEventLoop.localAddress(of: descriptor) ?? address
    self.local = local
    self.options = options
    watch = DescriptorWatch(descriptor, on: local.loop.core)
    id = local.enlist(self)
    watch.onReadable = { [weak self] in self?.onConnection?() }
    watch.onError = { [weak self] in
      self?.onConnection?()
      return false
    }
  }

  func acceptNow() throws(NetworkError) -> (any TCPConnection)? {
    if isClosed { throw local.isClosed ? .machineClosed : .closed }
    while true {
      var descriptor: Int32 = -1
      let remote = SocketAddress { address, size in
        descriptor = Glibc.accept(watch.descriptor, address, size)
        return descriptor
      }
      if descriptor >= 0, let remote { return connection(descriptor, remote) }
      if descriptor >= 0 { Glibc.close(descriptor) }
      switch errno {
      case EAGAIN: return nil
      // One that came and went before it was accepted is no reason to stop (accept(2)).
      case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH: continue
      default: throw NetworkError(errno, doing: "accepting on", localAddress)
      }
    }
  }

  private func connection(_ descriptor: Int32, _ remote: SocketAddress) -> LocalTCPConnection {
    // An accepted descriptor inherits neither flag.
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    if options.sendsAtOnce {
      var yes: Int32 = 1
      setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
    return LocalTCPConnection(on: local, descriptor, to: remote, .open)
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    local.retire(id, watch)
    // Kept until it is forgotten: what goes with it may look at this listener again.
    let handler = onConnection
    onConnection = nil
    withExtendedLifetime(handler) {}
  }
}
