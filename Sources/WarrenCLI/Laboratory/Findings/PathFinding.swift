import WarrenLaboratory
import WarrenMachine

/// What became of connections in one scenario.
struct PathFinding: Finding {
  let name: String
  let runs: [(seed: UInt64, outcome: PathTrial.Outcome)]

  var faults: [Fault] {
    runs.flatMap { run in run.outcome.faults.map { Fault(seed: run.seed, why: $0) } }
  }

  private var silences: [Duration] { runs.map(\.outcome.longestSilence).sorted() }

  private var kinds: [String] { runs.first?.outcome.kinds.map(\.rawValue) ?? [] }

  var text: String {
    let row =
      "  \(pad(name, 28)) \(seconds(silences.median)) \(seconds(silences.last))   \(kinds.joined(separator: ", "))"
    return ([row] + faults.map { "  \($0.text)" }).joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      ("scenario", .text(name)), ("median_silence_ms", .milliseconds(silences.median)),
      ("longest_silence_ms", .milliseconds(silences.last)), ("paths", .list(kinds.map { .text($0) })),
      ("faults", faults.json),
    ])
  }
}
