import Testing
import WarrenLaboratory

@Suite("A connection whose ways change while it is used")
struct PathScenarioTests {
  @Test("loses no byte, and is not silent for long", arguments: PathScenario.all)
  func everything(scenario: PathScenario) async throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      let outcome = try await PathTrial(scenario).run(seed: seed).outcome
      #expect(outcome.faults.isEmpty, "\(scenario.name), seed \(seed): \(outcome.faults)")
    }
  }
}
