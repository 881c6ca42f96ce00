import Warren
import WarrenScenarios

/// Who is connected with whom, in words and as JSON.
struct MatrixReport {
  var matrix: ScenarioMatrix
  var cells: [[ScenarioSweep.Verdict]]
  /// What came otherwise than was expected, if something was.
  var differences: [String]?

  private var kinds: [String] { matrix.kinds }

  /// What stands in a cell: how they are connected in the end, and after how many seconds most of those went straight that did.
  private func text(of cell: ScenarioSweep.Verdict) -> String {
    guard cell.failures.isEmpty else { return "?" }
    let direct = cell.directTimes
    let time = direct.isEmpty ? "" : " \(tenths(direct[direct.count / 2]))"
    let last = cell.kinds.max { $0.value < $1.value }?.key
    switch last {
    case .direct: return (cell.kinds.count == 1 ? "D" : "d") + time
    case .tcp: return cell.kinds.count == 1 ? "T" : "t"
    case .relayed: return cell.kinds.count == 1 ? "R" : "r" + time
    case nil: return "."
    }
  }

  private func tenths(_ time: Duration) -> String {
    let count = Int((time / .milliseconds(100)).rounded())
    return "\(count / 10).\(count % 10)"
  }

  var lines: [String] {
    let width = (kinds.map(\.count).max() ?? 0) + 2
    var lines = [
      "D  direct    T  direct, over TCP    R  over a relay    ?  a rule was broken; small: not with every seed.",
      "Behind it, after how many seconds most of those went straight that did. Lines call columns, in the same order.",
      "",
    ]
    for (row, kind) in kinds.enumerated() {
      let blank = String(repeating: " ", count: 6 * matrix.columns(of: row).lowerBound)
      lines.append("  " + pad(kind, width) + blank + cells[row].map { pad(text(of: $0), 6) }.joined())
    }
    for cell in cells.joined() where !cell.failures.isEmpty {
      for failure in cell.failures.prefix(2) {
        lines.append("  \(cell.name), seed \(failure.seed): \(failure.faults.first.map { "\($0)" } ?? "")")
      }
    }
    guard let differences else { return lines }
    return lines + [""] + differences.map { "  \($0)" }
      + [
        differences.isEmpty
          ? "All is as it is expected." : "\(differences.count) pairs are not as they are expected."
      ]
  }

  var json: JSONValue {
    .object([
      ("kinds", .list(kinds.map { .text($0) })),
      ("differences", differences.map { .list($0.map { .text($0) }) } ?? .nothing),
      (
        "cells",
        .list(cells.map { row in .list(row.map { SimulationReport.json(of: $0) }) })
      ),
    ])
  }
}
