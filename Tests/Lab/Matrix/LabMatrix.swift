import Warren
import WarrenMachine

@testable import WarrenScenarios
@testable import WarrenSimulator

/// Kinds of places against each other, in both worlds.
struct LabMatrix: Sendable {
  /// Where those stand who call and are called: behind a NAT of this kind, or behind none.
  struct Place: Sendable {
    var name: String
    var box: NATConfiguration?
  }

  var places: [Place]
  var search = Program.Search.normal

  /// All kinds that have a name and that the kernel can be; without those, why not.
  static var all: (matrix: LabMatrix, leftOut: [String]) {
    var leftOut: [String] = []
    var places = [Place(name: "public")]
    for (name, box) in NATConfiguration.named {
      if let obstacle = KernelObstacle(box, customers: 1) {
        leftOut.append("\(name): \(obstacle)")
      } else {
        places.append(Place(name: name, box: box))
      }
    }
    return (LabMatrix(places: places), leftOut)
  }

  /// iroh's.
  static let iroh = LabMatrix(places: ScenarioMatrix.irohPlaces.map { Place(name: $0.name, box: $0.box) })

  /// A machine of one kind calls one of another.
  func scenario(_ row: Place, _ column: Place) -> Scenario {
    var scenario = Scenario("\(row.name) to \(column.name)", why: "Each kind of place has to be tried against each.") {
      node("alice", row)
      node("bob", column)
    } timeline: {
      Step.connect("alice", to: "bob", talking: .lasting(ScenarioLimits.matrixTalk))
    }
    var wishes = Program.PeerWishes()
    wishes.search = search
    for name in ["alice", "bob"] { scenario.programs[name] = .peer(wishes) }
    // There is a way out for those who are let to port 443 alone.
    if [row, column].contains(where: { $0.box?.tcpPorts != nil }) {
      scenario.programs["registry"] = .registry(port: 443)
    }
    return scenario
  }

  private func node(_ name: String, _ place: Place) -> Node {
    place.box.map { Machine(name).behind($0) } ?? Machine(name)
  }

  /// Tries some pairs in both worlds, so many at once.
  func run(
    _ pairs: [(Place, Place)], repetitions: Int, seeds: ClosedRange<UInt64>, jobs: Int
  ) async throws -> [LabCell] {
    try await concurrently(pairs, jobs) { row, column in
      let scenario = scenario(row, column)
      let promise = Oracle(scenario).promise("alice", "bob")
      var cell = LabCell(name: scenario.name)
      for repetition in 1...repetitions {
        // Who goes straight goes on so.
        let outcome = try await LabStage.play(scenario, seed: UInt64(repetition)) { talks in
          promise.direct != .never && talks.allSatisfy { $0.lastKind == .direct }
        }
        cell.add(outcome)
      }
      cell.add(try await ScenarioSweep(scenario).run(seeds: seeds, jobs: 1))
      return cell
    }
  }

  /// All pairs.
  var pairs: [(Place, Place)] { places.flatMap { row in places.map { (row, $0) } } }

  /// For a person: for each pair the kernel's word and the simulator's.
  func table(_ cells: [LabCell]) -> [String] {
    let width = (places.map(\.name.count).max() ?? 0) + 2
    var lines = [
      "In each cell the kernel's way, the simulator's, and after how many seconds either went straight.",
      "D direct, T direct over TCP, R relayed, . not at all; small: not each time; <- where they differ.", "",
    ]
    lines.append("".padding(to: width) + places.map { $0.name.padding(to: 16) }.joined())
    for (row, place) in places.enumerated() {
      let line = cells[row * places.count..<(row + 1) * places.count]
      lines.append(place.name.padding(to: width) + line.map { $0.text.padding(to: 16) }.joined())
    }
    return lines
  }
}
