import Warren
import WarrenScenarios

/// How many of an internet are connected, and how, in words and as JSON.
struct InternetReport {
  let peers: Int
  let outcome: Scenario.Outcome

  private var asked: Int { outcome.conversations.count }
  private var answered: [Duration] { outcome.conversations.compactMap(\.answered).sorted() }

  private func count(_ kind: Path.Kind) -> Int { outcome.finalKinds[kind, default: 0] }
  private var pairs: Int { outcome.finalKinds.values.reduce(0, +) }

  private func percent(_ part: Int, of whole: Int) -> String {
    let tenths = whole == 0 ? 0 : (part * 2000 + whole) / (2 * whole)
    return "\(tenths / 10).\(tenths % 10) %"
  }

  var lines: [String] {
    let times = answered
    let straight = count(.direct) + count(.tcp)
    return [
      "\(peers) peers, seed \(outcome.seed): \(asked) connections were asked for while programs came and went, \(times.count) of them answered,",
      "half of these within \(seconds(times.isEmpty ? nil : times[times.count / 2])), 99 % within \(seconds(times.isEmpty ? nil : times[times.count * 99 / 100])).",
      "When it was calm, \(pairs) pairs were connected: \(percent(straight, of: pairs)) straight (\(count(.tcp)) of them over TCP), \(percent(count(.relayed), of: pairs)) over a relay,",
      "\(percent(outcome.relayedForWant, of: pairs)) because there is no other way for them.",
    ] + outcome.judgement.faults.map { "  WRONG: \($0)" }
  }

  var json: JSONValue {
    let times = answered
    return .object([
      ("peers", .number(peers)), ("seed", .number(Int(clamping: outcome.seed))), ("asked", .number(asked)),
      ("answered", .number(times.count)),
      ("median_ms", times.isEmpty ? .nothing : .real(times[times.count / 2].milliseconds)),
      ("ways", .object(Path.Kind.allCases.map { ($0.rawValue, .number(count($0))) })),
      ("relayed_for_want", .number(outcome.relayedForWant)),
      ("faults", .list(outcome.judgement.faults.map { .text("\($0)") })),
    ])
  }
}
