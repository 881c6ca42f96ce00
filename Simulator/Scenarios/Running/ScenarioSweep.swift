import Warren
import WarrenSimulator

/// One scenario with many seeds, and what came of all of them.
public struct ScenarioSweep: Sendable {
  /// What is run.
  public var scenario: Scenario
  /// How.
  public var options: Scenario.Options

  /// A sweep.
  public init(_ scenario: Scenario, _ options: Scenario.Options = Scenario.Options()) {
    (self.scenario, self.options) = (scenario, options)
  }

  /// What came of it.
  public struct Verdict: Sendable {
    /// Of which scenario.
    public var name: String
    /// How many seeds there were.
    public var seeds = 0
    /// Those in which a rule was broken, and what broke it.
    public var failures: [(seed: UInt64, faults: [Judgement.Fault])] = []
    /// How often each rule was put to the test.
    public var trials: [Rule: Int] = [:]
    /// After which times somebody who called has heard of whom it called, the shortest first.
    public var times: [Duration] = []
    /// After which times a connection went straight for the first time, of those that did, the shortest first.
    public var directTimes: [Duration] = []
    /// For how long nothing came at most, in each run.
    public var silences: [Duration] = []
    /// On which kinds of ways connections went in the end.
    public var kinds: [Path.Kind: Int] = [:]
    /// How many faults there were besides, all in all.
    public var faultsOfChaos = 0
    /// The hash of all events of the first seed.
    public var hash: UInt64 = 0
  }

  /// Runs it with these seeds, so many at once; the first one twice.
  ///
  /// - Parameter progress: is called after each.
  public func run(
    seeds: ClosedRange<UInt64>, jobs: Int, progress: @escaping @Sendable () -> Void = {}
  ) async throws -> Verdict {
    let runs = try await seeds.concurrentMap(jobs) { seed in
      defer { progress() }
      return await attempt(seed, again: seed == seeds.lowerBound)
    }
    var verdict = Verdict(name: scenario.name)
    for (run, seed) in zip(runs, seeds) {
      verdict.seeds += 1
      if !run.judgement.faults.isEmpty { verdict.failures.append((seed, run.judgement.faults)) }
      verdict.trials.merge(run.judgement.trials, uniquingKeysWith: +)
      verdict.times += run.talks.compactMap(\.answered)
      verdict.directTimes += run.talks.compactMap { $0.ways.first { $0.kind == .direct }?.since }
      verdict.silences.append(run.talks.map(\.silence).max() ?? .zero)
      for talk in run.talks { if let kind = talk.ways.last?.kind { verdict.kinds[kind, default: 0] += 1 } }
      verdict.faultsOfChaos += run.chaos
      if seed == seeds.lowerBound { verdict.hash = run.hash }
    }
    verdict.times.sort()
    verdict.directTimes.sort()
    verdict.silences.sort()
    return verdict
  }

  private struct Run: Sendable {
    var judgement: Judgement
    var talks: [Scenario.Talk] = []
    var chaos = 0
    var hash: UInt64 = 0
  }

  /// What has ended the run itself breaks a rule as well.
  private func attempt(_ seed: UInt64, again: Bool) async -> Run {
    do {
      let outcome = try await scenario.run(seed: seed, options)
      var judgement = outcome.judgement
      if again {
        let second = try await scenario.run(seed: seed, options)
        judgement.expect(
          outcome.trace.hash == second.trace.hash, .sameRun,
          "two runs differ \(outcome.trace.parting(from: second.trace))")
      }
      return Run(
        judgement: judgement, talks: outcome.conversations, chaos: outcome.chaos.count,
        hash: outcome.trace.hash)
    } catch {
      var judgement = Judgement()
      judgement.expect(false, .nothingLeft, "\(error)")
      return Run(judgement: judgement)
    }
  }
}

extension Trace {
  /// Where two traces part, in words.
  func parting(from other: Trace) -> String {
    let same = zip(checkpoints, other.checkpoints).prefix { $0 == $1 }.count
    return "from event \(same * 1024) on, at the earliest (\(count) and \(other.count) events)"
  }
}
