import WarrenLaboratory
import WarrenMachine

/// How two have connected.
struct PairFinding: Finding {
  let seed: UInt64
  let outcome: PeerTrial.Outcome

  var text: String { "seed \(seed): first byte \(outcome.firstByte.map { "\($0)" } ?? "never"); \(outcome)" }

  var json: JSONValue {
    .object([
      ("seed", .number(Int(clamping: seed))), ("connected_ms", .milliseconds(outcome.connected)),
      ("first_byte_ms", .milliseconds(outcome.firstByte)), ("answered_ms", .milliseconds(outcome.answered)),
      ("agree", .flag(outcome.agree)), ("punched", .flag(outcome.isPunched)),
      ("relayed", .flag(outcome.isRelayed)),
      ("fault", outcome.failure.map { .text($0) } ?? .nothing),
    ])
  }
}
