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
  private static let pcapng = Option<String?>(
    "pcapng", .file, "write the packets of one run to a new file, for Wireshark: of --seed, or of seed 1")
  private static let at = Option<[String]>.repeated(
    "at", .text.named("PLACE"), "see packets with --pcapng at this machine or NAT alone, and not everywhere")
  private static let qlog = Option<String?>(
    "qlog", .folder, "write what QUIC does in one run there, a file for each end of a connection")
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
      options: [seeds, LaboratoryWords.seed, jobs, chaos, replay, pcapng, at, qlog, list, JSONWord.json],
      rules: [
        .atMostOne(of: [seeds, LaboratoryWords.seed]), .atMostOne(of: [replay, list, JSONWord.json]),
        .atMostOne(of: [pcapng, seeds, list, JSONWord.json]),
        .atMostOne(of: [qlog, seeds, list, JSONWord.json]),
      ],
      examples: [
        Example("warren simulate", "run all scenarios that have a name, 20 seeds each"),
        Example("warren simulate home-home --seeds 1000 --chaos", "let everything go wrong that can"),
        Example("warren simulate --replay strict-strict --seed 7", "see one run, event by event"),
        Example(
          "warren simulate strict-strict --pcapng run.pcapng --at alice",
          "look at all that alice sends and receives in Wireshark, also at what is encrypted"),
        Example("warren simulate my.json", "run a scenario of your own"),
      ])
  }

  private let names: [String]
  private let seeds: ClosedRange<UInt64>
  private let jobs: Int
  private var options = Scenario.Options()
  private let places: (pcapng: String?, qlog: String?)
  private let isReplay, isList, isJSON: Bool
  private let terminal = Terminal()

  /// How much of a run is shown.
  private static let keptEvents = 1_000_000

  init(_ words: ParsedWords) throws {
    names = words[Self.places]
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
    jobs = words[Self.jobs]
    options.isChaotic = words[Self.chaos]
    (isReplay, isList, isJSON) = (words[Self.replay], words[Self.list], words[JSONWord.json])
    places = (words[Self.pcapng], words[Self.qlog])
    options.capturePlaces = words[Self.at]
    guard options.capturePlaces.isEmpty || places.pcapng != nil else {
      throw OptionsError(.incomplete, "--at says where --pcapng sees packets: give both")
    }
    let single =
      isReplay ? "--replay" : places.pcapng != nil ? "--pcapng" : places.qlog != nil ? "--qlog" : nil
    if let single, names.count != 1 {
      throw OptionsError(.incomplete, "\(single) is of one run: name one scenario")
    }
  }

  func run() async throws {
    let scenarios = try ScenarioFiles.scenarios(names)
    if isList { return scenarios.forEach(describe) }
    if isReplay || places != (nil, nil) { return try await look(at: scenarios) }
    var report = SimulationReport(seeds: seeds, isChaotic: options.isChaotic)
    for scenario in scenarios {
      let verdict = try await sweep(scenario)
      report.verdicts.append(verdict)
      if !isJSON { for line in report.lines(of: verdict) { terminal.result("\(line)") } }
    }
    if isJSON {
      terminal.result(json: report.json)
    } else {
      for line in report.summary { terminal.result("\(line)") }
    }
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

  /// Shows or writes down all of one run.
  private func look(at scenarios: [Scenario]) async throws {
    guard let scenario = scenarios.first, scenarios.count == 1 else {
      throw OptionsError(.incomplete, "one run is of one scenario: name one")
    }
    for place in options.capturePlaces where !scenario.capturePlaces.contains(place) {
      throw OptionsError(
        .badValue, "there is no \(quoted(place)): \(scenario.capturePlaces.joined(separator: ", "))")
    }
    let recording = try Recording(capture: places.pcapng, qlogs: places.qlog)
    var options = options
    if isReplay { options.keptEvents = Self.keptEvents }
    recording.apply(to: &options)
    let outcome = try await scenario.run(seed: seeds.lowerBound, options)
    for event in outcome.trace.events { terminal.result("\("\(event)")") }
    for line in try recording.end() { terminal.talk("\(line)") }
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
