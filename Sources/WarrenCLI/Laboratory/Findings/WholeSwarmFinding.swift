import WarrenLaboratory
import WarrenMachine

/// What whole nodes of a mesh have done.
struct WholeSwarmFinding: Finding {
  let nodes: Int
  let runs: [(seed: UInt64, outcome: MeshTrial.Outcome)]

  var faults: [Fault] {
    runs.flatMap { run in run.outcome.faults.map { Fault(seed: run.seed, why: $0) } }
  }

  var text: String {
    let lines = [
      "  \(nodes) nodes: all joined within \(seconds(most(\.joining))), a death known to all within \(seconds(most(\.dying))),",
      "    that one has left within \(seconds(most(\.leaving))); a node has \(neighbours) neighbours",
    ]
    return (faults.map { "  \(nodes) nodes, seed \($0.seed): \($0.why)" } + lines).joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      ("nodes", .number(nodes)), ("runs", .number(runs.count)), ("joined_ms", .milliseconds(most(\.joining))),
      ("death_known_ms", .milliseconds(most(\.dying))), ("leaving_known_ms", .milliseconds(most(\.leaving))),
      ("neighbours", .real(neighbours)), ("faults", faults.json),
    ])
  }

  private func most(_ value: (MeshTrial.Outcome) -> Duration?) -> Duration? {
    runs.compactMap { value($0.outcome) }.max()
  }

  private var neighbours: Double {
    (runs.map(\.outcome.neighbours).reduce(0, +) / Double(runs.count) * 10).rounded() / 10
  }
}
