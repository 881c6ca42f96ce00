import WarrenMachine
import WarrenSTUN

/// Finds out what the NATs and firewalls before a machine do.
///
/// ```swift
/// let report = try await NATDiscovery(on: machine).discover(asking: server)
/// print(report)
/// ```
public actor NATDiscovery {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private var run: Run?

  /// What one discovery needs.
  private final class Run {
    var core: NATDiscoveryCore
    var sockets: [any UDPSocket] = []
    var timer: MachineTimer?
    var writer = STUNMessageWriter()
    var outbox = DatagramOutbox(byteCapacity: 2048, runCapacity: 16)
    var wait: Wait<NATReport>?

    init(_ core: NATDiscoveryCore) { self.core = core }
  }

  /// A discovery on a machine.
  public init(on machine: any Machine) { self.machine = machine }

  /// Whether it is at it.
  public var isRunning: Bool { run != nil }

  /// Asks a STUN server that has two addresses (RFC 5780); from one that has not, less is learnt.
  ///
  /// Cancelling the task ends it at once.
  ///
  /// - Parameter measuresLifetime: whether to find out how long a silent mapping lives: that takes as long as it lives
  ///   and somewhat more, at most twelve minutes, and all else less than three seconds.
  /// - Throws: a ``NATDiscoveryError`` when nothing can be found out.
  public func discover(
    asking server: SocketAddress, measuresLifetime: Bool = false
  ) async throws -> NATReport {
    precondition(run == nil, "one discovery at a time: make another \(NATDiscovery.self)")
    do {
      return try await discover(server, measuresLifetime)
    } catch NATDiscoveryError.noAnswer(server) {
      throw await reachesOverTCP(server) ? NATDiscoveryError.udpBlocked(server) : .noAnswer(server)
    }
  }

  private func discover(_ server: SocketAddress, _ measuresLifetime: Bool) async throws -> NATReport {
    let own = try machine.interfaces().flatMap(\.addresses).map(\.ip).filter { $0.family == server.ip.family }
    guard own.contains(where: { $0.isLoopback == server.ip.isLoopback }) else {
      throw NATDiscoveryError.noNetwork(server.ip.family)
    }
    let core = NATDiscoveryCore(
      server, ownAddresses: own, measuresLifetime: measuresLifetime, random: machine.random)
    let run = Run(core)
    self.run = run
    defer { end() }
    for number in 0..<core.socketCount {
      let socket = try machine.bindUDP(to: .any(server.ip.family))
      run.sockets.append(socket)
      socket.deliver(to: self) { discovery, batch in discovery.take(batch, on: number) }
    }
    run.timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.deadlinePassed() } }
    run.core.begin(run.sockets.map(\.localAddress.port), at: machine.now)
    drain()
    return try await machine.suspend({ [machine] in "what the NAT before \(machine.name) does" }) { wait in
      run.wait = wait
      finishIfDone()
    }
  }

  private func end() {
    run?.timer?.cancel()
    for socket in run?.sockets ?? [] { socket.close() }
    run = nil
  }

  /// Whether the server is there, and UDP alone does not get through.
  private func reachesOverTCP(_ server: SocketAddress) async -> Bool {
    let machine = machine
    let reached = try? await machine.withDeadline(DiscoveryLimits.tcpPatience) {
      try await machine.connectTCP(to: server).close()
      return true
    }
    return reached == true
  }

  // MARK: Driving the core

  private func take(_ batch: borrowing DatagramBatch, on socket: Int) {
    guard let run else { return }
    let now = machine.now
    batch.forEach { run.core.receive($0.payload, on: socket, at: $0.localIP, from: $0.source, at: now) }
    drain()
  }

  private func deadlinePassed() {
    run?.core.handleDeadline(at: machine.now)
    drain()
  }

  private func drain() {
    guard let run else { return }
    while let transmit = run.core.pollTransmit(into: &run.writer) {
      run.outbox.append(run.writer.bytes, to: transmit.destination)
      run.sockets[transmit.socket].sendOrDrop(&run.outbox)
    }
    if let next = run.core.nextDeadline { run.timer?.schedule(at: next) } else { run.timer?.cancel() }
    finishIfDone()
  }

  private func finishIfDone() {
    guard let run, let outcome = run.core.outcome, let wait = run.wait else { return }
    run.wait = nil
    switch outcome {
    case .success(let report): wait.succeed(report)
    case .failure(let error): wait.fail(error)
    }
  }
}
