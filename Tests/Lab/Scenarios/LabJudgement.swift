import Warren
import WarrenMachine

@testable import WarrenScenarios

/// What came of a scenario in the lab, held to what it expects itself and to what the oracle promises.
struct LabJudgement {
  private(set) var faults: [String] = []
  /// For a person.
  private(set) var line = ""

  init(_ scenario: Scenario, _ outcome: LabStage.Outcome) {
    line = outcome.talks.map { Self.words(answered: $0.answered, ways: $0.ways, silence: $0.silence) }.joined(
      separator: "; ")
    let oracle = Oracle(scenario)
    for talk in outcome.talks {
      let promise = oracle.promise(talk.caller, talk.called)
      guard let kind = talk.ways.last?.kind, talk.answered != nil else {
        faults.append("\(talk.caller) has not heard of \(talk.called): \(talk.failure ?? "")")
        continue
      }
      if !talk.isComplete { faults.append("\(talk.caller) has not heard all answers of \(talk.called)") }
      // What happens on the way is over when the talk is, and not yet mended everywhere.
      if scenario.timeline.allSatisfy(\.isConnecting), !promise.kinds.contains(kind) {
        let kinds = promise.kinds.map(\.rawValue).sorted().joined(separator: " or ")
        faults.append("\(talk.caller) and \(talk.called): it goes \(kind), and should go \(kinds)")
      }
    }
    for expectation in scenario.expectations { judge(expectation, outcome) }
    if !faults.isEmpty { line += "  <- not as it should be" }
  }

  private mutating func judge(_ expectation: Expectation, _ outcome: LabStage.Outcome) {
    switch expectation {
    case .packets(let name, let most):
      let sent = outcome.sent[name, default: 0]
      if sent > most { faults.append("\(name) has sent \(sent) packets, and should send \(most) at most") }
    case .refusal(let one, let other):
      let isAnswered = outcome.talks.contains { $0.caller == one && $0.called == other && $0.answered != nil }
      if isAnswered { faults.append("\(one) is connected with \(other)") }
    case .connection(let one, let other, let wishes):
      guard let talk = outcome.talks.first(where: { $0.caller == one && $0.called == other }) else { return }
      judge(talk, wishes)
    // What the lab leaves to the simulator: see `LabStage.obstacle`.
    case .arrivals, .echo, .noEcho, .mesh, .heard: break
    }
  }

  private mutating func judge(_ talk: LabTalk.Outcome, _ wishes: Expectation.Wishes) {
    let name = "\(talk.caller) and \(talk.called)"
    let kinds = talk.ways.map(\.kind.rawValue).joined(separator: ", then ")
    if let within = wishes.within, let answered = talk.answered, answered > within + LabLimits.slack {
      faults.append("\(name) have heard of each other after \(answered)")
    }
    if let kind = wishes.lastKind, kind != talk.ways.last?.kind { faults.append("\(name): it went \(kinds)") }
    if let changes = wishes.changes, talk.ways.count > changes + 1 {
      faults.append("\(name): it went \(kinds)")
    }
    if let silence = wishes.silence, talk.silence > silence + LabLimits.slack {
      faults.append("\(name): nothing came for \(talk.silence)")
    }
  }

  /// `heard after 131 ms: direct after 79 ms; silent for 102 ms`.
  static func words(answered: Duration?, ways: [Scenario.Way], silence: Duration) -> String {
    let ways = ways.map { "\($0.kind) after \(text($0.since))" }.joined(separator: ", ")
    return "heard after \(answered.map(text) ?? "no time at all"): \(ways); silent for \(text(silence))"
  }

  private static func text(_ time: Duration) -> String { "\(Int((time / .milliseconds(1)).rounded())) ms" }
}
