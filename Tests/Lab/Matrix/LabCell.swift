import Warren
import WarrenMachine

@testable import WarrenScenarios

/// What came of one pair in both worlds.
struct LabCell: Sendable {
  var name: String
  /// Whether chance decides: whether a port is guessed.
  let isChance: Bool
  /// How often it went which way in the end; nil for not at all.
  private(set) var kernel: [Path.Kind?: Int] = [:]
  private(set) var simulator: [Path.Kind?: Int] = [:]
  /// After which times it went straight.
  private var kernelTimes: [Duration] = []
  private var simulatorTimes: [Duration] = []
  private(set) var failures: [String] = []

  init(name: String, isChance: Bool) { (self.name, self.isChance) = (name, isChance) }

  mutating func add(_ outcome: LabStage.Outcome) {
    for talk in outcome.talks {
      kernel[talk.answered == nil ? nil : talk.ways.last?.kind, default: 0] += 1
      if let direct = talk.ways.first(where: { $0.kind == .direct }) { kernelTimes.append(direct.since) }
      if let failure = talk.failure { failures.append(failure) }
    }
  }

  mutating func add(_ verdict: ScenarioSweep.Verdict) {
    for (kind, count) in verdict.kinds { simulator[kind, default: 0] += count }
    let missing = verdict.seeds - verdict.kinds.values.reduce(0, +)
    if missing > 0 { simulator[nil, default: 0] += missing }
    simulatorTimes += verdict.directTimes
    failures += verdict.failures.map {
      "simulator, seed \($0.seed): \($0.faults.first.map { "\($0)" } ?? "")"
    }
  }

  /// What the two do not agree on; nil where they do. Where chance decides, most have to be of one kind in both; elsewhere all.
  var difference: String? {
    if !failures.isEmpty { return "\(name): \(failures[0])" }
    let isSame =
      isChance
      ? Self.most(kernel) == Self.most(simulator) : kernel.keys == simulator.keys && kernel.count == 1
    return isSame
      ? nil : "\(name): in the kernel \(Self.words(kernel)), in the simulator \(Self.words(simulator))"
  }

  /// How many of the kernel's went straight in this time.
  func direct(within limit: Duration) -> Int { kernelTimes.count { $0 <= limit } }

  private static func most(_ kinds: [Path.Kind?: Int]) -> Path.Kind? {
    kinds.max { ($0.value, $0.key?.rawValue ?? "") < ($1.value, $1.key?.rawValue ?? "") }?.key
  }

  var text: String {
    "\(Self.letter(kernel))/\(Self.letter(simulator)) \(Self.time(kernelTimes))/\(Self.time(simulatorTimes))\(difference == nil ? "" : " <-")"
  }

  private static func letter(_ kinds: [Path.Kind?: Int]) -> String {
    let letter =
      switch most(kinds) {
      case .direct: "D"
      case .tcp: "T"
      case .relayed: "R"
      case nil: "."
      }
    return kinds.count == 1 ? letter : letter.lowercased()
  }

  private static func time(_ times: [Duration]) -> String {
    guard !times.isEmpty else { return "-" }
    let tenths = Int((times.sorted()[times.count / 2] / .milliseconds(100)).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func words(_ kinds: [Path.Kind?: Int]) -> String {
    kinds.map { "\($0.key?.rawValue ?? "not at all") (\($0.value))" }.sorted().joined(separator: ", ")
  }
}
