import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenScenarios

@Suite("Sets of scenarios")
struct ScenarioSetTests {
  @Test(
    "each matrix is expected to be as the oracle says, cell by cell",
    arguments: ScenarioMatrix.sets.map(\.name))
  func tables(name: String) throws {
    let matrix = try #require(ScenarioMatrix.sets.first { $0.name == name }).matrix
    let text = try #require(Folder.text(of: Folder.repository + "/Fixtures/Matrix/\(name).txt"))
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { String($0) }
    #expect(lines == matrix.expectation)
  }

  @Test("have as many pairs as they say")
  func sizes() {
    func pairs(_ matrix: ScenarioMatrix) -> Int {
      matrix.sites.indices.reduce(0) { $0 + matrix.columns(of: $1).count }
    }
    #expect(pairs(.nat27) == 378 && pairs(.webRTC) == 100 && pairs(.tailscale) == 64)
    #expect(Set(ScenarioMatrix.nat27.kinds).count == 27)
  }

  @Test("what comes otherwise than it is written is told, and what is luckier is not")
  func differences() async throws {
    let matrix = ScenarioMatrix(["public", "symmetric"])
    let cells = try await matrix.run(seeds: 1...1, jobs: 2)
    #expect(matrix.expectation == ["e e  public", "e r  symmetric"])
    #expect(matrix.differences(cells, from: matrix.expectation) == [])
    #expect(matrix.differences(cells, from: ["# why", "g e  public", "e r  symmetric"]) == [])
    #expect(
      matrix.differences(cells, from: ["e r  public", "e e  symmetric"]) == [
        "public to symmetric: e, and not r", "symmetric to symmetric: r, and not e",
      ])
    #expect(matrix.differences(cells, from: ["e e  public"]) == ["2 lines are expected, and there are 1"])
  }

  @Test("a guest is in the network of the one that it calls, or is called by")
  func guests() async throws {
    let cells = try await ScenarioMatrix(
      sites: ScenarioMatrix.tailscale.sites.filter { ["hard", "sameLAN", "cgnat"].contains($0.name) }
    ).run(seeds: 1...1, jobs: 2)
    #expect(cells[1].map { $0.kinds } == Array(repeating: [.direct: 1], count: 3))
    #expect(cells.joined().allSatisfy { $0.failures.isEmpty })
  }

  @Test(
    "those that follow from a rule have names of their own, and come out right",
    arguments: ScenarioSet.all.flatMap(\.scenarios).map(\.name))
  func scenarios(name: String) async throws {
    #expect(!Scenario.names.contains(name))
    try await Scenario(name).run(seeds: 1...1)
  }

  @Test("there are eighteen changes of networks, and nine rungs for each side")
  func sets() throws {
    #expect(try #require(ScenarioSet(named: "switch-18")).scenarios.count == 18)
    #expect(try #require(ScenarioSet(named: "ladder")).scenarios.count == 18)
    #expect(ScenarioSet(named: "snakes") == nil)
    let names = ScenarioSet.all.flatMap(\.scenarios).map(\.name)
    #expect(Set(names).count == names.count)
  }
}
