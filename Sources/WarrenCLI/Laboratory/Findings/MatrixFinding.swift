import WarrenLaboratory
import WarrenMachine

/// Who gets through to whom, of those in one matrix.
struct MatrixFinding: Finding {
  let matrix: PunchMatrix
  let cells: [[PunchMatrix.Cell]]
  let transport: TransportProtocol
  let loss: Double
  /// Whether a row is one pair in one place, and not somebody with many others.
  var isOfPairs = false

  private var direct: Int { cells.joined().count { $0.direct == $0.trials } }
  private var pairs: Int { cells.reduce(0) { $0 + $1.count } }

  var text: String {
    let end = "\n  \(direct) of \(pairs) pairs are direct in every seed.\n"
    return (matrix.text(cells).map { "  \($0)" } + [end]).joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      ("transport", .text(transport == .udp ? "udp" : "tcp")), ("loss_percent", .percent(loss)),
      ("pairs", .number(pairs)), ("direct", .number(direct)),
      (
        "rows",
        .list(
          zip(matrix.names, cells).map { name, row in
            .object([
              ("name", .text(name)), ("cells", .list(row.indices.map { json(row[$0], $0, of: row.count) })),
            ])
          })
      ),
    ])
  }

  private func json(_ cell: PunchMatrix.Cell, _ column: Int, of count: Int) -> JSONValue {
    // A row ends with the last of all, and may begin with its own.
    let other: [(String, JSONValue)] =
      isOfPairs ? [] : [("with", .text(matrix.names[matrix.names.count - count + column]))]
    return .object(
      other + [
        ("letter", .text(String(cell.letter(atOnce: matrix.atOnce)))), ("trials", .number(cell.trials)),
        ("direct", .number(cell.direct)), ("slowest_ms", .milliseconds(cell.direct > 0 ? cell.slowest : nil)),
        ("failed_seed", cell.failed.map { .number(Int(clamping: $0)) } ?? .nothing),
      ])
  }
}
