import WarrenMachine

/// Tries several things, each a little after the one before or as soon as that has failed, until one succeeds (RFC 8305, 5).
final class RelayRace<Value: Sendable>: @unchecked Sendable {
  // It is used on the machine's executor alone: hence `@unchecked`.
  private let machine: any Machine
  private let count: Int
  private let attempt: @Sendable (Int) async throws -> Value
  private let discard: @Sendable (Value) -> Void
  private var begun = 0
  private var tasks: [Task<Void, any Error>] = []
  private var errors: [(place: Int, error: RelayError)] = []
  private var wait: Wait<Value>?
  private var timer: MachineTimer?

  /// - Parameter discard: gives back what succeeds too late.
  init(
    on machine: any Machine, of count: Int, _ attempt: @escaping @Sendable (Int) async throws -> Value,
    discard: @escaping @Sendable (Value) -> Void
  ) {
    self.machine = machine
    self.count = count
    self.attempt = attempt
    self.discard = discard
  }

  /// What the first that succeeds brings.
  ///
  /// - Throws: the most telling of the errors where none does.
  func run() async throws -> Value {
    timer = machine.makeTimer { [weak self] in self?.beginNext() }
    return try await machine.suspend({ "the first of some relays" }) { (wait: Wait<Value>) in
      self.wait = wait
      wait.onEnd = { [self] in
        timer?.cancel()
        timer = nil
        for task in tasks { task.cancel() }
        tasks = []
      }
      beginNext()
    }
  }

  private func beginNext() {
    guard begun < count, let wait, !wait.hasEnded else { return }
    let place = begun
    begun += 1
    if begun < count { timer?.schedule(at: machine.now.advanced(by: RelayClientLimits.stagger)) }
    tasks.append(
      machine.spawn("relay \(place)") { [self] in
        do { succeeded(try await attempt(place)) } catch { failed(error, place) }
      })
  }

  private func succeeded(_ value: Value) {
    guard let wait, !wait.hasEnded else { return discard(value) }
    wait.succeed(value)
  }

  private func failed(_ error: any Error, _ place: Int) {
    errors.append((place, RelayError(error)))
    if begun < count { return beginNext() }
    guard errors.count == count else { return }
    // Of those that say as much, the first that was named.
    let most = errors.map(\.error.weight).max() ?? 0
    let first = errors.filter { $0.error.weight == most }.min { $0.place < $1.place }
    wait?.fail(first?.error ?? RelayError(.noServers))
  }
}
