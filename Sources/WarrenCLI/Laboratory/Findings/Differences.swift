import WarrenMachine

/// What is not as it was expected to be.
struct Differences: Finding {
  let lines: [String]

  var text: String { lines.map { "NOT AS EXPECTED: \($0)" }.joined(separator: "\n") }

  var json: JSONValue { .list(lines.map { .text($0) }) }
}
