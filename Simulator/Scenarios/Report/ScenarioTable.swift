import Warren

/// All scenarios of a report with what came of them, those that went wrong first.
struct ScenarioTable {
  let report: ScenarioReport
  private let scale: SpreadPlot.Scale

  init(_ report: ScenarioReport) {
    self.report = report
    scale = SpreadPlot.Scale(
      report.entries.lazy.flatMap { [$0.verdict.times.first, $0.verdict.times.last] }.compactMap(\.self))
  }

  var html: Markup {
    """
    <section aria-labelledby="scenarios"><h2 id="scenarios">Scenarios</h2>\
    <p class="lead">How long it took until a caller had heard of whom it called, over all seeds: a bar for how often, a mark below for the median. \
    All rows have the one scale, on which each step is ten times the one before.</p>\
    <p class="keys">\(Self.waysKey)</p><div id="tools"></div>\
    <table class="scenarios" role="table"><thead role="rowgroup"><tr role="row">\
    <th role="columnheader" scope="col" data-sort="text">Scenario</th><th role="columnheader" scope="col" data-sort="number">Verdict</th>\
    <th role="columnheader" scope="col" class="plot">Heard after \(SpreadPlot.axis(scale))</th>\
    <th role="columnheader" scope="col" class="number" data-sort="number">Median</th>\
    <th role="columnheader" scope="col" class="number" data-sort="number">Longest</th>\
    <th role="columnheader" scope="col">Ways in the end</th>\
    <th role="columnheader" scope="col" class="number" data-sort="number">Longest silence</th></tr></thead>\
    \(report.ordered.map(row))</table></section>
    """
  }

  /// What colours of ways mean.
  static var waysKey: Markup {
    Markup(
      Path.Kind.allCases.map { kind in
        """
        <span class="key"><svg class="ways" aria-hidden="true" width="22" height="10" viewBox="0 0 22 10"><g class="\(kind.drawnClass)"><rect width="22" height="10"/></g></svg> \(kind.rawValue)</span>
        """
      })
  }

  private func row(_ place: Int, _ entry: ScenarioReport.Entry) -> Markup {
    let verdict = entry.verdict
    let (median, longest) = (verdict.median, verdict.times.last)
    return """
      <tbody role="rowgroup" class="\(verdict.failures.isEmpty ? "right" : "wrong")"><tr role="row">\
      <th role="rowheader" scope="row"><a href="#run\(place)">\(verdict.name)</a><span class="why">\(entry.scenario.reason)</span></th>\
      <td role="cell" data-label="Verdict" data-value="\(verdict.failures.count)">\(Self.mark(verdict))</td>\
      <td role="cell" class="plot" data-label="\(plotLabel)">\(SpreadPlot(times: verdict.times, scale: scale).svg)</td>\
      <td role="cell" class="number" data-label="Median" data-value="\(Self.value(median))">\(median?.reading ?? "–")</td>\
      <td role="cell" class="number" data-label="Longest" data-value="\(Self.value(longest))">\(longest?.reading ?? "–")</td>\
      <td role="cell" data-label="Ways">\(WaysBar(kinds: verdict.kinds).html)</td>\
      <td role="cell" class="number" data-label="Silence" data-value="\(Self.value(verdict.silences.last))">\(verdict.silences.last?.reading ?? "–")</td></tr>\(failures(entry))</tbody>
      """
  }

  /// The sign and the word say the same.
  static func mark(_ verdict: ScenarioSweep.Verdict) -> Markup {
    guard !verdict.failures.isEmpty else { return "<span class=\"mark\">✓ right</span>" }
    return
      "<span class=\"mark\">✗ wrong <span class=\"count\">in \(verdict.failures.count) of \(verdict.seeds)</span></span>"
  }

  /// What the picture is called where the head of its column is not to be seen.
  private var plotLabel: String {
    let ticks = scale.ticks
    return
      "Heard after, from \(SpreadPlot.name(of: ticks[0])) to \(SpreadPlot.name(of: ticks[ticks.count - 1]))"
  }

  private static func value(_ time: Duration?) -> Int64 { time?.wholeNanoseconds ?? -1 }

  /// Which seeds broke what, and how one is seen again.
  private func failures(_ entry: ScenarioReport.Entry) -> Markup {
    let failures = entry.verdict.failures
    guard !failures.isEmpty else { return "" }
    let shown = failures.prefix(ScenarioLimits.toldSeeds)
    let rest = failures.count - shown.count
    return """
      <tr role="row" class="told"><td role="cell" colspan="7"><ul class="failures">\(shown.map(Self.failure))\(rest > 0 ? "<li>and in \(rest.counted("more seed"))</li>" as Markup : "")</ul>\
      <code>\(report.replaying(entry, seed: failures[0].seed))</code></td></tr>
      """
  }

  private static func failure(_ failure: (seed: UInt64, faults: [Judgement.Fault])) -> Markup {
    let shown = failure.faults.prefix(ScenarioLimits.toldFaults)
    let rest = failure.faults.count - shown.count
    let faults = shown.map(\.description).joined(separator: "; ")
    return "<li><b>seed \(failure.seed)</b> \(faults)\(rest > 0 ? "; and \(rest) more" : "")</li>"
  }
}

extension ScenarioSweep.Verdict {
  /// The time in the middle.
  var median: Duration? { times.isEmpty ? nil : times[times.count / 2] }
}
