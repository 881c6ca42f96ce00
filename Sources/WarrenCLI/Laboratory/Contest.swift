import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints how long it takes to find the port of a hard NAT, beside others' ways of looking for it.
struct Contest: Command {
  private static let seeds = LaboratoryWords.seeds(200)

  static var description: CommandDescription {
    CommandDescription(
      "contest", "show how long the port of a hard NAT takes to find, beside others", group: .laboratory,
      options: [seeds, JSONWord.json],
      examples: [Example("warren contest --seeds 10000", "know it to the last thousandth, in six minutes")])
  }

  private let seeds: ClosedRange<UInt64>
  private let isJSON: Bool

  init(_ words: ParsedWords) {
    seeds = 1...words[Self.seeds]
    isJSON = words[JSONWord.json]
  }

  func run() async throws {
    var report = LaboratoryReport(asJSON: isJSON, about: [("seeds", .seeds(seeds))], list: "entries")
    report.say("An easy NAT against one that takes any port for each destination:")
    report.say("25 ms one way, 5 % loss, \(seeds.count) seeds.\n")
    try await hold(SearchContest(), against: "random", &report)
    report.say("\nThese against a NAT that counts, while others open 35 mappings a second at each NAT.\n")
    try await hold(.counting(busy: 35), against: "counting", &report)
    report.end()
  }

  private func hold(
    _ contest: SearchContest, against rival: String, _ report: inout LaboratoryReport
  ) async throws {
    report.say(ContestFinding.heading)
    for entry in contest.entries {
      let spread = try await contest.run(entry, seeds: seeds)
      report.tell(ContestFinding(rival: rival, name: entry.name, spread: spread))
    }
  }
}
