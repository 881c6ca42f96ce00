import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints what a connection costs over which nobody says anything.
struct Idle: Command {
  private static let minutes = Option<UInt64>(
    "minutes", .number(1...10_000), "how long nobody says anything", default: 60)
  private static let seed = Option<UInt64>("seed", .number, "which simulated internet it is", default: 1)

  static var description: CommandDescription {
    CommandDescription(
      "idle", "show how many bytes a connection costs over which nobody says anything", group: .laboratory,
      options: [minutes, seed],
      examples: [Example("warren idle --minutes 600", "look at ten hours")])
  }

  private let minutes: UInt64
  private let seed: UInt64
  private let lives: [UInt64] = [10, 20, 30, 60, 120, 300]

  init(_ words: ParsedWords) {
    minutes = words[Self.minutes]
    seed = words[Self.seed]
  }

  func run() async throws {
    print(
      "Two peers behind NATs that forget unused mappings are connected, straight and with a relay to spare, and"
    )
    print(
      "say nothing for \(minutes) minutes. What one of them sends and receives, with IP's and UDP's headers:\n"
    )
    print("  \(pad("mappings live", 15)) alive every   \(columns(["straight", "relay", "registry", "all"]))")
    let minutes = minutes
    let seed = seed
    let runs = try await lives.concurrentMap(2) { life in
      let trial = IdleTrial(behindNATsOf: .seconds(Int64(life)), for: .seconds(Int64(minutes * 60)))
      return (life, try await trial.run(seed: seed).outcome)
    }
    var isWrong = false
    for (life, outcome) in runs {
      let all = [outcome.straight, outcome.relayed, outcome.registry]
      let rates = all.map { Double($0.bytes) / Double(minutes * 60) }
      let texts = (rates + [rates.reduce(0, +)]).map { "\(tenths($0)) B/s" }
      let pauses = outcome.pauses.sorted()
      let pause = pauses.isEmpty ? nil : pauses[pauses.count / 2]
      print("  \(pad("\(life) s", 15)) \(pad(seconds(pause), 13)) \(columns(texts))")
      for fault in outcome.faults { print("    \(fault)") }
      isWrong = isWrong || !outcome.faults.isEmpty
    }
    if isWrong { throw IdleError.wrong }
  }

  private func columns(_ texts: [String]) -> String { texts.map { pad($0, 12) }.joined() }

  private func tenths(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}

/// Why not all was well.
enum IdleError: Error, CustomStringConvertible {
  case wrong

  var description: String { "not all was well: see above" }
}
