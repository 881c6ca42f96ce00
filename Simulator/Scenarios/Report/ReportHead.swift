import Warren

/// What a report begins with: how much there was, how much of it was right, and what was put to the test.
struct ReportHead {
  let report: ScenarioReport

  private var wrong: Int { report.verdicts.count { !$0.failures.isEmpty } }
  private var trials: [Rule: Int] {
    report.verdicts.reduce(into: [:]) { $0.merge($1.trials, uniquingKeysWith: +) }
  }

  var html: Markup {
    let simulated = report.verdicts.reduce(Duration.zero) { $0 + $1.simulated }
    let faults = report.verdicts.reduce(0) { $0 + $1.faultsOfChaos }
    return """
      <header><p class="kicker">Warren, in a simulated internet</p><h1>\(sentence)</h1><dl class="figures">\
      \(figure(report.verdicts.count.reading, report.verdicts.count == 1 ? "scenario" : "scenarios"))\
      \(figure(report.seeds.count.reading, seedsInWords))\
      \(figure((report.verdicts.count - wrong).reading, "right"))\(figure(wrong.reading, "wrong", isBad: wrong > 0))\
      \(figure(simulated.reading, "of simulated life"))\
      \(report.isChaotic ? figure(faults.reading, "things that went wrong besides") : "")</dl></header>\(rules)
      """
  }

  private var sentence: String {
    switch (report.verdicts.count, wrong) {
    case (0, _): "Nothing was tried."
    case (1, 0): "All is well."
    case (let count, 0): "All \(count.reading) scenarios are right."
    case (let count, let wrong):
      "\(wrong.reading) of \(count.counted("scenario")) \(wrong == 1 ? "is" : "are") wrong."
    }
  }

  private var seedsInWords: String {
    report.seeds.count == 1 ? "seed: \(report.seeds.lowerBound)" : "seeds each"
  }

  private func figure(_ number: String, _ name: String, isBad: Bool = false) -> Markup {
    "<div\((isBad ? " class=\"bad\"" : "") as Markup)><dd>\(number)</dd><dt>\(name)</dt></div>"
  }

  private var rules: Markup {
    let most = Double(max(1, trials.values.max() ?? 1)).squareRoot()
    let broken = report.verdicts.reduce(into: [Rule: Int]()) { broken, verdict in
      for fault in verdict.failures.flatMap(\.faults) { broken[fault.rule, default: 0] += 1 }
    }
    return """
      <section aria-labelledby="rules"><h2 id="rules">What was put to the test</h2><table class="rules"><thead><tr>\
      <th scope="col">Rule</th><th scope="col">What it says</th><th scope="col" class="number">Looked at</th><th scope="col" class="number">Broken</th></tr></thead><tbody>\
      \(Rule.allCases.map { row($0, trials[$0, default: 0], broken[$0, default: 0], most) })</tbody></table></section>
      """
  }

  private func row(_ rule: Rule, _ count: Int, _ broken: Int, _ most: Double) -> Markup {
    let width = 64 * Double(count).squareRoot() / most
    return """
      <tr><th scope="row">\(rule.rawValue)</th><td>\(rule.sentence)</td><td class="number">\(count.reading) \
      <svg class="bar" aria-hidden="true" width="64" height="8" viewBox="0 0 64 8"><rect x="0" y="0" width="\(width)" height="8"/></svg></td>\
      <td class="number\(broken > 0 ? " bad" : "")">\(broken.reading)</td></tr>
      """
  }
}

extension Rule {
  /// What it says.
  var sentence: String {
    switch self {
    case .everyByte: "No byte is lost, doubled or changed."
    case .rightPeer: "Nobody is connected with somebody else than they believe."
    case .agreement: "The two ends agree on whether they are connected."
    case .promise: "When nothing is broken any more, all are connected as well as their NATs allow."
    case .noStorm: "Nobody sends more packets than what is said can need."
    case .noSilence:
      "Nothing that is possible has stopped being tried: who can is registered, and connections are kept alive, and improved."
    case .nothingLeft: "When all is closed nothing is left: tasks, waits, sockets, mappings."
    case .sameRun: "The same seed gives the same run."
    case .expectation: "What the scenario itself expects comes about."
    }
  }
}
