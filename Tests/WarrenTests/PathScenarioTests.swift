import Testing
import WarrenLaboratory

@Suite("A connection whose ways change while it is used")
struct PathScenarioTests {
  @Test("loses no byte, and is not silent for long", arguments: PathScenario.all)
  func everything(scenario: PathScenario) async throws {
    // `warren paths` has more of them.
    let outcome = try await PathTrial(scenario).run(seed: 1).outcome
    #expect(outcome.faults.isEmpty, "\(outcome.faults)")
  }
}
