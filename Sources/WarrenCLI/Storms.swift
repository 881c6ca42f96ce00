import Warren
import WarrenLaboratory

/// Prints whether peers find each other again after everything has gone wrong that can.
struct Storms {
  private let seeds: ClosedRange<UInt64>
  private let seed: UInt64?
  private var storm = PeerStorm()

  init(arguments: ArraySlice<String>) throws {
    let options = try Options(
      arguments, known: ["--seeds", "--seed", "--faults", "--loss", "--only", "--from"])
    storm.faults = Int(min(try options.number("--faults") ?? 6, 100))
    storm.loss = Double(min(try options.number("--loss") ?? 5, 50)) / 100
    if let kind = options["--only"].flatMap({ PeerStorm.Fault(rawValue: $0) }) { storm.kinds = [kind] }
    seed = try options.number("--seed")
    let first = max(1, min(try options.number("--from") ?? 1, 1 << 40))
    let count = max(1, min(try options.number("--seeds") ?? 20, 1_000_000))
    seeds = seed.map { $0...$0 } ?? first...(first + count - 1)
  }

  func run() async throws {
    print(
      "Peers in a storm: loss, crashes of the registry, NATs that forget, addresses that change, links that fail,"
    )
    print("programs that restart; then calm. \(seeds.count) seeds:\n")
    let (seeds, storm) = (seeds, storm)
    let keptEvents = seed == nil ? 0 : 200_000
    let runs = try await seeds.concurrentMap(2) { seed in
      var outcome = PeerStorm.Outcome()
      do {
        let run = try await storm.run(seed: seed, keptEvents: keptEvents)
        if keptEvents > 0 { for event in run.trace.events { print(event) } }
        outcome = run.outcome
      } catch {
        outcome.faults = ["\(error)"]
      }
      return (seed, outcome)
    }
    for (seed, outcome) in runs { for fault in outcome.faults { print("  seed \(seed): \(fault)") } }
    let times = runs.flatMap { $0.1.times }.sorted()
    let asked = runs.reduce(0) { $0 + $1.1.asked }
    let connected = runs.reduce(0) { $0 + $1.1.connected }
    print(
      "In the storm \(connected) of \(asked) came about. When it was calm again, \(times.count) did, half of them"
    )
    print(
      "within \(seconds(times.isEmpty ? nil : times[times.count / 2])), the slowest within \(seconds(times.last))."
    )
    let wrong = runs.filter { !$0.1.faults.isEmpty }
    if !wrong.isEmpty { throw StormError.wrong(wrong.map { $0.0 }) }
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
