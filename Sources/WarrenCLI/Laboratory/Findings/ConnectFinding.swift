import WarrenLaboratory
import WarrenMachine

/// Who connects with whom, and how soon the first byte is there.
struct ConnectFinding: Finding {
  let places: [Place]
  let cells: [[PeerMatrix.Cell]]

  var text: String {
    zip(cells, places).map { row, place in
      "  " + row.map { String($0.letter) }.joined(separator: " ") + "  \(place)"
    }.joined(separator: "\n") + "\n"
  }

  var json: JSONValue {
    .list(
      zip(places, cells).map { place, row in
        .object([
          ("name", .text("\(place)")), ("cells", .list(zip(places, row).map { Self.json($1, with: $0) })),
        ])
      })
  }

  private static func json(_ cell: PeerMatrix.Cell, with place: Place) -> JSONValue {
    .object([
      ("with", .text("\(place)")), ("letter", .text(String(cell.letter))), ("trials", .number(cell.trials)),
      ("connected", .number(cell.times.count)), ("relayed", .number(cell.relayed)),
      ("median_ms", .milliseconds(cell.times.median)), ("slowest_ms", .milliseconds(cell.times.last)),
      ("faults", cell.failures.map { Fault(seed: $0.seed, why: $0.why) }.json),
    ])
  }
}
