import WarrenLaboratory
import WarrenMachine

/// How many first bytes were there after how long.
struct FirstBytes: Finding {
  /// In their order.
  private let times: [Duration]

  init(_ cells: [[PeerMatrix.Cell]]) { times = cells.joined().flatMap(\.times).sorted() }

  /// Within so many ways from one machine to another: those that say something new.
  private var steps: [(limit: Int, count: Int)] {
    var told = 0
    return [1, 2, 4, 5, 8, 20, 40, 100, 800].compactMap { limit in
      let count = times.prefix { $0 <= PeerTrial.oneWay * limit }.count
      defer { told = count }
      return count > told ? (limit, count) : nil
    }
  }

  var text: String {
    guard !times.isEmpty else { return "" }
    let heading = "The first byte, of \(times.count) that came, in ways from one machine to another (d):"
    let lines = steps.map { limit, count in
      "  within \(limit)d: \(count), \(Double(count * 1000 / times.count) / 10) %"
    }
    return ([heading] + lines).joined(separator: "\n") + "\n"
  }

  var json: JSONValue {
    .object([
      ("count", .number(times.count)), ("one_way_ms", .milliseconds(PeerTrial.oneWay)),
      (
        "within",
        .list(steps.map { .object([("ways", .number($0.limit)), ("count", .number($0.count))]) })
      ),
      ("median_ms", .milliseconds(times.median)), ("slowest_ms", .milliseconds(times.last)),
    ])
  }
}
