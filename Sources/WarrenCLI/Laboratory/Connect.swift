import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints which peers connect with which, and how soon the first byte is there.
struct Connect: Command {
  private static let alice = Argument<Place?>.optional(
    "ALICE", .place, "the place of the one: all places if nothing is said")
  private static let bob = Argument<Place?>.optional("BOB", .place, "the place of the other")
  private static let seeds = LaboratoryWords.seeds(3, atMost: 100_000)
  private static let asks = Option.flag("asks", "the called side asks its user first")
  private static let crosses = Option.flag("crosses", "both call each other at once")
  private static let early = Option.flag(
    "early", "they have met before, and say something with the first packet")
  private static let relay = Option.flag("relay", "there is a relay: everybody connects")

  static var description: CommandDescription {
    CommandDescription(
      "connect", "show which peers connect with which, and when the first byte is there", group: .laboratory,
      arguments: [alice, bob],
      options: [
        seeds, LaboratoryWords.seed, LaboratoryWords.loss, asks, crosses, early, relay,
        LaboratoryWords.against, JSONWord.json,
      ],
      rules: [.together([alice, bob]), .atMostOne(of: [seeds, LaboratoryWords.seed])],
      examples: [
        Example(
          "warren connect --relay", "connect everybody with everybody, over relays where nothing else leads"),
        Example("warren connect random port-restricted --seed 3", "show two of them, event by event"),
      ])
  }

  private let seeds: ClosedRange<UInt64>
  private let loss: Double
  private let pair: [Place]
  private let asks: Bool
  private let expected: [String]?
  private let crosses: Bool
  private let isEarly: Bool
  private let relays: Bool
  private let isJSON: Bool

  init(_ words: ParsedWords) throws {
    pair = [words[Self.alice], words[Self.bob]].compactMap { $0 }
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
    loss = words[LaboratoryWords.loss]
    asks = words[Self.asks]
    expected = try words[LaboratoryWords.against].map {
      try lines(ofFile: $0).filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
    crosses = words[Self.crosses]
    isEarly = words[Self.early]
    relays = words[Self.relay]
    isJSON = words[JSONWord.json]
  }

  func run() async throws {
    if pair.count == 2 { return try await showPair() }
    var report = report()
    report.say(
      """
      Peers in each place (a line) connect with peers in each place (a column, in the same order),
      \(seeds.count) seeds, \(Int(loss * 100)) % of the packets lost. How many ways from one machine to another it
      takes at most until the first byte is there; g after a guess, s slowly, . never, ? not in every seed.

      """)
    let matrix = PeerMatrix { trial in change(&trial) }
    let cells = try await matrix.run(seeds: seeds)
    report.tell(ConnectFinding(places: matrix.places, cells: cells), as: "rows")
    report.tell(FirstBytes(cells), as: "first_bytes")
    let differences = expected.map { matrix.differences(cells, from: $0) }
    if let differences {
      report.tell(Differences(lines: differences), as: "differences")
      if differences.isEmpty { report.say(praise) }
    } else {
      sayFailures(matrix, cells, report)
      if relays { report.tell(RelayedBytes(cells), as: "relayed") }
    }
    report.end()
    // With a relay there is always a way.
    let failures = differences?.count ?? (relays ? cells.joined().count { !$0.failures.isEmpty } : 0)
    if failures > 0 { throw MatrixError.differs(failures) }
  }

  private func report(_ list: String? = nil) -> LaboratoryReport {
    LaboratoryReport(
      asJSON: isJSON,
      about: [
        ("seeds", .seeds(seeds)), ("loss_percent", .percent(loss)), ("asks", .flag(asks)),
        ("crosses", .flag(crosses)), ("early", .flag(isEarly)), ("relay", .flag(relays)),
      ], list: list)
  }

  /// The object has them in its rows.
  private func sayFailures(_ matrix: PeerMatrix, _ cells: [[PeerMatrix.Cell]], _ report: LaboratoryReport) {
    for (row, alice) in zip(cells, matrix.places) {
      for (cell, bob) in zip(row, matrix.places) where !cell.failures.isEmpty {
        let seeds = cell.failures.prefix(5).map { "\($0.seed) (\($0.why))" }.joined(separator: ", ")
        report.say("  \(alice) to \(bob): \(cell.times.count) of \(cell.trials), not seeds \(seeds)")
      }
    }
  }

  private var praise: String {
    if crosses || loss > 0 { return "All connect who can." }
    if isEarly { return "All who have met before are heard within one round trip." }
    return """
      Where nothing is to be guessed, the first byte is there after two round trips, or two and a half where a NAT
      maps anew for each other end.
      """
  }

  private func change(_ trial: inout PeerTrial) {
    trial.loss = loss
    trial.asks = asks
    trial.crosses = crosses
    trial.isEarly = isEarly
    trial.relays = relays
  }

  private func showPair() async throws {
    var trial = PeerTrial(alice: pair[0], bob: pair[1])
    change(&trial)
    var report = report("trials")
    let keptEvents = seeds.count == 1 && !isJSON ? 100_000 : 0
    for seed in seeds {
      let (outcome, trace) = try await trial.run(seed: seed, keptEvents: keptEvents)
      for event in trace.events { print(event) }
      report.tell(PairFinding(seed: seed, outcome: outcome))
    }
    report.end()
  }
}
