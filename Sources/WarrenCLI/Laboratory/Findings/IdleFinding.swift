import WarrenLaboratory
import WarrenMachine

/// What a silent connection costs behind NATs that keep mappings for so long.
struct IdleFinding: Finding {
  /// In seconds.
  let life: UInt64
  let minutes: UInt64
  let outcome: IdleTrial.Outcome

  static let heading =
    "  \(pad("mappings live", 15)) alive every   \(columns(["straight", "relay", "registry", "all"]))"

  private var rates: [Double] {
    let all = [outcome.straight, outcome.relayed, outcome.registry]
    let rates = all.map { Double($0.bytes) / Double(minutes * 60) }
    return rates + [rates.reduce(0, +)]
  }

  var text: String {
    let texts = rates.map { "\(Self.tenths($0)) B/s" }
    let row =
      "  \(pad("\(life) s", 15)) \(pad(seconds(outcome.pauses.sorted().median), 13)) \(Self.columns(texts))"
    return ([row] + outcome.faults.map { "    \($0)" }).joined(separator: "\n")
  }

  var json: JSONValue {
    let names = ["straight", "relay", "registry", "all"]
    return .object([
      ("mappings_live_s", .number(Int(clamping: life))),
      ("alive_every_ms", .milliseconds(outcome.pauses.sorted().median)),
      ("bytes_per_second", .object(zip(names, rates).map { ($0, .real($1)) })),
      ("faults", .list(outcome.faults.map { .text($0) })),
    ])
  }

  private static func columns(_ texts: [String]) -> String { texts.map { pad($0, 12) }.joined() }

  private static func tenths(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
