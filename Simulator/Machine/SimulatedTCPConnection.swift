import WarrenMachine

/// A TCP connection of a simulated machine: what a ``TCPCore`` says, it does.
final class SimulatedTCPConnection: TCPConnection {
  var machine: any Machine { host }
  let localAddress: SocketAddress
  let remoteAddress: SocketAddress
  let sharesPort: Bool
  /// Whether it came through a listener, whose port it uses.
  private let isAccepted: Bool

  var onReadable: (() -> Void)? {
    didSet { notifySoon() }
  }
  var onWritable: (() -> Void)? {
    didSet { notifySoon() }
  }

  private let host: SimulatedMachine
  private let attachment: Attachment?
  private let hopLimit: UInt8
  private var core: TCPCore
  private var timer: MachineTimer!
  /// The listener that waits for it to open.
  private weak var listener: SimulatedTCPListener?
  private var notificationIsDue = false
  private var isClosed = false

  convenience init(
    _ host: SimulatedMachine, _ ends: TCPTable.Ends, over attachment: Attachment?, _ options: TCPOptions,
    opening sequence: UInt32
  ) {
    let core = TCPCore(
      connectingTo: ends.remote, initialSequence: sequence, mtu: SimulatedTCPConnection.mtu(attachment))
    self.init(host, ends, over: attachment, options, core, isAccepted: false)
  }

  convenience init(
    _ host: SimulatedMachine, _ ends: TCPTable.Ends, over attachment: Attachment?, _ options: TCPOptions,
    answering segment: TCPSegment, _ sequence: UInt32, for listener: SimulatedTCPListener
  ) {
    let core = TCPCore(
      answering: segment, from: ends.remote, initialSequence: sequence,
      mtu: SimulatedTCPConnection.mtu(attachment))
    self.init(host, ends, over: attachment, options, core, isAccepted: true)
    self.listener = listener
    listener.opening += 1
  }

  private init(
    _ host: SimulatedMachine, _ ends: TCPTable.Ends, over attachment: Attachment?, _ options: TCPOptions,
    _ core: TCPCore, isAccepted: Bool
  ) {
    self.host = host
    self.attachment = attachment
    self.core = core
    self.core.sendsAtOnce = options.sendsAtOnce
    self.isAccepted = isAccepted
    localAddress = ends.local
    remoteAddress = ends.remote
    sharesPort = options.sharesPort
    hopLimit = options.hopLimit ?? 64
    timer = host.world.timers.makeTimer { [weak self] in self?.deadlinePassed() }
  }

  private static func mtu(_ attachment: Attachment?) -> Int { attachment?.up.configuration.mtu ?? 65_535 }

  // MARK: The program's side

  /// Whether another socket may not have its port.
  var ownsPort: Bool { !isAccepted && core.state != .timeWait }

  var phase: TCPPhase { isClosed ? .closed : core.phase }

  func readNow(into buffer: inout OutputRawSpan) throws(NetworkError) -> TCPRead {
    try checkOpen()
    let result = try core.read(into: &buffer, at: host.world.now)
    // Room in the buffer is news for the other side.
    pump()
    return result
  }

  func writeNow(_ bytes: RawSpan) throws(NetworkError) -> Int {
    try checkOpen()
    let taken = try core.write(bytes, at: host.world.now)
    pump()
    return taken
  }

  func finish() throws(NetworkError) {
    try checkOpen()
    try core.finish(at: host.world.now)
    pump()
  }

  func reset() {
    guard !isClosed else { return }
    core.abort(at: host.world.now)
    becomeClosed()
  }

  func close() {
    guard !isClosed else { return }
    core.close(at: host.world.now)
    becomeClosed()
  }

  private func becomeClosed() {
    isClosed = true
    pump()
    // Kept until both are forgotten: what goes with them may look at this connection again.
    let handlers = (onReadable, onWritable)
    onReadable = nil
    onWritable = nil
    withExtendedLifetime(handlers) {}
  }

  private func checkOpen() throws(NetworkError) {
    if isClosed { throw host.isClosed ? .machineClosed : .closed }
  }

  // MARK: The network's side

  /// Whether it only remembers its end, and a SYN may begin the next connection in its place.
  func givesWay(to segment: TCPSegment) -> Bool { core.givesWay(to: segment) }

  func take(_ segment: TCPSegment) {
    core.received(segment, at: host.world.now)
    pump()
  }

  func take(_ error: ICMPError) {
    core.received(error, at: host.world.now)
    pump()
  }

  private func deadlinePassed() {
    core.deadlinePassed(at: host.world.now)
    pump()
  }

  /// Does all that the core wants after an event: the one invariant of every shell.
  func pump() {
    while let segment = core.poll(at: host.world.now) {
      var packet = Packet(from: localAddress, to: remoteAddress, .tcp(segment))
      packet.hopLimit = hopLimit
      host.send(packet, over: attachment)
    }
    if let deadline = core.nextDeadline { timer.schedule(at: deadline) } else { timer.cancel() }
    tellListener()
    notifySoon()
    if core.isGone { leave() }
  }

  /// Its machine forgets it; what arrived can still be read.
  func leave() {
    timer.cancel()
    let ends = TCPTable.Ends(local: localAddress, remote: remoteAddress)
    if host.tcp.connections[ends] === self { host.tcp.connections[ends] = nil }
  }

  private func tellListener() {
    guard let listener, core.phase != .opening else { return }
    self.listener = nil
    listener.opening -= 1
    if case .failed = core.phase { return }
    listener.offer(self)
  }

  // MARK: Readiness

  private var isReadable: Bool { onReadable != nil && core.isReadable }
  private var isWritable: Bool { onWritable != nil && core.isWritable }

  /// Level-triggered: as long as a handler could do something, it is called again.
  private func notifySoon() {
    guard !notificationIsDue, !isClosed, isReadable || isWritable else { return }
    notificationIsDue = true
    host.submitOwn { [weak self] in self?.notify() }
  }

  private func notify() {
    notificationIsDue = false
    if isReadable { onReadable?() }
    if isWritable { onWritable?() }
    notifySoon()
  }
}
