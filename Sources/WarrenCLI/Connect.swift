import Warren
import WarrenLaboratory

/// Prints which peers connect with which, and how soon the first byte is there.
struct Connect {
  private let seeds: ClosedRange<UInt64>
  private let loss: Double
  private let pair: [Place]
  private let asks: Bool
  private let expected: [String]?
  private let crosses: Bool
  private let isEarly: Bool
  private let relays: Bool

  init(arguments: ArraySlice<String>) throws {
    let words = arguments.prefix { !$0.hasPrefix("--") }
    let options = try Options(
      arguments.dropFirst(words.count), known: ["--seeds", "--seed", "--loss", "--against"],
      flags: ["--asks", "--crosses", "--early", "--relay"])
    pair = try words.map { name in
      guard let place = Place.all.first(where: { $0.name == name }) else {
        throw UsageError.unknownPlace(name, known: Place.all.map(\.name))
      }
      return place
    }
    let seed = try options.number("--seed")
    seeds = try seed.map { $0...$0 } ?? 1...max(1, min(options.number("--seeds") ?? 3, 100_000))
    loss = Double(min(try options.number("--loss") ?? 0, 50)) / 100
    asks = options["--asks"] != nil
    expected = try options["--against"].map {
      try lines(ofFile: $0).filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
    crosses = options["--crosses"] != nil
    isEarly = options["--early"] != nil
    relays = options["--relay"] != nil
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
