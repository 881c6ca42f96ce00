import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints whether peers find each other again after everything has gone wrong that can.
struct Storms: Command {
  private static let seeds = Option<UInt64>(
    "seeds", .number(1...1_000_000), "how many seeds to run", default: 20)
  private static let from = Option<UInt64>("from", .number(1...1 << 40), "the first of them", default: 1)
  private static let faults = Option("faults", .number(0...100), "how many things go wrong", default: 6)
  private static let loss = Option<Double>(
    "loss", .percent(atMost: 50), "how many of the packets are lost while it lasts", default: 0.05)
  private static let only = Option<PeerStorm.Fault?>(
    "only", .choice("FAULT"), "the one thing that goes wrong")

  static var description: CommandDescription {
    CommandDescription(
      "storm", "show whether peers find each other again after everything has gone wrong", group: .laboratory,
      options: [seeds, from, LaboratoryWords.seed, faults, loss, only, JSONWord.json],
      rules: [
        .atMostOne(of: [seeds, LaboratoryWords.seed]), .atMostOne(of: [from, LaboratoryWords.seed]),
      ],
      examples: [
        Example("warren storm --seeds 1000 --faults 12", "look for a seed that does not end well"),
        Example("warren storm --seed 77 --only natReboot", "show one, event by event"),
      ])
  }

  private let seeds: ClosedRange<UInt64>
  /// Of which all events are shown.
  private let shown: UInt64?
  private let isJSON: Bool
  private var storm = PeerStorm()

  init(_ words: ParsedWords) {
    storm.faults = words[Self.faults]
    storm.loss = words[Self.loss]
    if let kind = words[Self.only] { storm.kinds = [kind] }
    isJSON = words[JSONWord.json]
    let seed = words[LaboratoryWords.seed]
    shown = isJSON ? nil : seed
    let first = words[Self.from]
    seeds = seed.map { $0...$0 } ?? first...(first + words[Self.seeds] - 1)
  }

  func run() async throws {
    var report = LaboratoryReport(asJSON: isJSON, about: [("seeds", .seeds(seeds))])
    report.say(
      """
      Peers in a storm: loss, crashes of the registry, NATs that forget, addresses that change, links that fail,
      programs that restart; then calm. \(seeds.count) seeds:

      """)
    let (seeds, storm) = (seeds, storm)
    let keptEvents = shown == nil ? 0 : 200_000
    let runs = try await seeds.concurrentMap(2) { seed in
      var outcome = PeerStorm.Outcome()
      do {
        let run = try await storm.run(seed: seed, keptEvents: keptEvents)
        if keptEvents > 0 { for event in run.trace.events { print(event) } }
        outcome = run.outcome
      } catch {
        outcome.faults = ["\(error)"]
      }
      return (seed: seed, outcome: outcome)
    }
    report.tell(StormFinding(runs: runs), as: "connections")
    report.end()
    let wrong = runs.filter { !$0.outcome.faults.isEmpty }
    if !wrong.isEmpty { throw StormError.wrong(wrong.map(\.seed)) }
  }
}

/// Why a storm was not weathered.
enum StormError: Error, CustomStringConvertible {
  case wrong([UInt64])

  var description: String {
    switch self {
    case .wrong(let seeds): "not all was well with seeds \(seeds.map(String.init).joined(separator: ", "))"
    }
  }
}
