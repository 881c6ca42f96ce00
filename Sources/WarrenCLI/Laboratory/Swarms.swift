import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints what many nodes of a mesh do, their cores alone.
struct Swarms {
  private let seeds: ClosedRange<UInt64>
  private var trial: SwarmTrial
  private let sizes: [Int]
  private let hours: Int
  private let isWhole: Bool
  private let isTraced: Bool
  private let isJSON: Bool

  init(_ words: ParsedWords) {
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
    sizes = words[Self.nodes].map { [$0] } ?? [5, 50, 500]
    hours = words[Self.hours]
    isWhole = words[Self.whole]
    isJSON = words[JSONWord.json]
    isTraced = words[LaboratoryWords.seed] != nil && !isJSON
    trial = SwarmTrial(nodes: 5)
    trial.loss = words[LaboratoryWords.loss]
    trial.isRough = words[Self.rough]
  }

  func run() async throws {
    var report = LaboratoryReport(
      asJSON: isJSON, about: [("whole", .flag(isWhole)), ("seeds", .seeds(seeds))], list: "swarms")
    let wrong = isWhole ? try await runWhole(&report) : try await runCores(&report)
    report.end()
    if !wrong.isEmpty { throw StormError.wrong(wrong) }
  }

  /// - Returns: the seeds with which not all was well.
  private func runCores(_ report: inout LaboratoryReport) async throws -> [UInt64] {
    report.say(
      "Nodes of a mesh in swarms, \(seeds.count) seeds each\(hours > 0 ? ", \(hours) h each" : ""):\n")
    var wrong: [UInt64] = []
    for size in sizes {
      var trial = trial
      trial.nodes = size
      let (hours, sized) = (hours, trial)
      let runs = try await seeds.concurrentMap(2) { seed in
        (
          seed: seed,
          outcome: hours > 0 ? sized.idle(.seconds(3600 * hours), seed: seed) : sized.run(seed: seed)
        )
      }
      report.tell(SwarmFinding(nodes: size, hours: hours, runs: runs))
      wrong += runs.filter { !$0.outcome.faults.isEmpty }.map(\.seed)
    }
    return wrong
  }

  /// The same with whole nodes, behind NATs.
  private func runWhole(_ report: inout LaboratoryReport) async throws -> [UInt64] {
    report.say("Whole nodes of a mesh behind NATs of all kinds, \(seeds.count) seeds each:\n")
    var wrong: [UInt64] = []
    for size in sizes {
      var trial = MeshTrial(nodes: size)
      trial.isRough = self.trial.isRough
      trial.loss = self.trial.loss
      let (sized, keptEvents) = (trial, isTraced ? 400_000 : 0)
      let runs = try await seeds.concurrentMap(2) { seed in
        var outcome = MeshTrial.Outcome()
        do {
          let run = try await sized.run(seed: seed, keptEvents: keptEvents)
          if keptEvents > 0 { for event in run.trace.events { print(event) } }
          outcome = run.outcome
        } catch {
          outcome.faults = ["\(error)"]
        }
        return (seed: seed, outcome: outcome)
      }
      report.tell(WholeSwarmFinding(nodes: size, runs: runs))
      wrong += runs.filter { !$0.outcome.faults.isEmpty }.map(\.seed)
    }
    return wrong
  }
}
