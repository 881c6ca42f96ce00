import Warren

/// What came of several scenarios, as a page to look at: one file that needs nothing else.
public struct ScenarioReport: Sendable {
  /// With which seeds they were run.
  public var seeds: ClosedRange<UInt64>
  /// Whether things went wrong besides.
  public var isChaotic: Bool
  /// The scenarios, in the order in which they were run.
  public var entries: [Entry] = []
  /// What else there is to show.
  public var heatMaps: [HeatMap] = []
  /// What came of scenarios that are told of by ``heatMaps`` alone.
  public var others: [ScenarioSweep.Verdict] = []

  /// A scenario, and what came of it.
  public struct Entry: Sendable {
    /// Which one.
    public var scenario: Scenario
    /// What came of all seeds.
    public var verdict: ScenarioSweep.Verdict
    /// The run that is drawn.
    public var run: RunInDetail
    /// How `warren simulate` is told of the scenario: its name, or its file.
    public var word: String
  }

  /// Nothing yet.
  public init(seeds: ClosedRange<UInt64>, isChaotic: Bool = false) {
    (self.seeds, self.isChaotic) = (seeds, isChaotic)
  }

  /// The whole page.
  public var html: String {
    let each = entries.isEmpty ? maps : ScenarioTable(self).html + maps + details
    return (Self.beginning + ReportHead(report: self).html + each + Self.end).text
  }

  /// What came of all that was run.
  var verdicts: [ScenarioSweep.Verdict] { entries.map(\.verdict) + others }

  /// Those that went wrong first, each with its number.
  var ordered: [(Int, Entry)] {
    let wrong = entries.filter { !$0.verdict.failures.isEmpty }
    return (wrong + entries.filter(\.verdict.failures.isEmpty)).enumerated().map { ($0, $1) }
  }

  /// The command that shows a run.
  func replaying(_ entry: Entry, seed: UInt64) -> String {
    "warren simulate --replay \(entry.word.asWordOfShell) --seed \(seed)\(isChaotic ? " --chaos" : "")"
  }

  private var maps: Markup {
    guard !heatMaps.isEmpty else { return "" }
    return
      "<section aria-labelledby=\"maps\"><h2 id=\"maps\">At a glance</h2>\(heatMaps.map(\.html))</section>"
  }

  private var details: Markup {
    """
    <section aria-labelledby="details"><h2 id="details">One run of each</h2>\
    \(ordered.map { ScenarioSection(report: self, entry: $1, place: $0).html })</section>
    """
  }

  private static let beginning: Markup = """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>\
    <meta name="color-scheme" content="light dark"/><title>Warren, in a simulated internet</title><style>\(style)</style></head><body><main>
    """

  private static let end: Markup = """
    <footer>Made by <code>warren simulate --report</code>. The same scenarios and seeds, in the same build, make the same page.</footer></main>\
    <script>\(script)</script></body></html>

    """
}

extension ScenarioReport.Entry {
  /// Runs the seed that is drawn: the first that failed, or the first of all.
  public init(
    _ scenario: Scenario, word: String, _ verdict: ScenarioSweep.Verdict, seeds: ClosedRange<UInt64>,
    _ options: Scenario.Options = Scenario.Options()
  ) async {
    let seed = verdict.failures.first?.seed ?? seeds.lowerBound
    let run = await RunInDetail(of: scenario, seed: seed, options)
    self.init(scenario: scenario, verdict: verdict, run: run, word: word)
  }
}

extension String {
  /// The same in quotation marks where a shell would take it apart.
  fileprivate var asWordOfShell: String {
    let isPlain = !isEmpty && allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./".contains($0)) }
    return isPlain
      ? self : "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
