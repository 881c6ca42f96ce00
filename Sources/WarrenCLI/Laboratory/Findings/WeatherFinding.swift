import WarrenLaboratory
import WarrenMachine

/// How transfers came through one weather.
struct WeatherFinding: Finding {
  let trial: TransferTrial
  let runs: [(seed: UInt64, outcome: TransferTrial.Outcome)]

  static let heading = [pad("", 28), pad("right", 12), pad("median", 10), "worst"].joined(separator: " ")

  var faults: [Fault] {
    runs.compactMap { run in run.outcome.failure.map { Fault(seed: run.seed, why: $0) } }
  }

  private var times: [Duration] { runs.filter { $0.outcome.failure == nil }.map(\.outcome.time).sorted() }

  var text: String {
    let row = [
      pad("\(trial)", 28), pad("\(times.count) of \(runs.count)", 12), pad(seconds(times.median), 10),
      seconds(times.last),
    ]
    return ([row.joined(separator: " ")] + faults.map(\.text)).joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      ("weather", .text("\(trial)")), ("runs", .number(runs.count)), ("right", .number(times.count)),
      ("median_ms", .milliseconds(times.median)), ("worst_ms", .milliseconds(times.last)),
      ("faults", faults.json),
    ])
  }
}
