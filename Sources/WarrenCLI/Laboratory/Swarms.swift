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

  init(_ words: ParsedWords) {
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
    sizes = words[Self.nodes].map { [$0] } ?? [5, 50, 500]
    hours = words[Self.hours]
    isWhole = words[Self.whole]
    isTraced = words[LaboratoryWords.seed] != nil
    trial = SwarmTrial(nodes: 5)
    trial.loss = words[LaboratoryWords.loss]
    trial.isRough = words[Self.rough]
  }

  func run() async throws {
    if isWhole { return try await runWhole() }
    print("Nodes of a mesh in swarms, \(seeds.count) seeds each\(hours > 0 ? ", \(hours) h each" : ""):\n")
    var wrong: [UInt64] = []
    for size in sizes {
      var trial = trial
      trial.nodes = size
      let (hours, sized) = (hours, trial)
      let runs = try await seeds.concurrentMap(2) { seed in
        (seed, hours > 0 ? sized.idle(.seconds(3600 * hours), seed: seed) : sized.run(seed: seed))
      }
      for (seed, outcome) in runs {
        for fault in outcome.faults { print("  \(size) nodes, seed \(seed): \(fault)") }
      }
      wrong += runs.filter { !$0.1.faults.isEmpty }.map(\.0)
      if hours == 0 { show(runs.map(\.1), size) }
    }
    if !wrong.isEmpty { throw StormError.wrong(wrong) }
  }

  /// The same with whole nodes, behind NATs.
  private func runWhole() async throws {
    print("Whole nodes of a mesh behind NATs of all kinds, \(seeds.count) seeds each:\n")
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
        return (seed, outcome)
      }
      for (seed, outcome) in runs {
        for fault in outcome.faults { print("  \(size) nodes, seed \(seed): \(fault)") }
      }
      wrong += runs.filter { !$0.1.faults.isEmpty }.map(\.0)
      let outcomes = runs.map(\.1)
      func most(_ value: (MeshTrial.Outcome) -> Duration?) -> String {
        seconds(outcomes.compactMap(value).max())
      }
      print(
        "  \(size) nodes: all joined within \(most(\.joining)), a death known to all within \(most(\.dying)),"
      )
      let neighbours = outcomes.map(\.neighbours).reduce(0, +) / Double(outcomes.count)
      print(
        "    that one has left within \(most(\.leaving)); a node has \((neighbours * 10).rounded() / 10) neighbours"
      )
    }
    if !wrong.isEmpty { throw StormError.wrong(wrong) }
  }

  private func show(_ outcomes: [SwarmTrial.Outcome], _ size: Int) {
    func most(_ value: (SwarmTrial.Outcome) -> Duration?) -> String {
      let all = outcomes.map(value)
      return all.contains(nil) ? "never" : seconds(all.compactMap { $0 }.max())
    }
    func mean(_ value: (SwarmTrial.Outcome) -> Double) -> String {
      let tenths = (outcomes.map(value).reduce(0, +) / Double(outcomes.count) * 10).rounded()
      return "\(tenths / 10)"
    }
    print(
      """
        \(size) nodes: all joined within \(most(\.joining)), a death known to all within \(most(\.dying));
          a node has \(mean(\.links)) neighbours and sends \(mean(\.bytes)) B/s in \(mean(\.packets)) packets; a broadcast costs
          \(mean(\.copies)) copies and \(mean(\.words)) words for each node that hears it
      """)
  }
}
