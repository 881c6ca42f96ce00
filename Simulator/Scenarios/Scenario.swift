import Warren
import WarrenSimulator

/// What is tried in a simulated internet: who is where, what runs there, what happens, and what must come of it.
///
/// ```swift
/// let scenario = Scenario("two-phones", why: "both networks hide ports: only a relay is left") {
///   Machine("alice").behind(.symmetric)
///   Machine("bob").behind(.symmetric)
/// } timeline: {
///   .connect("alice", to: "bob", talking: .lasting(.seconds(10)))
/// }
/// try await scenario.run(seeds: 1...100)
/// ```
///
/// A scenario and a seed give the same run every time. Besides what it expects itself, each run is held to the ``Rule``s.
public struct Scenario: Sendable {
  /// What it is called.
  public var name: String
  /// Why it exists.
  public var reason: String
  /// Who is where. A machine called `registry` and one called `stun` are there also where nobody says so.
  public var network: [Node]
  /// What runs on machines, by their names. On one that is not named here a peer does; on those called `registry`, `relay` and
  /// `stun`, what their names say.
  public var programs: [String: Program] = [:]
  /// What happens.
  public var timeline: [Step]
  /// What must come of it.
  public var expectations: [Expectation] = []
  /// How long it lasts; nil for until everything is over that is to happen.
  public var length: Duration?
  /// A scenario.
  public init(
    _ name: String, why reason: String = "", @Topology _ network: () -> [Node],
    @Listed<Step> timeline: () -> [Step] = { [] },
    @Listed<Expectation> expecting: () -> [Expectation] = { [] }
  ) {
    self.name = name
    self.reason = reason
    self.network = network()
    self.timeline = timeline()
    expectations = expecting()
    for name in ["registry", "stun"] where !machineNames.contains(name) {
      self.network.append(Server(name).linked(.access))
    }
  }

  /// All machines, in the order in which they are written.
  public var machineNames: [String] { network.flatMap(\.machineNames) }

  /// What runs on a machine.
  public func program(of machine: String) -> Program { programs[machine] ?? Program(usualFor: machine) }

  /// All NATs and firewalls.
  public var boxNames: [String] { network.flatMap(\.boxNames) }

  /// Where its packets can be captured: machines, NATs, and the internet.
  public var capturePlaces: [String] { machineNames + boxNames + ["internet"] }

  /// The machines on which peers run.
  public var peerNames: [String] { machineNames.filter { program(of: $0).isPeer } }

  /// The machines on which nodes of a mesh run: of this one, or of any.
  func nodeNames(of mesh: String) -> [String] { machineNames.filter { program(of: $0) == .mesh(mesh) } }
  var nodeNames: [String] { machineNames.filter { if case .mesh = program(of: $0) { true } else { false } } }

  /// When the last of what happens is over.
  var end: Duration { timeline.map(\.end).max() ?? .zero }
}

/// Writes a list, one element a line.
@resultBuilder
public enum Listed<Element> {
  public static func buildExpression(_ element: Element) -> [Element] { [element] }
  public static func buildBlock(_ parts: [Element]...) -> [Element] { parts.flatMap { $0 } }
  public static func buildArray(_ parts: [[Element]]) -> [Element] { parts.flatMap { $0 } }
  public static func buildOptional(_ part: [Element]?) -> [Element] { part ?? [] }
  public static func buildEither(first part: [Element]) -> [Element] { part }
  public static func buildEither(second part: [Element]) -> [Element] { part }
}
