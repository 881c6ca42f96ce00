import WarrenLaboratory
import WarrenMachine

/// How many connections came about in storms, and in the calm after them.
struct StormFinding: Finding {
  let runs: [(seed: UInt64, outcome: PeerStorm.Outcome)]

  private var asked: Int { runs.reduce(0) { $0 + $1.outcome.asked } }
  private var connected: Int { runs.reduce(0) { $0 + $1.outcome.connected } }
  private var times: [Duration] { runs.flatMap(\.outcome.times).sorted() }

  var faults: [Fault] {
    runs.flatMap { run in run.outcome.faults.map { Fault(seed: run.seed, why: $0) } }
  }

  var text: String {
    let lines = [
      "In the storm \(connected) of \(asked) came about. When it was calm again, \(times.count) did, half of them",
      "within \(seconds(times.median)), the slowest within \(seconds(times.last)).",
    ]
    return (faults.map(\.text) + lines).joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      ("asked", .number(asked)), ("connected", .number(connected)),
      ("connected_in_calm", .number(times.count)),
      ("median_ms", .milliseconds(times.median)), ("slowest_ms", .milliseconds(times.last)),
      ("faults", faults.json),
    ])
  }
}
