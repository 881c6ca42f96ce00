import Warren
import WarrenOptions
import WarrenScenarios
import WarrenTerminal

/// Runs scenarios in a simulated internet, with many seeds or one.
struct Simulate: Command {
  private static let places = Argument<[String]>.rest(
    "SCENARIO", .text,
    "a scenario's name, its file, a folder of files, or the name of a set: all that have a name if nothing is said"
  )
  private static let seeds = LaboratoryWords.seeds(20)
  private static let jobs = Option("jobs", short: "j", .number(1...256), "how many runs at once", default: 2)
  private static let chaos = Option.flag("chaos", "let things go wrong besides, drawn from the seed")
  private static let replay = Option.flag("replay", "show one run, event by event: of --seed, or the first")
  private static let shrink = Option.flag(
    "shrink", "print the least of a scenario that still breaks the same rule with --seed")
  private static let matrix = Option.flag(
    "matrix",
    "try each kind of NAT against each, those that are named, or all of a set (\(ScenarioMatrix.sets.map(\.name).joined(separator: ", ")))"
  )
  private static let search = Option<WarrenScenarios.Program.Search>(
    "search", .choice("SEARCH"), "how peers of the matrix look for hidden ports", default: .normal)
  private static let internet = Option<Int?>(
    "internet", .number(2...100_000),
    "draw an internet with so many peers, in the shares in which NATs are found")
  private static let report = Option<String?>(
    "report", .file, "write a page to look at, in HTML: what came of each, and one run of it, drawn")
  private static let pcapng = Option<String?>(
    "pcapng", .file, "write the packets of one run to a new file, for Wireshark: of --seed, or the first")
  private static let at = Option<[String]>.repeated(
    "at", .text.named("PLACE"), "see packets with --pcapng at this machine or NAT alone, and not everywhere")
  private static let qlog = Option<String?>(
    "qlog", .folder, "write what QUIC does in one run there, a file for each end of a connection")
  private static let list = Option.flag("list", "say what scenarios there are, and why")

  /// What is written of one run excludes what is about many, or about none.
  private static var ofOneRun: [OptionRule] {
    let others: [any DeclaredWord] = [seeds, shrink, list, report, matrix, JSONWord.json]
    return others.flatMap { other in
      [OptionRule.atMostOne(of: [pcapng, other]), .atMostOne(of: [qlog, other])]
    }
  }

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
      options: [
        seeds, LaboratoryWords.firstSeed, LaboratoryWords.seed, jobs, chaos, replay, pcapng, at, qlog, shrink,
        report, matrix,
        LaboratoryWords.against, search, internet, list,
        JSONWord.json,
      ],
      rules: [
        .atMostOne(of: [seeds, LaboratoryWords.seed]),
        .atMostOne(of: [LaboratoryWords.firstSeed, LaboratoryWords.seed]),
        .atMostOne(of: [replay, list, JSONWord.json]),
        .atMostOne(of: [replay, shrink, list, matrix]), .atMostOne(of: [replay, shrink, list, report]),
        .atMostOne(of: [internet, shrink, list, matrix]), .atMostOne(of: [internet, report]),
        .atMostOne(of: [internet, seeds]),
        .atMostOne(of: [shrink, JSONWord.json]), .atMostOne(of: [chaos, matrix]),
        .atMostOne(of: [LaboratoryWords.firstSeed, internet]),
        .needs(at, oneOf: [pcapng]), .needs(LaboratoryWords.against, oneOf: [matrix]),
      ] + ofOneRun,
      examples: [
        Example("warren simulate", "run all scenarios that have a name, 20 seeds each"),
        Example("warren simulate home-home --seeds 1000 --chaos", "let everything go wrong that can"),
        Example("warren simulate --replay strict-strict --seed 7", "see one run, event by event"),
        Example("warren simulate --report out.html", "the same, and a page with pictures of it"),
        Example(
          "warren simulate strict-strict --pcapng run.pcapng --at alice",
          "look at all that alice sends and receives in Wireshark, also at what is encrypted"),
        Example("warren simulate my.json", "run a scenario of your own"),
        Example(
          "warren simulate --matrix public port-restricted symmetric --report out.html",
          "try these against each other, and draw it"),
      ])
  }

  private let names: [String]
  private let seeds: ClosedRange<UInt64>
  private let jobs: Int
  private var options = Scenario.Options()
  private let places: (pcapng: String?, qlog: String?)
  private let internet: Scenario.Internet?
  private let isReplay, isShrinking, isList, isMatrix, isJSON: Bool
  private let search: WarrenScenarios.Program.Search
  private let page: String?
  private let expected: [String]?
  private let terminal = Terminal()

  /// Whether one run is shown or written down.
  private var isLooking: Bool { isReplay || places != (nil, nil) }

  init(_ words: ParsedWords) throws {
    names = words[Self.places]
    // An internet is as much as many seeds.
    seeds =
      words[Self.internet] == nil
      ? LaboratoryWords.seeds(Self.seeds, from: words[LaboratoryWords.firstSeed], in: words)
      : words[LaboratoryWords.seed].map { $0...$0 } ?? 1...1
    jobs = words[Self.jobs]
    options.isChaotic = words[Self.chaos]
    (isReplay, isList, isJSON) = (words[Self.replay], words[Self.list], words[JSONWord.json])
    places = (words[Self.pcapng], words[Self.qlog])
    options.capturePlaces = words[Self.at]
    isShrinking = words[Self.shrink]
    internet = words[Self.internet].map { peers in
      var internet = Scenario.Internet()
      internet.peers = peers
      return internet
    }
    if internet != nil { options.waitsForBestWays = true }
    if internet != nil, let name = names.first {
      throw OptionsError(.badValue, "--internet draws what there is: \(quoted(name)) is too much")
    }
    (isMatrix, search) = (words[Self.matrix], words[Self.search])
    expected = try words[LaboratoryWords.against].map { try lines(ofFile: $0) }
    if isMatrix, Self.set(names) == nil,
      let unknown = names.first(where: { !ScenarioMatrix.all.contains($0) })
    {
      let all = ScenarioMatrix.all.joined(separator: ", ")
      let sets = ScenarioMatrix.sets.map(\.name).joined(separator: ", ")
      throw OptionsError(
        .badValue,
        "there is no NAT \(quoted(unknown)); there are: \(all); and the sets \(sets), each by itself")
    }
    page = words[Self.report]
    let single = [
      "--replay": isReplay, "--shrink": isShrinking, "--pcapng": places.pcapng != nil,
      "--qlog": places.qlog != nil,
    ]
    if let option = single.keys.sorted().first(where: { single[$0]! }),
      names.count != 1, internet == nil
    {
      throw OptionsError(.incomplete, "\(option) is about one run: name one scenario")
    }
  }

  func run() async throws {
    if isMatrix { return try await runMatrix() }
    if let internet {
      guard isLooking else { return try await run(internet) }
      return try await look(at: Scenario(internet: internet, seed: seeds.lowerBound))
    }
    let scenarios = try ScenarioFiles.scenarios(names)
    if isList { return scenarios.forEach { describe($0.scenario) } }
    if isShrinking { return try await shrink() }
    if isLooking {
      guard let first = scenarios.first, scenarios.count == 1 else {
        throw OptionsError(.incomplete, "one run is of one scenario: name one")
      }
      return try await look(at: first.scenario)
    }
    let file = try page.map { try WrittenFile($0) }
    var report = SimulationReport(seeds: seeds, isChaotic: options.isChaotic)
    var drawn = ScenarioReport(seeds: seeds, isChaotic: options.isChaotic)
    for found in scenarios {
      let verdict = try await sweep(found.scenario)
      report.verdicts.append(verdict)
      report.scenarios.append(found.scenario)
      if file != nil {
        drawn.entries.append(
          await ScenarioReport.Entry(found.scenario, word: found.word, verdict, seeds: seeds, options))
      }
      if !isJSON { for line in report.lines(of: verdict) { terminal.result("\(line)") } }
    }
    tell(report.summary, report.json)
    try file?.write(drawn.html)
    try expectRight(report.verdicts)
    if !report.untried.isEmpty { throw SimulationError.untried(report.untried) }
  }

  private func sweep(_ scenario: Scenario) async throws -> ScenarioSweep.Verdict {
    defer { terminal.showBelow([]) }
    let progress = counting { "  \(scenario.name): \($0) of \(seeds.count) seeds" }
    return try await ScenarioSweep(scenario, options).run(seeds: seeds, jobs: jobs, progress: progress)
  }

  /// What shows at the bottom of the screen how often it was called.
  private func counting(_ text: @escaping @Sendable (Int) -> String) -> @Sendable () -> Void {
    let done = Guarded(0)
    return { [terminal] in
      let count = done.withLock { done in
        done += 1
        return done
      }
      terminal.showBelow([text(count)])
    }
  }

  /// Says what came of it, as it was wished.
  private func tell(_ lines: [String], _ json: JSONValue) {
    if isJSON { return terminal.result(json: json) }
    for line in lines { terminal.result("\(line)") }
  }

  private func expectRight(_ verdicts: [ScenarioSweep.Verdict]) throws {
    let bad = verdicts.filter { !$0.failures.isEmpty }.map(\.name)
    if !bad.isEmpty { throw SimulationError.wrong(bad) }
  }

  private func shrink() async throws {
    let json = try ScenarioFiles.json(of: names[0])
    let local = LocalMachine(name: "shrink")
    let end = local.now.advanced(by: ScenarioLimits.shrinkingTime)
    let found = try await Shrinker(json: json, seed: seeds.lowerBound, options).run(
      while: { local.now < end },
      progress: { [terminal] size in terminal.showBelow(["  \(size) values are left"]) })
    terminal.showBelow([])
    guard let found else {
      return terminal.talk("\(names[0]), seed \(seeds.lowerBound): no rule is broken")
    }
    terminal.talk(
      "\(found.sizeBefore) values became \(found.size), \(found.eventsBefore) events \(found.events), in \(found.runs) runs: \("\(found.fault)")"
    )
    for line in String(decoding: found.json, as: UTF8.self).split(separator: "\n") {
      terminal.result("\(String(line))")
    }
  }

  private func run(_ internet: Scenario.Internet) async throws {
    for seed in seeds {
      let outcome = try await Scenario(internet: internet, seed: seed).run(seed: seed, options)
      let report = InternetReport(peers: internet.peers, outcome: outcome)
      tell(report.lines, report.json)
      if !outcome.isGood { throw SimulationError.wrongInternet(peers: internet.peers, seed: seed) }
    }
  }

  private func runMatrix() async throws {
    var matrix = Self.set(names) ?? ScenarioMatrix(names.isEmpty ? ScenarioMatrix.all : names)
    matrix.search = search
    let file = try page.map { try WrittenFile($0) }
    let total = matrix.sites.indices.reduce(0) { $0 + matrix.columns(of: $1).count }
    let progress = counting { "  \($0) of \(total) pairs" }
    let cells = try await matrix.run(seeds: seeds, jobs: jobs, progress: progress)
    terminal.showBelow([])
    let differences = expected.map { matrix.differences(cells, from: $0) }
    let report = MatrixReport(matrix: matrix, cells: cells, differences: differences)
    tell(report.lines, report.json)
    var drawn = ScenarioReport(seeds: seeds)
    (drawn.heatMaps, drawn.others) = ([matrix.heatMap(cells)], Array(cells.joined()))
    try file?.write(drawn.html)
    try expectRight(Array(cells.joined()))
    if let differences, !differences.isEmpty { throw MatrixError.differs(differences.count) }
  }

  /// The matrix of the name that stands alone.
  private static func set(_ names: [String]) -> ScenarioMatrix? {
    names.count == 1 ? ScenarioMatrix.sets.first { $0.name == names[0] }?.matrix : nil
  }

  private func describe(_ scenario: Scenario) {
    terminal.result("\(scenario.name, .strong)")
    terminal.result("  \(scenario.reason)")
  }

  /// Shows or writes down all of one run.
  private func look(at scenario: Scenario) async throws {
    for place in options.capturePlaces where !scenario.capturePlaces.contains(place) {
      throw OptionsError(
        .badValue, "there is no \(quoted(place)): \(scenario.capturePlaces.joined(separator: ", "))")
    }
    let recording = try Recording(capture: places.pcapng, qlogs: places.qlog)
    var options = options
    if isReplay { options.watch = { [terminal] event in terminal.result("\("\(event)")") } }
    recording.apply(to: &options)
    let outcome = try await scenario.run(seed: seeds.lowerBound, options)
    for line in try recording.end() { terminal.talk("\(line)") }
    for fault in outcome.judgement.faults { terminal.result("NOT AS IT SHOULD BE: \("\(fault)")") }
    if !outcome.isGood { throw SimulationError.shown(scenario.name) }
  }
}

/// Why not all was well.
enum SimulationError: Error, CustomStringConvertible {
  case wrong([String])
  case shown(String)
  case wrongInternet(peers: Int, seed: UInt64)
  case untried([Rule])

  var description: String {
    switch self {
    case .wrong(let names):
      "not all was well in \(names.count == 1 ? names[0] : "\(names.count) scenarios"): 'warren simulate --replay SCENARIO --seed N' shows a run"
    case .shown(let name):
      "not all was well in \(name)"
    case .wrongInternet(let peers, let seed):
      "not all was well in this internet: 'warren simulate --internet \(peers) --replay --seed \(seed)' shows the run"
    case .untried(let rules):
      "never put to the test: \(rules.map(\.rawValue).joined(separator: ", ")); so nothing is known of that"
    }
  }
}
