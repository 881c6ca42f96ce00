import WarrenLaboratory
import WarrenMachine

/// How one who takes part in a contest has fared.
struct ContestFinding: Finding {
  /// Against what.
  let rival: String
  let name: String
  let spread: Spread

  static let heading =
    [pad("", 16), pad("found", 9), pad("p50", 9), pad("p99", 9), pad("p99.9", 9), "kB at p50, p99"]
    .joined(separator: " ")

  var text: String {
    let bytes = [0.5, 0.99].map { spread.bytes($0).map { "\(($0 + 500) / 1000)" } ?? "-" }
    let share = (spread.success * 10_000).rounded() / 100
    return [
      pad(name, 16), pad("\(share) %", 9), pad(seconds(spread.time(0.5)), 9),
      pad(seconds(spread.time(0.99)), 9),
      pad(seconds(spread.time(0.999)), 9), bytes.joined(separator: ", "),
    ].joined(separator: " ")
  }

  var json: JSONValue {
    .object([
      ("against", .text(rival)), ("name", .text(name)), ("found_percent", .percent(spread.success)),
      ("p50_ms", .milliseconds(spread.time(0.5))), ("p99_ms", .milliseconds(spread.time(0.99))),
      ("p999_ms", .milliseconds(spread.time(0.999))),
      ("p50_bytes", spread.bytes(0.5).map { .number($0) } ?? .nothing),
      ("p99_bytes", spread.bytes(0.99).map { .number($0) } ?? .nothing),
    ])
  }
}
