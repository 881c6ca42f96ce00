import Testing
import Warren
import WarrenMachine

@testable import WarrenScenarios

/// Who is connected with whom over which kind of way is the same behind this kernel's NATs and the simulator's.
@Suite("The matrix in this kernel and in the simulator", .serialized, .needsTunnels, .needsWarren)
struct LabMatrixTests {
  /// Tries these pairs, or all where everything is tried, and prints what came of it.
  private func check(_ lab: LabMatrix, few: [(String, String)]) async throws -> [LabCell] {
    var lab = lab
    (lab.matrix.search, lab.matrix.talk) = (LabSettings.search ?? .normal, LabLimits.matrixTalk)
    let isAll = LabSettings.isWhole || LabSettings.kinds != nil
    let cells = try await lab.run(
      isAll ? lab.pairs : few.map { lab.pair($0.0, $0.1) }, repetitions: LabSettings.repetitions,
      seeds: 1...LabSettings.seeds, jobs: LabSettings.jobs)
    for line in isAll ? lab.table(cells) : cells.map({ $0.name.padding(to: 32) + $0.text }) { print(line) }
    for difference in cells.compactMap(\.difference) { Issue.record(Comment(rawValue: difference)) }
    #expect(!cells.isEmpty)
    return cells
  }

  @Test("agrees cell by cell")
  func all() async throws {
    var (lab, leftOut) = LabMatrix.all
    if let kinds = LabSettings.kinds { lab.matrix.sites.removeAll { !kinds.contains($0.name) } }
    _ = try await check(
      lab, few: [("full-cone", "symmetric"), ("linux", "port-restricted"), ("carrier", "linux-reject")])
    for line in leftOut { print("left out, because of the kernel: \(line)") }
  }

  @Test("of iroh's pairs, moderate against strict, either way, is direct within five seconds")
  func iroh() async throws {
    let hard = [("moderate", "strict"), ("strict", "moderate")]
    let cells = try await check(LabMatrix(matrix: .iroh), few: hard)
    for (row, column) in hard {
      let cell = try #require(cells.first { $0.name == "\(row) to \(column)" })
      // Two of a hundred may take longer.
      #expect(
        cell.direct(within: .seconds(5) + LabLimits.slack) >= LabSettings.repetitions * 98 / 100,
        "\(cell.name)")
    }
  }

  @Test("where the two differ, it is told")
  func difference() async throws {
    var cell = LabCell(name: "moderate to strict", isChance: true)
    let one = LabTalk.Outcome(
      caller: "alice", called: "bob", answered: .seconds(1), silence: .zero, isComplete: true)
    for kind in [Path.Kind.direct, .direct, .relayed] {
      var talk = one
      talk.ways = [Scenario.Way(kind: kind, since: .seconds(1))]
      cell.add(LabStage.Outcome(talks: [talk], sent: [:]))
    }
    var verdict = ScenarioSweep.Verdict(name: cell.name)
    (verdict.seeds, verdict.kinds) = (3, [.direct: 3])
    var other = cell
    cell.add(verdict)
    #expect(cell.difference == nil, "chance decides, and most are direct")
    verdict.kinds = [.relayed: 3]
    other.add(verdict)
    #expect(other.difference?.contains("direct (2), relayed (1)") ?? false, "\(other)")
    var certain = LabCell(name: "open to open", isChance: false)
    certain.add(LabStage.Outcome(talks: [one], sent: [:]))
    certain.add(verdict)
    #expect(certain.difference != nil)
  }
}
