import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints which transfers over QUIC come through bad networks, and how fast.
struct Weather: Command {
  private static let names = Argument<[String]>.rest(
    "WEATHER", .text.named(completion: .choices(TransferTrial.all.map(\.description))),
    "what the network is like: everything there is if nothing is said")
  private static let seeds = LaboratoryWords.seeds(10)
  private static let megabytes = Option<Int?>("megabytes", .number(1...1_000_000), "how much is sent")
  private static let streams = Option<Int?>("streams", .number(1...100), "over how many streams")
  private static let loopback = Option.flag("loopback", "over real sockets instead of a simulated internet")

  static var description: CommandDescription {
    CommandDescription(
      "weather", "show which transfers over QUIC come through bad networks, and how fast", group: .laboratory,
      arguments: [names],
      options: [seeds, LaboratoryWords.seed, megabytes, streams, loopback, JSONWord.json],
      rules: [.atMostOne(of: [seeds, LaboratoryWords.seed])],
      examples: [
        Example("warren weather --seeds 100", "try every weather a hundred times"),
        Example("warren weather '20 % loss' --seed 7", "run one again that did not come through"),
        Example(
          "warren weather clean --megabytes 1024 --streams 1 --loopback", "send 1 GiB over real sockets"),
      ])
  }

  private let trials: [TransferTrial]
  private let seeds: ClosedRange<UInt64>
  private let isLocal: Bool
  private let isJSON: Bool

  init(_ words: ParsedWords) throws {
    let name = words[Self.names].joined(separator: " ")
    isLocal = words[Self.loopback]
    isJSON = words[JSONWord.json]
    var trials = TransferTrial.all
    if isLocal { trials.removeAll { !$0.place.boxes.isEmpty } }
    let known = trials.map(\.description)
    if !name.isEmpty { trials.removeAll { $0.description != name } }
    if trials.isEmpty {
      throw OptionsError(
        .badValue, "there is no weather \(quoted(name)); there are: \(known.joined(separator: "; "))"
      )
    }
    let megabytes = words[Self.megabytes]
    let streams = words[Self.streams]
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
    seeds = LaboratoryWords.seeds(Self.seeds, in: words)
  }

  func run() async throws {
    let place = isLocal ? "over loopback" : "in a simulated internet, 50 ms one way"
    var report = LaboratoryReport(
      asJSON: isJSON,
      about: [("world", .text(isLocal ? "loopback" : "simulated")), ("seeds", .seeds(seeds))],
      list: "weathers")
    report.say("Bytes there and back over QUIC through bad weather, \(place), \(seeds.count) times each:\n")
    report.say(WeatherFinding.heading)
    var wrong: [String] = []
    for trial in trials {
      let finding = WeatherFinding(trial: trial, runs: try await outcomes(of: trial))
      report.tell(finding)
      let failed = finding.faults.map { String($0.seed) }
      if !failed.isEmpty { wrong.append("\(trial), seeds \(failed.joined(separator: ", "))") }
    }
    report.end()
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
