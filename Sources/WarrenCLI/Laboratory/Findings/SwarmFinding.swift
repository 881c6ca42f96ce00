import WarrenLaboratory
import WarrenMachine

/// What nodes of a mesh have done, their cores alone.
struct SwarmFinding: Finding {
  let nodes: Int
  /// For how long nothing was to happen; 0 where something was.
  let hours: Int
  let runs: [(seed: UInt64, outcome: SwarmTrial.Outcome)]

  private typealias Outcome = SwarmTrial.Outcome

  var faults: [Fault] {
    runs.flatMap { run in run.outcome.faults.map { Fault(seed: run.seed, why: $0) } }
  }

  var text: String {
    let lines = faults.map { "  \(nodes) nodes, seed \($0.seed): \($0.why)" }
    return (hours > 0 ? lines : lines + [summary]).joined(separator: "\n")
  }

  private var summary: String {
    """
      \(nodes) nodes: all joined within \(seconds(most(\.joining))), a death known to all within \(seconds(most(\.dying)));
        a node has \(tenths(\.links)) neighbours and sends \(tenths(\.bytes)) B/s in \(tenths(\.packets)) packets; a broadcast costs
        \(tenths(\.copies)) copies and \(tenths(\.words)) words for each node that hears it
    """
  }

  var json: JSONValue {
    let head: [(String, JSONValue)] = [("nodes", .number(nodes)), ("runs", .number(runs.count))]
    let found: [(String, JSONValue)] =
      hours > 0
      ? [("hours", .number(hours))]
      : [
        ("joined_ms", .milliseconds(most(\.joining))), ("death_known_ms", .milliseconds(most(\.dying))),
        ("neighbours", .real(tenths(\.links))), ("bytes_per_second", .real(tenths(\.bytes))),
        ("packets_per_second", .real(tenths(\.packets))), ("copies", .real(tenths(\.copies))),
        ("words", .real(tenths(\.words))),
      ]
    return .object(head + found + [("faults", faults.json)])
  }

  /// Nil where it never was in some run.
  private func most(_ value: (Outcome) -> Duration?) -> Duration? {
    let all = runs.map { value($0.outcome) }
    return all.contains(nil) ? nil : all.compactMap { $0 }.max()
  }

  private func tenths(_ value: (Outcome) -> Double) -> Double {
    (runs.map { value($0.outcome) }.reduce(0, +) / Double(runs.count) * 10).rounded() / 10
  }
}
