import WarrenMachine
import WarrenSTUN

/// Finds out for how long a mapping is kept that nobody uses, on sockets of its own, in the background. Used on the machine's
/// executor alone.
public final class MappingLifetime: @unchecked Sendable {
  /// Who is asked.
  public let server: SocketAddress
  private let machine: any Machine
  private let done: (MappingLifetimeCore.Outcome) -> Void
  private var core: MappingLifetimeCore
  private var sockets: [any UDPSocket] = []
  private var timer: MachineTimer?
  private var writer = STUNMessageWriter()
  private var outbox = DatagramOutbox(byteCapacity: 2048, runCapacity: 16)

  /// - Parameter done: called once, when it is known, and never where it is stopped before.
  public init(
    asking server: SocketAddress, on machine: any Machine,
    _ done: @escaping (MappingLifetimeCore.Outcome) -> Void
  ) throws {
    self.server = server
    self.machine = machine
    self.done = done
    core = MappingLifetimeCore(server, random: machine.random, at: machine.now)
    do {
      for number in 0..<core.socketCount {
        let socket = try machine.bindUDP(to: .any(server.ip.family))
        sockets.append(socket)
        socket.onDatagrams = { [weak self] batch in self?.take(batch, on: number) }
      }
    } catch {
      stop()
      throw error
    }
    timer = machine.makeTimer { [weak self] in self?.deadlinePassed() }
    drain()
  }

  /// Gives back its sockets.
  public func stop() {
    timer?.cancel()
    timer = nil
    for socket in sockets { socket.close() }
    sockets = []
  }

  private func take(_ batch: borrowing DatagramBatch, on number: Int) {
    let now = machine.now
    batch.forEach { core.receive($0.payload, on: number, from: $0.source, at: now) }
    drain()
  }

  private func deadlinePassed() {
    core.handleDeadline(at: machine.now)
    drain()
  }

  private func drain() {
    guard !sockets.isEmpty else { return }
    while let transmit = core.pollTransmit(into: &writer) {
      outbox.append(writer.bytes, to: transmit.destination)
      sockets[transmit.socket].sendOrDrop(&outbox)
    }
    if let outcome = core.outcome {
      stop()
      done(outcome)
    } else if let next = core.nextDeadline {
      timer?.schedule(at: next)
    }
  }
}
