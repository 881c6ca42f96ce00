import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints what becomes of connections while something happens to their ways.
struct Paths: Command {
  private static let names = Argument<[PathScenario]>.rest(
    "SCENARIO", .oneOf("SCENARIO", PathScenario.all) { $0.name },
    "what happens: everything if nothing is said")
  private static let seeds = LaboratoryWords.seeds(20)

  static var description: CommandDescription {
    CommandDescription(
      "paths", "show what becomes of connections whose networks change while they are used",
      group: .laboratory,
      arguments: [names], options: [seeds, LaboratoryWords.seed, JSONWord.json],
      rules: [.atMostOne(of: [seeds, LaboratoryWords.seed])],
      examples: [
        Example("warren paths", "let everything happen, with 20 seeds each"),
        Example("warren paths cut --seed 3", "show what becomes of a way that is cut, event by event"),
      ])
  }

  private let scenarios: [PathScenario]
  private let seeds: ClosedRange<UInt64>
  /// Of which all events are shown.
  private let shown: UInt64?
  private let isJSON: Bool

  init(_ words: ParsedWords) {
    let names = words[Self.names].map(\.name)
    isJSON = words[JSONWord.json]
    shown = isJSON ? nil : words[LaboratoryWords.seed]
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
    scenarios = PathScenario.all.filter { names.isEmpty || names.contains($0.name) }
  }

  func run() async throws {
    var report = LaboratoryReport(asJSON: isJSON, about: [("seeds", .seeds(seeds))], list: "scenarios")
    report.say(
      "Two peers talk all the time, while something happens to their ways. \(seeds.count) seeds each;")
    report.say("the longest silence at either side, in half of the seeds and at most:\n")
    var wrong: [String] = []
    for scenario in scenarios {
      let (shown, trial) = (shown, PathTrial(scenario))
      let runs = try await seeds.concurrentMap(2) { number in
        do {
          let run = try await trial.run(seed: number, keptEvents: shown == nil ? 0 : 400_000)
          if shown != nil { for event in run.trace.events { print(event) } }
          return (seed: number, outcome: run.outcome)
        } catch {
          return (seed: number, outcome: PathTrial.Outcome(faults: ["\(error)"]))
        }
      }
      let finding = PathFinding(name: scenario.name, runs: runs)
      report.tell(finding)
      wrong += runs.filter { !$0.outcome.faults.isEmpty }.map { "\(scenario.name) \($0.seed)" }
    }
    report.end()
    if !wrong.isEmpty { throw PathsError.wrong(wrong) }
  }
}

/// Why not all was well.
enum PathsError: Error, CustomStringConvertible {
  case wrong([String])

  var description: String {
    switch self {
    case .wrong(let runs): "not all was well: \(runs.joined(separator: "; "))"
    }
  }
}
