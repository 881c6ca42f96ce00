import WarrenMachine
import WarrenTraversal

/// Finds out in the background how often a peer's connections must say that they are alive. Used on the machine's executor alone.
final class KeepAliveWatcher: @unchecked Sendable {
  private let machine: any Machine
  private var core: KeepAliveCore
  private let changed: (KeepAliveIntervals) -> Void
  private var measurements: [MappingLifetime] = []

  /// - Parameter changed: called when something is known that was not, or not known any more.
  init(beginning: Duration, on machine: any Machine, _ changed: @escaping (KeepAliveIntervals) -> Void) {
    self.machine = machine
    self.changed = changed
    core = KeepAliveCore(beginning: beginning)
  }

  /// How often something is to be sent.
  var intervals: KeepAliveIntervals { core.intervals }

  /// Begins to measure where it is time to.
  ///
  /// - Parameter servers: who can be asked.
  func look(isConnected: Bool, _ servers: [SocketAddress]) {
    core.look(isConnected: isConnected, at: machine.now)
    for server in servers where core.beginsMeasuring(server.ip.family, at: machine.now) {
      measure(asking: server)
    }
  }

  private func measure(asking server: SocketAddress) {
    let measurement = try? MappingLifetime(asking: server, on: machine) { [weak self] outcome in
      self?.measured(outcome, asking: server)
    }
    guard let measurement else { return measured(.unknown, asking: server) }
    measurements.append(measurement)
  }

  private func measured(_ outcome: MappingLifetimeCore.Outcome, asking server: SocketAddress) {
    measurements.removeAll { $0.server == server }
    core.measured(outcome, server.ip.family)
    changed(core.intervals)
  }

  /// What is known was of another network.
  func networkChanged() {
    stop()
    core.networkChanged(at: machine.now)
    changed(core.intervals)
  }

  /// Gives back all that it has.
  func stop() {
    for measurement in measurements { measurement.stop() }
    measurements = []
  }
}
