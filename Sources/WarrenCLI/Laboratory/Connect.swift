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
        LaboratoryWords.against,
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
  }

  func run() async throws {
    if pair.count == 2 { return try await showPair() }
    print("Peers in each place (a line) connect with peers in each place (a column, in the same order),")
    print(
      "\(seeds.count) seeds, \(Int(loss * 100)) % of the packets lost. How many ways from one machine to another it"
    )
    print(
      "takes at most until the first byte is there; g after a guess, s slowly, . never, ? not in every seed.\n"
    )
    let matrix = PeerMatrix { trial in change(&trial) }
    let cells = try await matrix.run(seeds: seeds)
    for (row, place) in zip(cells, matrix.places) {
      print("  " + row.map { String($0.letter) }.joined(separator: " ") + "  \(place)")
    }
    print("")
    tellTimes(cells.joined())
    if let expected { return try compare(matrix, cells, expected) }
    defer { if relays { tellRelayed(cells.joined()) } }
    for (row, alice) in zip(cells, matrix.places) {
      for (cell, bob) in zip(row, matrix.places) where !cell.failures.isEmpty {
        let seeds = cell.failures.prefix(5).map { "\($0.seed) (\($0.why))" }.joined(separator: ", ")
        print("  \(alice) to \(bob): \(cell.times.count) of \(cell.trials), not seeds \(seeds)")
      }
    }
    let failures = cells.joined().count { !$0.failures.isEmpty }
    // With a relay there is always a way.
    if relays, failures > 0 { throw MatrixError.differs(failures) }
  }

  /// How many first bytes were there after how long.
  private func tellTimes(_ cells: some Sequence<PeerMatrix.Cell>) {
    let times = cells.flatMap(\.times).sorted()
    guard !times.isEmpty else { return }
    print("The first byte, of \(times.count) that came, in ways from one machine to another (d):")
    var told = 0
    for limit in [1, 2, 4, 5, 8, 20, 40, 100, 800] {
      let count = times.prefix { $0 <= PeerTrial.oneWay * limit }.count
      if count > told { print("  within \(limit)d: \(count), \(Double(count * 1000 / times.count) / 10) %") }
      told = count
    }
    print("")
  }

  /// Of all who connected, how many needed the relay for their first byte, and how long that took.
  private func tellRelayed(_ cells: some Sequence<PeerMatrix.Cell>) {
    let (all, relayed) = cells.reduce((0, 0)) { ($0.0 + $1.times.count, $0.1 + $1.relayed) }
    let slow = cells.filter { $0.relayed > 0 }.flatMap(\.times).sorted()
    guard !slow.isEmpty else { return }
    print(
      "\(all) connected, \(relayed) of them over the relay at first. Where that was needed the first byte was there"
    )
    print(
      "after \(slow[0]) at least, \(slow[slow.count / 2]) in half of the trials, \(slow[slow.count - 1]) at most."
    )
  }

  private func compare(_ matrix: PeerMatrix, _ cells: [[PeerMatrix.Cell]], _ expected: [String]) throws {
    let differences = matrix.differences(cells, from: expected)
    for line in differences { print("NOT AS EXPECTED: \(line)") }
    if !differences.isEmpty { throw MatrixError.differs(differences.count) }
    if crosses || loss > 0 { return print("All connect who can.") }
    if isEarly { return print("All who have met before are heard within one round trip.") }
    print(
      "Where nothing is to be guessed, the first byte is there after two round trips, or two and a half where a NAT"
    )
    print("maps anew for each other end.")
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
    for seed in seeds {
      let (outcome, trace) = try await trial.run(seed: seed, keptEvents: seeds.count == 1 ? 100_000 : 0)
      for event in trace.events { print(event) }
      print("seed \(seed): first byte \(outcome.firstByte.map { "\($0)" } ?? "never"); \(outcome)")
    }
  }
}
