import Warren
import WarrenLaboratory

/// Prints what becomes of connections while something happens to their ways.
struct Paths {
  private let scenarios: [PathScenario]
  private let seeds: ClosedRange<UInt64>
  private let seed: UInt64?

  init(arguments: ArraySlice<String>) throws {
    let names = arguments.prefix { !$0.hasPrefix("--") }
    let options = try Options(arguments.dropFirst(names.count), known: ["--seeds", "--seed"])
    seed = try options.number("--seed")
    seeds = try seed.map { $0...$0 } ?? 1...max(1, min(options.number("--seeds") ?? 20, 1_000_000))
    for name in names where !PathScenario.all.contains(where: { $0.name == name }) {
      throw UsageError.unknownScenario(name, known: PathScenario.all.map(\.name))
    }
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
