import TestSupport
import Testing
import Warren
import WarrenScenarios
import WarrenSimulator

@Suite("Scenarios")
struct ScenarioTests {
  @Test("each that has a name comes out right", arguments: Scenario.names)
  func named(name: String) async throws {
    let scenario = try Scenario(named: name)
    let verdict = try await scenario.run(seeds: 1...1)
    let talks = scenario.timeline.contains { if case .connect = $0.action { true } else { false } }
    for rule in [Rule.noStorm, .nothingLeft, .sameRun] + (talks ? [.everyByte] : []) {
      #expect(verdict.trials[rule, default: 0] > 0, "\(rule) was never put to the test")
    }
  }

  @Test(
    "a rule that several could break and that was never put to the test is named; of one nothing is expected")
  func untried() async throws {
    let scenarios = try ["home-home", "refused", "crash-ten-minutes"].map { try Scenario(named: $0) }
    var trials: [Rule: Int] = [:]
    for scenario in scenarios {
      trials.merge(try await scenario.run(seeds: 1...1).trials, uniquingKeysWith: +)
    }
    #expect(Rule.untried(trials, by: scenarios).isEmpty, "\(trials)")
    for rule in Rule.allCases {
      var fewer = trials
      fewer[rule] = nil
      #expect(Rule.untried(fewer, by: scenarios) == [rule])
      #expect(Rule.untried(fewer, by: [scenarios[0]]).isEmpty)
    }
    // With things that go wrong besides, nothing is expected but that who is refused is; of what is gone for good nothing is promised.
    let others = try ["home-home", "gone-for-good"].map { try Scenario(named: $0) }
    #expect(!Rule.untried([:], by: others, isChaotic: true).contains(.expectation))
    #expect(
      Rule.untried([:], by: [others[1], others[1]]) == [
        .everyByte, .rightPeer, .noStorm, .nothingLeft, .sameRun, .expectation,
      ])
  }

  @Test(
    "pairs that know nothing of each other find each other, where they have found only each other",
    arguments: [58, 87] as [UInt64])
  func halves(seed: UInt64) async throws {
    try await Scenario(named: "mesh-in-halves").run(seeds: seed...seed)
  }

  @Test("who is called by name is found although a stranger answers sooner")
  func strangerByName() async throws {
    try await Scenario(named: "somebody-else-there").run(seeds: 1...3) { stage in
      let connection = try await stage.peer("alice").connect(to: "bob")
      stage.expect(connection.peer == stage.id(of: "bob"), "somebody else is there")
    }
  }

  @Test("those that have a name are the files, and say why they exist")
  func files() throws {
    let folder = "\(Folder.repository)/Fixtures/Scenarios"
    let names = Folder.names(in: folder).filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
    #expect(names.sorted() == Scenario.names.sorted() && names.count >= 40)
    for name in names {
      let scenario = try Scenario(named: name)
      #expect(scenario.name == name && scenario.reason.count > 20 && scenario.reason.hasSuffix("."))
      #expect(!scenario.timeline.isEmpty)
    }
  }

  @Test(
    "what goes wrong besides is over in the end: everyone is connected again",
    arguments: 1...6 as ClosedRange<UInt64>)
  func chaos(seed: UInt64) async throws {
    var options = Scenario.Options()
    options.isChaotic = true
    for name in ["home-home", "home-strict-birthday", "no-udp"] {
      let outcome = try await Scenario(named: name).run(seed: seed, options)
      #expect(outcome.judgement.faults.isEmpty, "\(name): after \(outcome.chaos)")
    }
  }

  @Test("who is kept from speaking for long says the rest later, and is waited for")
  func late() async throws {
    let pauses = [5, 50, 95].map { Step(at: .seconds($0), .down("bob", length: .seconds(40))) }
    let talk = try #require(try await talking(for: .seconds(150), while: pauses).conversations.first)
    #expect(try #require(talk.ended) > .seconds(210), "nobody was kept from speaking for a minute")
  }

  @Test("what was said last is lost with a connection that is over, and nobody but its breaker is to blame")
  func lostLastWords() async throws {
    let cuts = ["bob", "registry"].map {
      Step(at: .seconds(5), .cut("alice", $0, isOneWay: true, length: .seconds(180)))
    }
    let talk = try #require(try await talking(for: .seconds(5), while: cuts).conversations.first)
    #expect(talk.failure != nil, "\(talk)")
  }

  /// Two talk while something happens.
  @discardableResult
  private func talking(for talk: Duration, while steps: [Step]) async throws -> Scenario.Outcome {
    var scenario = Scenario("talk", why: "Two talk while something happens.") {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.portRestrictedCone)
    }
    scenario.timeline = [.connect("alice", to: "bob", talking: .lasting(talk))] + steps
    let outcome = try await scenario.run(seed: 1)
    #expect(outcome.isGood, "\(outcome.judgement.faults)")
    return outcome
  }

  @Test("one in Swift is the same as one in a file")
  func inSwift() async throws {
    let written = Scenario("home-home", why: "Two homes behind the usual routers.") {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.portRestrictedCone)
    } timeline: {
      Step.connect("alice", to: "bob")
    } expecting: {
      Expectation.connection(
        "alice", to: "bob", Expectation.Wishes(within: .milliseconds(130), over: .direct))
    }
    let (one, other) = (try await written.run(seed: 3), try await Scenario(named: "home-home").run(seed: 3))
    #expect(one.isGood && one.trace.hash == other.trace.hash)
  }

  @Test("what is expected and does not come is told")
  func expectations() async throws {
    var scenario = try Scenario(named: "strict-strict")
    scenario.expectations = [
      .connection("alice", to: "bob", Expectation.Wishes(within: .milliseconds(10))),
      .connection("alice", to: "bob", Expectation.Wishes(over: .direct)),
      .connection("alice", to: "bob", Expectation.Wishes(silence: .milliseconds(1))),
      .packets(of: "alice", atMost: 10), .refusal("alice", to: "bob"),
    ]
    let faults = try await scenario.run(seed: 1).judgement.faults
    #expect(faults.count == 5 && faults.allSatisfy { $0.rule == .expectation }, "\(faults)")
    await #expect(throws: ScenarioFailure.self) { try await scenario.run(seeds: 1...2) }
  }

  @Test("two seeds are two runs, and one is always the same")
  func seeds() async throws {
    let scenario = try Scenario(named: "home-home-loss")
    let hashes = [1, 2, 1].map { $0 as UInt64 }
    var found: [UInt64] = []
    for seed in hashes { found.append(try await scenario.run(seed: seed).trace.hash) }
    #expect(found[0] == found[2] && found[0] != found[1])
  }
}
