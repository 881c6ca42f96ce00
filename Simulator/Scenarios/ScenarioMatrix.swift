import Warren
import WarrenSimulator

/// Every kind of NAT against every other: who is connected with whom, over what, and after which time.
public struct ScenarioMatrix: Sendable {
  /// The kinds, by their names in scenarios; `public` is none.
  public var kinds: [String]
  /// How peers look for ports that a NAT hides.
  public var search = Program.Search.normal

  /// All kinds that there are.
  public static let all = ["public"] + NATConfiguration.named.map(\.name)

  /// A matrix of these kinds, each of which is one of ``all``.
  public init(_ kinds: [String] = all) { self.kinds = kinds }

  /// A machine of one kind calls one of another.
  public func scenario(_ row: String, _ column: String) -> Scenario {
    var scenario = Scenario("\(row) to \(column)", why: "Each kind of NAT has to be tried against each.") {
      node("alice", row)
      node("bob", column)
    } timeline: {
      Step.connect(
        "alice", to: "bob",
        talking: .lasting(search == .exhaustive ? ScenarioLimits.exhaustiveTalk : ScenarioLimits.matrixTalk))
    }
    var wishes = Program.PeerWishes()
    wishes.search = search
    for name in ["alice", "bob"] { scenario.programs[name] = .peer(wishes) }
    // There is a way out for those who are let to port 443 alone.
    if [row, column].contains("only-https") { scenario.programs["registry"] = .registry(port: 443) }
    return scenario
  }

  private func node(_ name: String, _ kind: String) -> Node {
    guard let box = NATConfiguration.named.first(where: { $0.name == kind }) else { return Machine(name) }
    return Machine(name).behind(box.configuration)
  }

  /// How many of the runs of each pair went straight in the end, and after which time half of them did.
  public func heatMap(_ cells: [[ScenarioSweep.Verdict]]) -> HeatMap {
    var map = HeatMap("Who is connected straight with whom", rows: kinds, columns: kinds)
    for (row, verdicts) in cells.enumerated() {
      for (column, verdict) in verdicts.enumerated() {
        let straight = verdict.kinds.filter { $0.key != .relayed }.values.reduce(0, +)
        let kind = verdict.kinds.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key
        let times = kind == .direct ? verdict.directTimes : verdict.times
        map[row, column] = HeatMap.Cell(
          runs: verdict.seeds, successes: min(straight, verdict.seeds),
          median: times.isEmpty ? nil : times[times.count / 2], kind: kind)
      }
    }
    return map
  }

  /// Tries all of them with all seeds, a row for each kind that calls.
  ///
  /// - Parameter progress: is called after each cell.
  public func run(
    seeds: ClosedRange<UInt64>, jobs: Int, progress: @escaping @Sendable () -> Void = {}
  ) async throws -> [[ScenarioSweep.Verdict]] {
    try await kinds.map { row in kinds.map { scenario(row, $0) } }.concurrentMapOfRows(jobs) { scenario in
      defer { progress() }
      return try await ScenarioSweep(scenario).run(seeds: seeds, jobs: 1)
    }
  }
}
