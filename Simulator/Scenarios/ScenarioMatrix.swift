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
      Step.connect("alice", to: "bob", talking: .lasting(ScenarioLimits.matrixTalk))
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
