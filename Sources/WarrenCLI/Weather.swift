import Warren
import WarrenLaboratory

/// Prints which transfers over QUIC come through bad networks, and how fast.
struct Weather {
  private let trials: [TransferTrial]
  private let seeds: ClosedRange<UInt64>
  private let isLocal: Bool

  init(arguments: ArraySlice<String>) throws {
    let name = arguments.prefix { !$0.hasPrefix("--") }.joined(separator: " ")
    let options = try Options(
      arguments.drop { !$0.hasPrefix("--") }, known: ["--seeds", "--seed", "--megabytes", "--streams"],
      flags: ["--loopback"])
    isLocal = options["--loopback"] != nil
    var trials = TransferTrial.all
    if isLocal { trials.removeAll { !$0.place.boxes.isEmpty } }
    if !name.isEmpty { trials.removeAll { $0.description != name } }
    if trials.isEmpty { throw UsageError.unknownWeather(name, known: TransferTrial.all.map(\.description)) }
    let megabytes = try options.number("--megabytes").map { Int(min(max(1, $0), 1_000_000)) }
    let streams = try options.number("--streams").map { Int(min(max(1, $0), 100)) }
    self.trials = trials.map { trial in
      var trial = trial
      if let megabytes {
        trial.bytes = megabytes << 20
        // What 20 % loss leaves of 100 ms there and back, with some to spare.
        trial.limit += .seconds(megabytes * (trial.weather.loses ? 120 : 1))
      }
      if let streams { trial.streams = streams }
      return trial
    }
    let seed = try options.number("--seed")
    seeds = try seed.map { $0...$0 } ?? 1...max(1, min(options.number("--seeds") ?? 10, 1_000_000))
  }

  func run() async throws {
    let place = isLocal ? "over loopback" : "in a simulated internet, 50 ms one way"
    print("Bytes there and back over QUIC through bad weather, \(place), \(seeds.count) times each:\n")
    print(pad("", 28), pad("right", 12), pad("median", 10), "worst")
    var wrong: [String] = []
    for trial in trials {
      let outcomes = try await outcomes(of: trial)
      let right = outcomes.filter { $0.outcome.failure == nil }
      let times = right.map(\.outcome.time).sorted()
      print(
        pad("\(trial)", 28), pad("\(right.count) of \(outcomes.count)", 12),
        pad(seconds(times.isEmpty ? nil : times[times.count / 2]), 10), seconds(times.last))
      let failed = outcomes.filter { $0.outcome.failure != nil }
      for (seed, outcome) in failed { print("  seed \(seed): \(outcome.failure ?? "")") }
      if !failed.isEmpty {
        wrong.append("\(trial), seeds \(failed.map { String($0.seed) }.joined(separator: ", "))")
      }
    }
    if !wrong.isEmpty { throw WeatherError.wrong(wrong) }
  }

  private typealias Run = (seed: UInt64, outcome: TransferTrial.Outcome)

  /// Two worlds at once; but this machine has only one loopback to itself.
  private func outcomes(of trial: TransferTrial) async throws -> [Run] {
    try await seeds.concurrentMap(isLocal ? 1 : 2) { seed in
      (seed, isLocal ? await trial.runLocally() : await trial.run(seed: seed))
    }
  }
}

/// Why a weather is not good.
enum WeatherError: Error, CustomStringConvertible {
  case wrong([String])

  var description: String {
    switch self {
    case .wrong(let trials): "not everything came through: \(trials.joined(separator: "; "))"
    }
  }
}
