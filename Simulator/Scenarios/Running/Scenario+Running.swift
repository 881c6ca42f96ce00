import Warren
import WarrenSimulator

extension Scenario {
  /// How it is run.
  public struct Options: Sendable {
    /// How many events the trace keeps.
    public var keptEvents = 0
    /// Whether things go wrong besides that the scenario does not tell of: drawn from the seed.
    public var isChaotic = false
    /// What is done besides what the scenario tells of: see ``Scenario/run(seeds:jobs:_:_:)``.
    public var test: (@Sendable (Stage) async throws -> Void)?
    /// Sees everything that happens, when it happens, on the world's thread.
    public var watch: (@Sendable (Trace.Event) -> Void)?
    /// Takes what happens in the run as a pcapng file, with the secrets by which QUIC in it can be read.
    public var capture: (@Sendable ([UInt8]) -> Void)?
    /// Whether those who go by a relay and need not are given the time for a search, in the end, before it is counted who goes how.
    public var waitsForBestWays = false
    /// The machines and NATs at which it is captured, and `internet`; all if there is none. One place alone can be read best.
    public var capturePlaces: [String] = []
    /// Takes what QUIC tells of each connection as qlog, piece by piece: asked for each end, by a name such as `alice-client-1`.
    public var qlog: (@Sendable (_ name: String) -> (@Sendable ([UInt8]) -> Void)?)?
    /// Whether nothing more need be looked at once this has gone wrong: the run is over then, and what can be is looked at earlier.
    var isEnough: (@Sendable (Judgement.Fault) -> Bool)?

    /// The usual.
    public init() {}
  }

  /// How a run went.
  public struct Outcome: Sendable {
    /// Of which seed.
    public var seed: UInt64
    /// What was put to the test, and what broke a rule.
    public var judgement: Judgement
    /// How each connection went that the scenario asks for.
    public var conversations: [Talk]
    /// On which kinds of ways the pairs that had talked were when it was calm.
    public var finalKinds: [Path.Kind: Int]
    /// How many of these go by a relay because there is no other way for them, by the oracle's word.
    public var relayedForWant: Int
    /// What happened besides: nothing, unless it was chaotic.
    public var chaos: [Step]
    /// When everything ran, and the times of the steps began, on the world's clock.
    public var begun: Instant
    /// How long it lasted in the world's own time, to the last thing that was forgotten.
    public var length: Duration
    /// All events that were kept, and the hash of all.
    public var trace: Trace

    /// Whether no rule was broken.
    public var isGood: Bool { judgement.faults.isEmpty }
  }

  /// How a connection went.
  public struct Talk: Hashable, Sendable {
    /// Who has called whom.
    public var caller, called: String
    /// After which time the caller has heard of the other; nil where it has not.
    public var answered: Duration?
    /// When it was asked for, on the world's clock.
    public var asked: Instant
    /// After which time the last of what was said was heard, at either side; nil where nothing was.
    public var ended: Duration?
    /// The ways that it took, as the caller saw it, in their order.
    public var ways: [Way]
    /// For how long nothing came at most, at either side.
    public var silence: Duration
    /// Why it failed, if it did.
    public var failure: String?
  }

  /// A kind of way that a connection took for a while.
  public struct Way: Hashable, Sendable {
    /// Which kind.
    public var kind: Path.Kind
    /// From when on, since the connection was asked for.
    public var since: Duration
  }

  /// Runs it once.
  ///
  /// - Throws: ``RunError`` when the simulation cannot go on. What breaks a rule is in the outcome.
  public func run(seed: UInt64, _ options: Options = Options()) async throws -> Outcome {
    var scenario = self
    var configuration = World.Configuration()
    configuration.keptEvents = options.keptEvents
    let chaos = options.isChaotic ? Chaos(scenario, seed: seed).steps : []
    scenario.timeline += chaos
    // What is expected is expected of what the scenario tells of; who is refused is refused in any weather.
    if options.isChaotic {
      scenario.expectations.removeAll { if case .refusal = $0 { false } else { true } }
    }
    if options.test != nil { scenario.leaveTalkingToTest() }
    let world = World(seed: seed, configuration: configuration) {
      network
      Machine(Stage.directorName)
    }
    let capture = options.capture.map {
      let places = options.capturePlaces.isEmpty ? capturePlaces : options.capturePlaces
      return Capture(of: world, at: Set(places), comment: "\(name), seed \(seed)", to: $0)
    }
    defer { capture?.finish() }
    let (judgement, talks, final, begun) = try await world.run { [scenario] world in
      let stage = Stage(scenario, in: world, isChaotic: options.isChaotic)
      stage.waitsForBestWays = options.waitsForBestWays
      if let capture { stage.keyLog = { capture.take(secret: $0) } }
      (stage.qlog, stage.isEnough) = (options.qlog, options.isEnough)
      stage.test = options.test
      world.watch = stage.watch(besides: options.watch)
      try await stage.play()
      let final = (kinds: stage.finalKinds, forWant: stage.relayedForWant)
      return (stage.judgement, stage.conversations.map(Talk.init), final, stage.begun)
    }
    return Outcome(
      seed: seed, judgement: judgement, conversations: talks, finalKinds: final.kinds,
      relayedForWant: final.forWant, chaos: chaos, begun: begun,
      length: Instant(nanoseconds: 0).duration(to: world.now), trace: world.trace)
  }

  /// Runs it with many seeds, so many at once, the first of them twice.
  ///
  /// - Throws: ``ScenarioFailure`` where a rule is broken.
  @discardableResult
  public func run(
    seeds: ClosedRange<UInt64>, jobs: Int = 2, _ options: Options = Options()
  ) async throws -> ScenarioSweep.Verdict {
    let verdict = try await ScenarioSweep(self, options).run(seeds: seeds, jobs: jobs)
    guard verdict.failures.isEmpty else { throw ScenarioFailure(verdict: verdict) }
    return verdict
  }
}

extension Scenario.Talk {
  fileprivate init(_ conversation: Conversation) {
    (caller, called) = (conversation.caller, conversation.called)
    answered = conversation.answered.map { conversation.asked.duration(to: $0) }
    (asked, ways, silence) = (conversation.asked, conversation.ways, conversation.silence)
    failure = conversation.failure.map { "\($0)" }
    ended = conversation.lastWord
  }
}

extension Scenario {
  /// Nobody connects with anybody by itself, and nothing is expected of that.
  fileprivate mutating func leaveTalkingToTest() {
    timeline.removeAll(where: \.isConnecting)
    expectations.removeAll {
      switch $0 {
      case .connection, .refusal: true
      default: false
      }
    }
  }

  /// Runs it with many seeds, and has a test of yours speak in the place of the peers' usual talk, in each run: it begins when all
  /// programs run, what else the timeline tells of happens meanwhile, and then it is judged what came of everything.
  ///
  /// ```swift
  /// try await Scenario("two-phones").run(seeds: 1...100) { stage in
  ///   let connection = try await stage.peer("alice").connect(to: stage.id(of: "bob"))
  ///   try await stage.sleep(for: .seconds(5))
  ///   stage.expect(await connection.path.kind == .direct, "two phones still need a relay")
  /// }
  /// ```
  ///
  /// - Throws: ``ScenarioFailure`` where a rule is broken, where the test expects something that is not so, and where it throws.
  @discardableResult
  public func run(
    seeds: ClosedRange<UInt64>, jobs: Int = 2, _ options: Options = Options(),
    _ test: @escaping @Sendable (Stage) async throws -> Void
  ) async throws -> ScenarioSweep.Verdict {
    var options = options
    options.test = test
    return try await run(seeds: seeds, jobs: jobs, options)
  }
}

/// A rule was broken.
public struct ScenarioFailure: Error, Sendable, CustomStringConvertible {
  /// What came of all seeds.
  public var verdict: ScenarioSweep.Verdict

  /// What broke which rule, with the first seeds in which one was; and how to see it.
  public var description: String {
    let lines = verdict.failures.prefix(3).map { failure in
      "seed \(failure.seed): \(failure.faults.prefix(3).map(\.description).joined(separator: "; "))"
    }
    return
      "\(verdict.name), in \(verdict.failures.count) of \(verdict.seeds) seeds: \(lines.joined(separator: " | "))"
  }
}

extension Stage {
  /// Plays all of it, and judges, until it is enough.
  func play() async throws {
    try await start()
    begun = world.now
    world.note(Self.begunNote)
    try await perform()
    let promised = isBrokenForGood ? [] : [judgeCalm, judgeSilence, judgePromises]
    for judge in [judgeTalk] + promised + [judgeEnd] {
      try await judge()
      guard let isEnough, judgement.faults.contains(where: isEnough) else { continue }
      await stopPeers()
      return await stopServers()
    }
  }

  /// Lets everything happen that the scenario tells of.
  private func perform() async throws {
    let happening = scenario.timeline.map { step in
      director.spawn("\(step.action)") { try await self.perform(step) }
    }
    if let test {
      do {
        try await test(self)
      } catch {
        expect(false, "the test ends with \(error)")
      }
    }
    for task in happening { try await task.value }
    let length = scenario.length ?? scenario.end + ScenarioLimits.afterwards
    try await director.sleep(for: max(.zero, length - begun.duration(to: world.now)))
    try await waitForLastWords()
  }

  private func judgeTalk() async throws {
    await judgeConversations()
    await judgePortals()
    guard isEnough != nil else { return }
    judgePeaks()
    judgeHidden()
  }

  private func judgeCalm() async throws {
    if mayLose {
      world.note("it is calm")
      try await director.sleep(for: ScenarioLimits.calming)
    }
    await judgeAgreement()
  }

  private func judgeEnd() async throws {
    judgePeaks()
    judgePackets()
    judgeHidden()
    world.note("the end")
    await stopPeers()
    try await judgeServers()
    await stopServers()
    try await judgeRemains()
  }
}
