import Warren
import WarrenOptions
import WarrenScenarios
import WarrenTerminal

/// Runs scenarios in a simulated internet, with many seeds or one.
struct Simulate: Command {
  private static let places = Argument<[String]>.rest(
    "SCENARIO", .text,
    "a scenario's name, its file, or a folder of files: all that have a name if nothing is said")
  private static let seeds = LaboratoryWords.seeds(20)
  private static let jobs = Option("jobs", short: "j", .number(1...256), "how many runs at once", default: 2)
  private static let chaos = Option.flag("chaos", "let things go wrong besides, drawn from the seed")
  private static let replay = Option.flag("replay", "show one run, event by event: of --seed, or of seed 1")
  private static let report = Option<String?>(
    "report", .file, "write a page to look at, in HTML: what came of each, and one run of it, drawn")
  private static let list = Option.flag("list", "say what scenarios there are, and why")

  static var description: CommandDescription {
    CommandDescription(
      "simulate", "run scenarios in a simulated internet, with many seeds",
      discussion: """
        A scenario says who is where behind which NATs, what runs there, what happens, and what must come of it. Besides what it expects \
        itself each run is held to standing rules: no byte lost or doubled, nobody connected with somebody else, both ends agree, nothing \
        left over, no storm of packets, and when nothing is broken any more everybody is connected as well as their NATs allow. The same \
        scenario and seed give the same run, on every computer.
        """,
      group: .laboratory, arguments: [places],
      options: [seeds, LaboratoryWords.seed, jobs, chaos, replay, report, list, JSONWord.json],
      rules: [
        .atMostOne(of: [seeds, LaboratoryWords.seed]), .atMostOne(of: [replay, list, JSONWord.json]),
        .atMostOne(of: [replay, list, report]),
      ],
      examples: [
        Example("warren simulate", "run all scenarios that have a name, 20 seeds each"),
        Example("warren simulate home-home --seeds 1000 --chaos", "let everything go wrong that can"),
        Example("warren simulate --replay strict-strict --seed 7", "see one run, event by event"),
        Example("warren simulate --report out.html", "the same, and a page with pictures of it"),
        Example("warren simulate my.json", "run a scenario of your own"),
      ])
  }

  private let names: [String]
  private let seeds: ClosedRange<UInt64>
  private let jobs: Int
  private var options = Scenario.Options()
  private let isReplay, isList, isJSON: Bool
  private let page: String?
  private let terminal = Terminal()

  /// How much of a run is shown.
  private static let keptEvents = 1_000_000

  init(_ words: ParsedWords) throws {
    names = words[Self.places]
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
    jobs = words[Self.jobs]
    options.isChaotic = words[Self.chaos]
    (isReplay, isList, isJSON) = (words[Self.replay], words[Self.list], words[JSONWord.json])
    page = words[Self.report]
    guard !isReplay || names.count == 1 else {
      throw OptionsError(.incomplete, "--replay shows one run: name one scenario")
    }
  }

  func run() async throws {
    let scenarios = try ScenarioFiles.scenarios(names)
    if isList { return scenarios.forEach { describe($0.scenario) } }
    if isReplay { return try await replay(scenarios[0].scenario) }
    let file = try page.map { try WrittenFile($0) }
    var report = SimulationReport(seeds: seeds, isChaotic: options.isChaotic)
    var drawn = ScenarioReport(seeds: seeds, isChaotic: options.isChaotic)
    for found in scenarios {
      let verdict = try await sweep(found.scenario)
      report.verdicts.append(verdict)
      if file != nil {
        drawn.entries.append(
          await ScenarioReport.Entry(found.scenario, word: found.word, verdict, seeds: seeds, options))
      }
      if !isJSON { for line in report.lines(of: verdict) { terminal.result("\(line)") } }
    }
    if isJSON {
      terminal.result(json: report.json)
    } else {
      for line in report.summary { terminal.result("\(line)") }
    }
    try file?.write(drawn.html)
    let bad = report.verdicts.filter { !$0.failures.isEmpty }.map(\.name)
    if !bad.isEmpty { throw SimulationError.wrong(bad) }
  }

  private func sweep(_ scenario: Scenario) async throws -> ScenarioSweep.Verdict {
    let (done, total) = (Guarded(0), seeds.count)
    defer { terminal.showBelow([]) }
    return try await ScenarioSweep(scenario, options).run(seeds: seeds, jobs: jobs) { [terminal] in
      let count = done.withLock { done in
        done += 1
        return done
      }
      terminal.showBelow(["  \(scenario.name): \(count) of \(total) seeds"])
    }
  }

  private func describe(_ scenario: Scenario) {
    terminal.result("\(scenario.name, .strong)")
    terminal.result("  \(scenario.reason)")
  }

  private func replay(_ scenario: Scenario) async throws {
    var options = options
    options.keptEvents = Self.keptEvents
    let outcome = try await scenario.run(seed: seeds.lowerBound, options)
    for event in outcome.trace.events { terminal.result("\("\(event)")") }
    for fault in outcome.judgement.faults { terminal.result("NOT AS IT SHOULD BE: \("\(fault)")") }
    if !outcome.isGood { throw SimulationError.wrong([scenario.name]) }
  }
}

/// Why not all was well.
enum SimulationError: Error, CustomStringConvertible {
  case wrong([String])

  var description: String {
    switch self {
    case .wrong(let names):
      "not all was well in \(names.count == 1 ? names[0] : "\(names.count) scenarios"): 'warren simulate --replay SCENARIO --seed N' shows a run"
    }
  }
}
