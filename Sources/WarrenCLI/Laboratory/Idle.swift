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
      options: [minutes, seed, JSONWord.json],
      examples: [Example("warren idle --minutes 600", "look at ten hours")])
  }

  private let minutes: UInt64
  private let seed: UInt64
  private let isJSON: Bool
  private let lives: [UInt64] = [10, 20, 30, 60, 120, 300]

  init(_ words: ParsedWords) {
    minutes = words[Self.minutes]
    seed = words[Self.seed]
    isJSON = words[JSONWord.json]
  }

  func run() async throws {
    let minutes = minutes
    let seed = seed
    var report = LaboratoryReport(
      asJSON: isJSON,
      about: [("seed", .number(Int(clamping: seed))), ("minutes", .number(Int(clamping: minutes)))],
      list: "connections")
    report.say(
      """
      Two peers behind NATs that forget unused mappings are connected, straight and with a relay to spare, and
      say nothing for \(minutes) minutes. What one of them sends and receives, with IP's and UDP's headers:

      """)
    report.say(IdleFinding.heading)
    let findings = try await lives.concurrentMap(2) { life in
      let trial = IdleTrial(behindNATsOf: .seconds(Int64(life)), for: .seconds(Int64(minutes * 60)))
      return IdleFinding(life: life, minutes: minutes, outcome: try await trial.run(seed: seed).outcome)
    }
    for finding in findings { report.tell(finding) }
    report.end()
    if findings.contains(where: { !$0.outcome.faults.isEmpty }) { throw IdleError.wrong }
  }
}

/// Why not all was well.
enum IdleError: Error, CustomStringConvertible {
  case wrong

  var description: String { "not all was well: see above" }
}
