import Warren
import WarrenLaboratory
import WarrenOptions
import WarrenSimulator

/// Shows packet by packet how two places of the matrix go about reaching each other.
struct Trial: Command {
  private static let alice = Argument("ALICE", .place, "the place of the one")
  private static let bob = Argument("BOB", .place, "the place of the other")
  private static let seed = Option<UInt64>("seed", .number, "which simulated internet it is", default: 1)
  private static let tcp = Option.flag("tcp", "over TCP instead of UDP")

  static var description: CommandDescription {
    CommandDescription(
      "trial", "show packet by packet how two places of the matrix go about it", group: .laboratory,
      arguments: [alice, bob], options: [seed, LaboratoryWords.loss, tcp],
      examples: [
        Example("warren trial port-restricted sequential", "see a port being guessed"),
        Example("warren trial 'full cone' random --loss 10 --seed 7", "see it in a bad network"),
      ])
  }

  /// How much of it is shown: what is longer is a search, and its packets are all alike.
  private static let keptEvents = 2000

  private var trial: PunchTrial
  private let seed: UInt64

  init(_ words: ParsedWords) {
    trial = PunchTrial(alice: words[Self.alice], bob: words[Self.bob])
    trial.loss = words[LaboratoryWords.loss]
    trial.limit = .seconds(30)
    if words[Self.tcp] { trial.transports = [.tcp] }
    seed = words[Self.seed]
  }

  func run() async throws {
    let (outcome, trace) = try await trial.run(seed: seed, keptEvents: Self.keptEvents)
    for event in trace.events { print(event) }
    print("")
    guard let slowest = outcome.slowest, let path = outcome.path else {
      print("There is no direct way: \(outcome.failure ?? "the two sides did not agree on one").")
      return
    }
    print("A direct way \(slowest) after both knew of each other: \(path.local) to \(path.remote).")
    print("\(outcome.packets) packets, \(outcome.bytes) bytes, were sent to find it.")
  }
}
