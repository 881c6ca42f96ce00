import WarrenMachine

/// Why a simulation could not go on.
public enum RunError: Error, Hashable, Sendable {
  /// Nothing can run and no timer is left, but somebody still waits.
  case stuck(seed: UInt64, at: Instant, waiting: [String], tasks: [String])
  /// A job left the simulation, so that it would no longer be the same every time.
  case escaped(seed: UInt64, at: Instant, jobs: [String])
  /// Jobs go on and on and no time passes.
  case spinning(seed: UInt64, at: Instant, tasks: [String])
  /// It ran for as long as it may, in the simulation's time.
  case ranTooLong(seed: UInt64, limit: Duration, waiting: [String])
}

extension RunError: CustomStringConvertible {
  /// What happened, when, with which seed, and who is concerned.
  public var description: String {
    switch self {
    case .stuck(let seed, let time, let waiting, let tasks):
      """
      the simulation is stuck at \(time) (seed \(seed)): nothing can run, no packet is on its way and no timer is set, while
      \(RunError.list(waiting, orElse: "nobody waits in a call of a machine: look for a continuation that is never resumed, or for Task.sleep, which sleeps by another clock"))
      tasks that have not ended:
      \(RunError.list(tasks, orElse: "none that a machine spawned"))
      """
    case .escaped(let seed, let time, let jobs):
      """
      a job left the simulation before \(time) (seed \(seed)): start tasks with machine.spawn, and wait with machine.sleep
      \(RunError.list(jobs, orElse: "unknown"))
      """
    case .spinning(let seed, let time, let tasks):
      """
      the simulation spins at \(time) (seed \(seed)): job follows job and no time passes
      \(RunError.list(tasks, orElse: "no task that a machine spawned"))
      """
    case .ranTooLong(let seed, let limit, let waiting):
      """
      the simulation has run for \(limit) of its own time (seed \(seed)) and not ended
      \(RunError.list(waiting, orElse: "nobody waits in a call of a machine"))
      """
    }
  }

  private static func list(_ lines: [String], orElse empty: String) -> String {
    lines.isEmpty ? "  (\(empty))" : lines.map { "  - \($0)" }.joined(separator: "\n")
  }
}
