import WarrenMachine

/// A listening TCP socket of a simulated machine.
final class SimulatedTCPListener: TCPListener {
  var machine: any Machine { host }
  let localAddress: SocketAddress
  let options: TCPOptions

  var onConnection: (() -> Void)? {
    didSet { notifySoon() }
  }

  /// Connections that have begun and not opened.
  var opening = 0

  private let host: SimulatedMachine
  private var opened: [SimulatedTCPConnection] = []
  private var notificationIsDue = false
  private var isClosed = false

  init(_ host: SimulatedMachine, at address: SocketAddress, _ options: TCPOptions) {
    self.host = host
    self.options = options
    localAddress = address
  }

  var sharesPort: Bool { options.sharesPort }

  /// Whether another connection may begin.
  var hasRoom: Bool { opening + opened.count < SimulatorLimits.listenBacklog }

  func offer(_ connection: SimulatedTCPConnection) {
    guard !isClosed else { return connection.reset() }
    opened.append(connection)
    notifySoon()
  }

  func acceptNow() throws(NetworkError) -> (any TCPConnection)? {
    if isClosed { throw host.isClosed ? .machineClosed : .closed }
    return opened.isEmpty ? nil : opened.removeFirst()
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    for connection in opened { connection.reset() }
    opened = []
    host.tcp.listeners.removeAll { $0 === self }
    // Kept until it is forgotten: what goes with it may look at this listener again.
    let handler = onConnection
    onConnection = nil
    withExtendedLifetime(handler) {}
  }

  private func notifySoon() {
    guard !notificationIsDue, onConnection != nil, !opened.isEmpty, !isClosed else { return }
    notificationIsDue = true
    host.submitOwn { [weak self] in self?.notify() }
  }

  private func notify() {
    notificationIsDue = false
    if !opened.isEmpty { onConnection?() }
    notifySoon()
  }
}
