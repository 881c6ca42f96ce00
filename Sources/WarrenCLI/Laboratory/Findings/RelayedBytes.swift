import WarrenLaboratory
import WarrenMachine

/// Of all who connected, how many needed the relay for their first byte, and how long that took.
struct RelayedBytes: Finding {
  private let connected: Int
  private let relayed: Int
  /// Of the pairs in which some needed it, in their order.
  private let times: [Duration]

  init(_ cells: [[PeerMatrix.Cell]]) {
    (connected, relayed) = cells.joined().reduce((0, 0)) { ($0.0 + $1.times.count, $0.1 + $1.relayed) }
    times = cells.joined().filter { $0.relayed > 0 }.flatMap(\.times).sorted()
  }

  var text: String {
    guard let first = times.first, let median = times.median, let last = times.last else { return "" }
    return """
      \(connected) connected, \(relayed) of them over the relay at first. Where that was needed the first byte was there
      after \(first) at least, \(median) in half of the trials, \(last) at most.
      """
  }

  var json: JSONValue {
    .object([
      ("connected", .number(connected)), ("relayed", .number(relayed)),
      ("least_ms", .milliseconds(times.first)),
      ("median_ms", .milliseconds(times.median)), ("most_ms", .milliseconds(times.last)),
    ])
  }
}
