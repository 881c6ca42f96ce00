import Warren
import WarrenSimulator

/// Every kind of place against every other: who is connected with whom, over what, and after which time.
public struct ScenarioMatrix: Sendable {
  /// Where those stand who call and are called.
  public var sites: [Site]
  /// How peers look for ports that a NAT hides.
  public var search = Program.Search.normal
  /// How long two talk, where not every port is tried.
  var talk = ScenarioLimits.matrixTalk
  /// Whether each pair is tried once alone: a line calls itself and those below it.
  public var isHalf = false

  /// A kind of place.
  public struct Site: Sendable {
    /// What it is called.
    public var name: String
    /// What is between it and the internet, the innermost first.
    public var boxes: [NATConfiguration]
    /// Whether the peer asks its router for a port.
    public var mapsPorts = false
    /// Whether it is in the other's own network, whatever that is.
    public var isGuest = false

    /// A kind of place.
    public init(_ name: String, _ boxes: NATConfiguration..., change: (inout Site) -> Void = { _ in }) {
      (self.name, self.boxes) = (name, boxes)
      change(&self)
    }
  }

  /// All kinds of NAT that have a name in scenarios; `public` is none.
  public static let all = ["public"] + NATConfiguration.named.map(\.name)

  /// A matrix of these kinds, each of which is one of ``all``.
  public init(_ kinds: [String] = all) {
    self.init(
      sites: kinds.map { name in
        NATConfiguration.named.first { $0.name == name }.map { Site(name, $0.configuration) } ?? Site(name)
      })
  }

  /// A matrix of these places.
  public init(sites: [Site]) { self.sites = sites }

  /// What the places are called.
  public var kinds: [String] { sites.map(\.name) }

  /// The numbers of those whom a line calls.
  public func columns(of row: Int) -> Range<Int> { (isHalf ? row : 0)..<sites.count }

  /// A machine of one kind calls one of another.
  public func scenario(_ row: Int, _ column: Int) -> Scenario {
    let (caller, called) = (sites[row], sites[column])
    var scenario = Scenario(
      "\(caller.name) to \(called.name)", why: "Each kind of place has to be tried against each."
    ) {
      nodes(caller, called)
    } timeline: {
      Step.connect(
        "alice", to: "bob",
        talking: .lasting(search == .exhaustive ? ScenarioLimits.exhaustiveTalk : talk))
    }
    for (name, site) in [("alice", caller), ("bob", called)] {
      var wishes = Program.PeerWishes()
      (wishes.search, wishes.mapsPorts) = (search, site.mapsPorts)
      scenario.programs[name] = .peer(wishes)
    }
    // There is a way out for those who are let to port 443 alone.
    if [caller, called].contains(where: { $0.boxes.contains { $0.tcpPorts != nil } }) {
      scenario.programs["registry"] = .registry(port: 443)
    }
    return scenario
  }

  private func nodes(_ caller: Site, _ called: Site) -> [Node] {
    guard caller.isGuest || called.isGuest else {
      return [("alice", caller), ("bob", called)].map { name, site in
        site.boxes.reduce(Machine(name)) { $0.behind($1) }
      }
    }
    let boxes = caller.isGuest ? called.boxes : caller.boxes
    guard let inner = boxes.first else { return [Machine("alice"), Machine("bob")] }
    let home = NAT("home", inner) {
      Machine("alice")
      Machine("bob")
    }
    return [boxes.dropFirst().reduce(home) { $0.behind($1, named: "carrier") }]
  }

  /// How many of the runs of each pair went straight in the end, and after which time half of them did.
  public func heatMap(_ cells: [[ScenarioSweep.Verdict]]) -> HeatMap {
    var map = HeatMap("Who is connected straight with whom", rows: kinds, columns: kinds)
    for (row, verdicts) in cells.enumerated() {
      for (column, verdict) in zip(columns(of: row), verdicts) {
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
    let scenarios = sites.indices.map { row in columns(of: row).map { scenario(row, $0) } }
    return try await scenarios.concurrentMapOfRows(jobs) { scenario in
      defer { progress() }
      return try await ScenarioSweep(scenario).run(seeds: seeds, jobs: 1)
    }
  }
}
