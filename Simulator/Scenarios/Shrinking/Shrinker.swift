import Warren

/// Makes a scenario that breaks a rule smaller, as long as it breaks the same rule with the same seed: fewer things that happen, fewer
/// machines, boxes and wishes, and less time.
///
/// Each machine and link has chance of its own, so that taking one away does not change the others: that is why it works.
public struct Shrinker: Sendable {
  /// What is left.
  public struct Result: Sendable {
    /// The scenario, as a file; nothing in it is left to chance that was not there before.
    public var json: [UInt8]
    /// What breaks in it.
    public var fault: Judgement.Fault
    /// How many values it has, and had with all that went wrong written down.
    public var size, sizeBefore: Int
    /// How many events there were in a run, and are, until it breaks.
    public var events, eventsBefore: Int
    /// How many runs it took.
    public var runs: Int
  }

  private let document: ScenarioDocument
  private let seed: UInt64
  private let options: Scenario.Options

  /// A shrinker for a file and the seed with which it fails.
  ///
  /// - Throws: ``ScenarioError`` where the file is none.
  public init(json: [UInt8], seed: UInt64, _ options: Scenario.Options = Scenario.Options()) throws {
    let scenario = try Scenario(json: json)
    var document = try ScenarioDocument(json)
    if options.isChaotic {
      document = document.adding(Chaos(scenario, seed: seed).steps)
        .with("expect", document.list("expect").filter { $0["refused"] != nil })
    }
    (self.document, self.seed) = (document.talksWritten, seed)
    self.options = Scenario.Options()
  }

  /// Makes it as small as it can be made with so many runs, in the time that there is.
  ///
  /// - Parameters:
  ///   - isTime: whether there is time for another run.
  ///   - progress: is told after each run how large the smallest is that still fails.
  /// - Returns: nil where it does not fail.
  public func run(
    atMost most: Int = ScenarioLimits.shrinkingRuns, while isTime: @escaping @Sendable () -> Bool = { true },
    progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async -> Result? {
    guard let first = await attempt(document, breaking: nil) else { return nil }
    var state = State(
      best: document, outcome: first, original: first.fault, most: most, isTime: isTime, progress: progress)
    var before: ScenarioDocument?
    while before.map(state.best.isSimpler) ?? true, state.goesOn {
      before = state.best
      await thin("timeline", &state)
      await leaveOut(&state)
      for name in ["expect", "network"] { await thin(name, &state) }
      // Times last: what fails at one moment alone needs all that is left.
      for simpler in [\.fewer, \.hastened, \.shorter] as [KeyPath<ScenarioDocument, [ScenarioDocument]>] {
        await simplify(simpler, &state)
      }
    }
    let why = "Seed \(seed) breaks a rule: \(state.outcome.fault)."
    return Result(
      json: state.best.with("why", text: why).bytes, fault: state.outcome.fault, size: state.best.size,
      sizeBefore: document.size, events: state.outcome.events, eventsBefore: first.events, runs: state.runs)
  }

  private struct Failure: Sendable {
    var fault: Judgement.Fault
    var events: Int
  }

  private struct State {
    var best: ScenarioDocument
    var outcome: Failure
    let original: Judgement.Fault
    let most: Int
    let isTime: @Sendable () -> Bool
    let progress: @Sendable (Int) -> Void
    var runs = 1
    /// What was tried, and does not fail so.
    var inVain: Set<[UInt8]> = []

    var goesOn: Bool { runs < most && isTime() }
  }

  /// How it fails; nil where it does not, or in other ways alone.
  private func attempt(_ document: ScenarioDocument, breaking original: Judgement.Fault?) async -> Failure? {
    let isMeant: @Sendable (Judgement.Fault) -> Bool = { original?.isLike($0) ?? true }
    var options = options
    options.isEnough = isMeant
    guard let scenario = document.scenario, let outcome = try? await scenario.run(seed: seed, options),
      let fault = outcome.judgement.faults.first(where: isMeant)
    else { return nil }
    return Failure(fault: fault, events: outcome.trace.count)
  }

  /// Whether this one fails as well, and is simpler: it is the best then.
  private func take(_ candidate: ScenarioDocument, _ state: inout State) async -> Bool {
    guard state.goesOn, candidate.isSimpler(than: state.best) else { return false }
    let bytes = candidate.bytes
    guard !state.inVain.contains(bytes), candidate.scenario != nil else { return false }
    state.runs += 1
    let failure = await attempt(candidate, breaking: state.original)
    if let failure { (state.best, state.outcome) = (candidate, failure) } else { state.inVain.insert(bytes) }
    state.progress(state.best.size)
    return failure != nil
  }

  /// Takes elements of a list away, first many at once, then one by one (Zeller's ddmin).
  private func thin(_ name: String, _ state: inout State) async {
    var piece = state.best.list(name).count
    while piece > 0 {
      var start = 0
      while start < state.best.list(name).count {
        var parts = state.best.list(name)
        parts.removeSubrange(start..<min(start + piece, parts.count))
        if await !take(state.best.with(name, parts), &state) { start += piece }
      }
      piece /= 2
    }
  }

  /// Leaves machines out, with all that they do and that is done to them.
  private func leaveOut(_ state: inout State) async {
    for name in document.machines { _ = await take(state.best.without(name), &state) }
  }

  /// Takes what is simpler of these, one after the other.
  private func simplify(
    _ simpler: KeyPath<ScenarioDocument, [ScenarioDocument]>, _ state: inout State
  ) async {
    var (candidates, place) = (state.best[keyPath: simpler], 0)
    while state.goesOn, place < candidates.count {
      // What comes next stands in the same place after one that is taken.
      if await take(candidates[place], &state) {
        candidates = state.best[keyPath: simpler]
      } else {
        place += 1
      }
    }
  }
}

extension Judgement.Fault {
  /// Whether the same has gone wrong, perhaps at another time, or more of it.
  fileprivate func isLike(_ other: Judgement.Fault) -> Bool {
    func beginning(_ fault: Judgement.Fault) -> [Substring] {
      fault.text.split(separator: " ").prefix(5).filter { !($0.first?.isNumber ?? true) }
    }
    return rule == other.rule && beginning(self) == beginning(other)
  }
}
