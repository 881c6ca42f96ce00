import Warren
import WarrenScenarios

/// What came of several scenarios, in words and as JSON.
struct SimulationReport {
  var seeds: ClosedRange<UInt64>
  var isChaotic: Bool
  var scenarios: [Scenario] = []
  var verdicts: [ScenarioSweep.Verdict] = []

  /// Failing seeds of one scenario that are told: the others fail alike, most often.
  private static let shown = 5

  func lines(of verdict: ScenarioSweep.Verdict) -> [String] {
    let kinds = verdict.kinds.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", ")
    let times = verdict.times
    let median = times.isEmpty ? nil : times[times.count / 2]
    let head = pad(verdict.name, 26)
    guard !verdict.failures.isEmpty else {
      let silence = verdict.silences.last.map { seconds($0) } ?? ""
      return [
        "  \(head) right   heard after \(seconds(median)), \(seconds(times.last)) at most; silent for \(silence) at most; \(kinds)"
      ]
    }
    var lines = ["  \(head) WRONG in \(verdict.failures.count) of \(verdict.seeds) seeds"]
    for failure in verdict.failures.prefix(Self.shown) {
      for fault in failure.faults.prefix(3) { lines.append("    seed \(failure.seed): \(fault)") }
    }
    return lines
  }

  /// How often each rule was put to the test.
  private var trials: [Rule: Int] {
    verdicts.reduce(into: [:]) { $0.merge($1.trials, uniquingKeysWith: +) }
  }

  /// Rules that could have been broken, and were never put to the test.
  var untried: [Rule] { Rule.untried(trials, by: scenarios, isChaotic: isChaotic) }

  /// The last lines: what was put to the test, and how often.
  var summary: [String] {
    let wrong = verdicts.filter { !$0.failures.isEmpty }.count
    let rules = Rule.allCases.map { "\($0.rawValue) \(trials[$0, default: 0])" }.joined(separator: ", ")
    let faults = verdicts.reduce(0) { $0 + $1.faultsOfChaos }
    return [
      "",
      "\(verdicts.count) scenarios, \(seeds.count) seeds each\(isChaotic ? ", \(faults) things that went wrong" : ""): \(verdicts.count - wrong) right, \(wrong) wrong.",
      "Put to the test: \(rules).",
    ]
  }

  var json: JSONValue {
    .object([
      ("seeds", .number(seeds.count)), ("first_seed", .number(Int(clamping: seeds.lowerBound))),
      ("chaos", .flag(isChaotic)),
      ("wrong", .number(verdicts.filter { !$0.failures.isEmpty }.count)),
      ("untried", .list(untried.map { .text($0.rawValue) })),
      ("scenarios", .list(verdicts.map(Self.json(of:)))),
    ])
  }

  static func json(of verdict: ScenarioSweep.Verdict) -> JSONValue {
    let times = verdict.times
    return .object([
      ("name", .text(verdict.name)),
      ("median_ms", times.isEmpty ? .nothing : .real(times[times.count / 2].milliseconds)),
      ("longest_ms", times.last.map { .real($0.milliseconds) } ?? .nothing),
      ("longest_silence_ms", verdict.silences.last.map { .real($0.milliseconds) } ?? .nothing),
      (
        "ways",
        .object(
          verdict.kinds.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            ($0.key.rawValue, .number($0.value))
          })
      ),
      ("rules", .object(Rule.allCases.map { ($0.rawValue, .number(verdict.trials[$0, default: 0])) })),
      ("hash", .text(String(verdict.hash, radix: 16))),
      (
        "failures",
        .list(
          verdict.failures.map { failure in
            .object([
              ("seed", .number(Int(clamping: failure.seed))),
              ("faults", .list(failure.faults.map { .text("\($0)") })),
            ])
          })
      ),
    ])
  }
}
