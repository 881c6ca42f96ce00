import Testing
import Warren
import WarrenMachine

@testable import WarrenScenarios

/// Who is connected with whom over which kind of way is the same behind this kernel's NATs and the simulator's.
@Suite("The matrix in this kernel and in the simulator", .serialized, .needsNamespaces, .needsWarren)
struct LabMatrixTests {
  private func check(_ matrix: LabMatrix, _ pairs: [(LabMatrix.Place, LabMatrix.Place)]) async throws -> [LabCell] {
    let cells = try await matrix.run(
      pairs, repetitions: LabSettings.repetitions, seeds: 1...LabSettings.seeds, jobs: LabSettings.jobs)
    for difference in cells.compactMap(\.difference) { Issue.record(Comment(rawValue: difference)) }
    return cells
  }

  @Test("agrees cell by cell")
  func all() async throws {
    var (matrix, leftOut) = LabMatrix.all
    matrix.search = LabSettings.search ?? .normal
    if let kinds = LabSettings.kinds { matrix.places.removeAll { !kinds.contains($0.name) } }
    guard LabSettings.isWhole || LabSettings.kinds != nil else {
      // Each kind once, the mild ones against the hard ones.
      let few = [("full-cone", "symmetric"), ("linux", "port-restricted"), ("udp-blocked", "public")]
      let pairs = few.map { pair in
        (matrix.places.first { $0.name == pair.0 }!, matrix.places.first { $0.name == pair.1 }!)
      }
      for cell in try await check(matrix, pairs) { print(cell.name.padding(to: 30) + cell.text) }
      return
    }
    let cells = try await check(matrix, matrix.pairs)
    for line in matrix.table(cells) { print(line) }
    for line in leftOut { print("left out, because of the kernel: \(line)") }
  }

  @Test("iroh's: moderate against strict, either way, is direct within five seconds")
  func iroh() async throws {
    var matrix = LabMatrix.iroh
    matrix.search = LabSettings.search ?? .normal
    let hard = Set(["moderate", "strict"])
    let pairs = matrix.pairs.filter { LabSettings.isWhole || $0.0.name != $0.1.name && hard == [$0.0.name, $0.1.name] }
    let cells = try await check(matrix, pairs)
    if LabSettings.isWhole {
      for line in matrix.table(cells) { print(line) }
    } else {
      for cell in cells { print(cell.name.padding(to: 30) + cell.text) }
    }
    for cell in cells where cell.name.contains("moderate") && cell.name.contains("strict") {
      let time = cell.directWithin
      // One of several may be among the two of a hundred.
      if LabSettings.repetitions == 1 { #expect(time.map { $0 < .seconds(5) + LabLimits.slack } ?? false, "\(cell.name)") }
    }
  }
}
