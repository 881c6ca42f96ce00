import Warren
import WarrenMachine

@testable import WarrenScenarios
@testable import WarrenSimulator

/// A matrix in both worlds.
struct LabMatrix: Sendable {
  var matrix: ScenarioMatrix

  /// A place that calls, and one that is called.
  typealias Pair = (row: Int, column: Int)

  /// All kinds of NAT that have a name and that the kernel can be; without those, why not.
  static var all: (matrix: LabMatrix, leftOut: [String]) {
    let obstacles = NATConfiguration.named.map { ($0.name, KernelObstacle($0.configuration, customers: 1)) }
    let possible = obstacles.filter { $0.1 == nil }.map(\.0)
    return (
      LabMatrix(matrix: ScenarioMatrix(["public"] + possible)),
      obstacles.compactMap { name, obstacle in obstacle.map { "\(name): \($0)" } }
    )
  }

  /// All pairs.
  var pairs: [Pair] {
    matrix.sites.indices.flatMap { row in matrix.columns(of: row).map { Pair(row, $0) } }
  }

  /// The pair of these names.
  func pair(_ row: String, _ column: String) -> Pair {
    Pair(matrix.kinds.firstIndex(of: row)!, matrix.kinds.firstIndex(of: column)!)
  }

  /// Tries some pairs in both worlds, so many at once.
  func run(_ pairs: [Pair], repetitions: Int, seeds: ClosedRange<UInt64>, jobs: Int) async throws -> [LabCell]
  {
    try await concurrently(pairs, jobs) { pair in
      let scenario = matrix.scenario(pair.row, pair.column)
      let promise = Oracle(scenario).promise("alice", "bob")
      let best = promise.direct != .never ? Path.Kind.direct : .tcp
      var cell = LabCell(name: scenario.name, isChance: promise.direct == .perhaps)
      for repetition in 1...repetitions {
        // Who goes straight goes on so.
        let outcome = try await LabStage.play(scenario, seed: UInt64(repetition)) { talks in
          talks.allSatisfy { $0.lastKind == best }
        }
        cell.add(outcome)
      }
      cell.add(try await ScenarioSweep(scenario).run(seeds: seeds, jobs: 1))
      return cell
    }
  }

  /// For a person: for each pair the kernel's word and the simulator's, of all pairs.
  func table(_ cells: [LabCell]) -> [String] {
    let width = (matrix.kinds.map(\.count).max() ?? 0) + 2
    var lines = [
      "In each cell the kernel's way and the simulator's, and after how many seconds most went straight.",
      "D direct, T direct over TCP, R relayed, . not at all; small: not each time; <- where they differ.", "",
    ]
    lines.append("".padding(to: width) + matrix.kinds.map { $0.padding(to: 16) }.joined())
    var rest = cells[...]
    for (row, name) in matrix.kinds.enumerated() {
      let columns = matrix.columns(of: row)
      let line = rest.prefix(columns.count).map { $0.text.padding(to: 16) }.joined()
      lines.append(name.padding(to: width) + String(repeating: " ", count: 16 * columns.lowerBound) + line)
      rest = rest.dropFirst(columns.count)
    }
    return lines
  }
}
