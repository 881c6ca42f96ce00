import Warren

extension Rule {
  /// Whether there is something in a scenario that can break it.
  func applies(to scenario: Scenario, isChaotic: Bool = false) -> Bool {
    let connects = scenario.timeline.contains(where: \.isConnecting)
    switch self {
    case .noStorm, .nothingLeft, .sameRun: return true
    case .everyByte, .rightPeer: return connects
    case .agreement, .promise, .noSilence:
      return connects && !scenario.timeline.contains(where: \.isForGood)
    case .expectation:
      let expected = scenario.expectations.filter {
        if case .refusal = $0 { true } else { !isChaotic }
      }
      return !expected.isEmpty || !Stage.hidden(in: scenario).isEmpty
    }
  }

  /// Those that several scenarios could have broken, and that were never put to the test: whoever relies on them proves nothing. Of
  /// one scenario nothing is expected.
  public static func untried(
    _ trials: [Rule: Int], by scenarios: [Scenario], isChaotic: Bool = false
  ) -> [Rule] {
    guard scenarios.count > 1 else { return [] }
    return allCases.filter { rule in
      trials[rule, default: 0] == 0 && scenarios.contains { rule.applies(to: $0, isChaotic: isChaotic) }
    }
  }
}
