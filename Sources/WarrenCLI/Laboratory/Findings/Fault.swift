import WarrenMachine

/// What was not as it should be with a seed.
struct Fault: Finding {
  let seed: UInt64
  let why: String

  var text: String { "  seed \(seed): \(why)" }

  var json: JSONValue { .object([("seed", .number(Int(clamping: seed))), ("fault", .text(why))]) }
}

extension [Fault] {
  var json: JSONValue { .list(map(\.json)) }
}
