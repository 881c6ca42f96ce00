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
      arguments: [names], options: [seeds, LaboratoryWords.seed],
      rules: [.atMostOne(of: [seeds, LaboratoryWords.seed])],
      examples: [
        Example("warren paths", "let everything happen, with 20 seeds each"),
        Example("warren paths cut --seed 3", "show what becomes of a way that is cut, event by event"),
      ])
  }

  private let scenarios: [PathScenario]
  private let seeds: ClosedRange<UInt64>
  private let seed: UInt64?

  init(_ words: ParsedWords) {
    let names = words[Self.names].map(\.name)
    seed = words[LaboratoryWords.seed]
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
    scenarios = PathScenario.all.filter { names.isEmpty || names.contains($0.name) }
  }

  func run() async throws {
    print("Two peers talk all the time, while something happens to their ways. \(seeds.count) seeds each;")
    print("the longest silence at either side, in half of the seeds and at most:\n")
    var wrong: [String] = []
    for scenario in scenarios {
      let (seed, trial) = (seed, PathTrial(scenario))
      let runs = try await seeds.concurrentMap(2) { number in
        do {
          let run = try await trial.run(seed: number, keptEvents: seed == nil ? 0 : 400_000)
          if seed != nil { for event in run.trace.events { print(event) } }
          return (number, run.outcome)
        } catch {
          return (number, PathTrial.Outcome(faults: ["\(error)"]))
        }
      }
      let silences = runs.map { $0.1.longestSilence }.sorted()
      let kinds = runs[0].1.kinds.map(\.rawValue).joined(separator: ", ")
      print(
        "  \(pad(scenario.name, 28)) \(seconds(silences[silences.count / 2])) \(seconds(silences.last))   \(kinds)"
      )
      for (number, outcome) in runs {
        for fault in outcome.faults { print("    seed \(number): \(fault)") }
        if !outcome.faults.isEmpty { wrong.append("\(scenario.name) \(number)") }
      }
    }
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
