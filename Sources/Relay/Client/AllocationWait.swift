import WarrenMachine

/// What a relay says to whoever asks it for an address, and who waits for that. Used on the machine's executor alone.
final class AllocationWait: @unchecked Sendable {
  private var outcome: RelayOutcome?
  private var waiting: Wait<RelayOutcome>?

  /// Whether it has said something.
  var hasEnded: Bool { outcome != nil }

  /// What it says, as soon as it has.
  func outcome(of relay: SocketAddress, on machine: any Machine) async throws -> RelayOutcome {
    try await machine.suspend({ "relay \(relay)" }) { (wait: Wait<RelayOutcome>) in
      if let outcome { wait.succeed(outcome) } else { waiting = wait }
    }
  }

  /// Takes what has happened, if it is about that.
  func take(_ event: AllocationCore.Event) {
    switch event {
    case .allocated: end(.allocated)
    case .redirected(let address, let domain): end(.redirected(address, domain: domain))
    case .failed(let error): end(.failed(error))
    case .lost, .usable, .refused, .moved, .connected, .arrived, .barred: return
    }
  }

  private func end(_ outcome: RelayOutcome) {
    self.outcome = outcome
    waiting?.succeed(outcome)
    waiting = nil
  }
}
