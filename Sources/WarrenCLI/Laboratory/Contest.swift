import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints how long it takes to find the port of a hard NAT, beside others' ways of looking for it.
struct Contest: Command {
  private static let seeds = LaboratoryWords.seeds(200)

  static var description: CommandDescription {
    CommandDescription(
      "contest", "show how long the port of a hard NAT takes to find, beside others", group: .laboratory,
      options: [seeds],
      examples: [Example("warren contest --seeds 10000", "know it to the last thousandth, in six minutes")])
  }

  private let seeds: ClosedRange<UInt64>

  init(_ words: ParsedWords) { seeds = 1...words[Self.seeds] }

  func run() async throws {
    print("An easy NAT against one that takes any port for each destination:")
    print("25 ms one way, 5 % loss, \(seeds.count) seeds.\n")
    try await show(SearchContest())
    print("\nThese against a NAT that counts, while others open 35 mappings a second at each NAT.\n")
    try await show(.counting(busy: 35))
  }

  private func show(_ contest: SearchContest) async throws {
    print(pad("", 16), pad("found", 9), pad("p50", 9), pad("p99", 9), pad("p99.9", 9), "kB at p50, p99")
    for entry in contest.entries {
      let spread = try await contest.run(entry, seeds: seeds)
      let bytes = [0.5, 0.99].map { spread.bytes($0).map { "\(($0 + 500) / 1000)" } ?? "-" }
      let share = (spread.success * 10_000).rounded() / 100
      print(
        pad(entry.name, 16), pad("\(share) %", 9), pad(seconds(spread.time(0.5)), 9),
        pad(seconds(spread.time(0.99)), 9), pad(seconds(spread.time(0.999)), 9), bytes.joined(separator: ", ")
      )
    }
  }
}
