import WarrenMachine
import WarrenTraversal

extension HolePuncher {
  /// Two that tell each other all they signal, each signal so long on its way.
  public static func pair(
    on alice: any Machine, _ bob: any Machine, _ configuration: PunchConfiguration,
    signalDelay: Duration = .zero
  ) -> (HolePuncher, HolePuncher) {
    let a = HolePuncher(on: alice, role: .controlling, configuration)
    let b = HolePuncher(on: bob, role: .controlled, configuration)
    for (from, to) in [(a, b), (b, a)] {
      from.machine.spawn("signals") {
        for await signal in from.signals {
          if signalDelay > .zero { try await from.machine.sleep(for: signalDelay) }
          await to.receive(signal)
        }
      }
    }
    return (a, b)
  }

  /// The first description that it signals; nil when it is closed before.
  public nonisolated var firstDescription: ICEDescription? {
    get async {
      for await signal in signals {
        if case .description(let description) = signal.content { return description }
      }
      return nil
    }
  }
}
