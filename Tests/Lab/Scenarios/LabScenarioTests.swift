import Glibc
import TestSupport
import Testing
import Warren
import WarrenMachine

@testable import WarrenScenarios

/// The scenarios of `Fixtures/Scenarios`, of which the lab can do every part, with the command `warren` behind this kernel's NATs.
@Suite("Scenarios in this kernel", .serialized, .needsTunnels, .needsWarren)
struct LabScenarioTests {
  /// A few in every run of the tests, and all in `make lab`.
  static let names =
    LabSettings.scenarios
    ?? (LabSettings.isWhole ? Scenario.names : ["home-home", "same-cgn-hairpin", "strict-strict"])

  @Test("come to what they expect")
  func expected() async throws {
    let results = try await concurrently(Self.names, LabSettings.jobs) { try await Self.result(of: $0) }
    for (name, result) in zip(Self.names, results) {
      print("\(name.padding(to: 26)) \(result.line)")
      for fault in result.faults { Issue.record("\(name): \(fault)") }
    }
    #expect(results.contains { $0.isPlayed })
  }

  private struct Result: Sendable {
    var line: String
    var faults: [String] = []
    var isPlayed = true
  }

  /// The same in the simulator, with one seed.
  private static func simulated(_ scenario: Scenario) async throws -> String {
    try await scenario.run(seed: 1).conversations.map { talk in
      LabJudgement.words(answered: talk.answered, ways: talk.ways, silence: talk.silence)
    }.joined(separator: "; ")
  }

  private static func result(of name: String) async throws -> Result {
    let scenario = try Scenario(named: name)
    if let obstacle = LabStage.obstacle(scenario) {
      return Result(line: "left out: \(obstacle)", isPlayed: false)
    }
    do {
      let outcome = try await LabStage.play(scenario)
      let judgement = LabJudgement(scenario, outcome)
      let beside = LabSettings.isWhole ? " | simulator: \(try await simulated(scenario))" : ""
      return Result(line: judgement.line + beside, faults: judgement.faults)
    } catch {
      return Result(line: "\(error)", faults: ["\(error)"])
    }
  }
}
