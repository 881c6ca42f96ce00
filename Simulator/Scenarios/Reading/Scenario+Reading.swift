import Warren
import WarrenSimulator

extension Scenario {
  /// What a file says, which is JSON: `Fixtures/scenario.schema.json` tells of its words.
  ///
  /// - Parameter file: what the file is called, where something is wrong with it.
  /// - Throws: ``ScenarioError``.
  public init(json bytes: [UInt8], file: String = "") throws {
    do {
      try self.init(ScenarioValue(part: JSONParser.parse(bytes), path: ""))
    } catch var error as ScenarioError {
      error.file = file
      throw error
    }
  }

  private init(_ value: ScenarioValue) throws {
    let members = try value.members(["name", "why", "network", "programs", "timeline", "expect", "lasts"])
    var nodes: [Node] = []
    for node in try members.needed("network").list() { nodes.append(try Node(node)) }
    self.init(try members.needed("name").text(), why: try members.needed("why").text()) { nodes }
    for (name, program) in try members["programs"]?.anyMembers() ?? [] {
      guard machineNames.contains(name) else { throw program.error("there is no such machine") }
      programs[name] = try Program(program)
      try check(programs[name]!, program)
    }
    for step in try members["timeline"]?.list() ?? [] {
      timeline.append(try Step(step))
      try check(timeline.last!, step)
    }
    for expectation in try members["expect"]?.list() ?? [] {
      expectations.append(try Expectation(expectation))
      try check(expectations.last!, expectation)
    }
    length = try members["lasts"]?.duration()
    try checkNames(members.needed("network"))
  }

  // MARK: Whether all that is named is there

  private func checkNames(_ value: ScenarioValue) throws {
    let names = machineNames + boxNames
    for (place, name) in names.enumerated() where names[..<place].contains(name) {
      throw value.error("two are called \(name)")
    }
  }

  private func check(_ program: Program, _ value: ScenarioValue) throws {
    switch program {
    case .hostile(let names): for name in names { try expect(name, among: machineNames, "machine", value) }
    case .portal(let box): try expect(box, among: boxNames, "NAT", value)
    default: break
    }
  }

  private func check(_ step: Step, _ value: ScenarioValue) throws {
    switch step.action {
    case .connect(let one, let other, _), .close(let one, let other), .prefer(let one, let other, _):
      try expectPeers(one, other, value)
    case .cut(let one, let other, _, _):
      try expect(one, among: machineNames, "machine", value)
      try expect(other, among: machineNames, "machine", value)
    case .link(let name, _, _), .down(let name, _), .lease(let name), .crash(let name, _), .restart(let name),
      .sleep(let name, _), .clock(let name, _):
      try expect(name, among: machineNames, "machine", value)
    case .reboot(let name, _), .open(let name): try expect(name, among: boxNames, "NAT", value)
    case .ask(let name, let echo, _): try expectEcho(name, echo, value)
    case .broadcast(let name): try expect(name, among: nodeNames, "node of a mesh", value)
    case .roam(let name, let box, _):
      try expect(name, among: machineNames, "machine", value)
      try expect(box, among: boxNames, "NAT", value)
    }
  }

  private func check(_ expectation: Expectation, _ value: ScenarioValue) throws {
    switch expectation {
    case .connection(let one, let other, _), .refusal(let one, let other):
      try expectPeers(one, other, value)
      let isAsked = timeline.contains {
        if case .connect(one, other, _) = $0.action { true } else { false }
      }
      guard isAsked else { throw value.error("\(one) never connects with \(other)") }
    case .packets(let name, _), .arrivals(let name, _):
      try expect(name, among: machineNames, "machine", value)
    case .echo(let name, let echo, let transport, _), .noEcho(let name, let echo, let transport):
      try expectEcho(name, echo, value)
      guard timeline.contains(where: { $0.action == .ask(name, echo: echo, over: transport) }) else {
        throw value.error("\(name) never asks \(echo) over \(transport.name)")
      }
    case .mesh(let name, _):
      guard !nodeNames(of: name).isEmpty else { throw value.error("there is no mesh \(quoted(name))") }
    case .heard(let name, _):
      try expect(name, among: nodeNames, "node of a mesh", value)
      guard timeline.contains(where: { $0.action == .broadcast(name) }) else {
        throw value.error("\(name) never says anything to its mesh")
      }
    }
  }

  private func expectEcho(_ name: String, _ echo: String, _ value: ScenarioValue) throws {
    try expect(name, among: machineNames, "machine", value)
    try expect(echo, among: machineNames.filter { program(of: $0) == .echo }, "echo", value)
  }

  private func expectPeers(_ one: String, _ other: String, _ value: ScenarioValue) throws {
    try expect(one, among: peerNames, "peer", value)
    try expect(other, among: peerNames, "peer", value)
    guard one != other else { throw value.error("\(one) cannot do that with itself") }
  }

  private func expect(
    _ name: String, among names: [String], _ what: String, _ value: ScenarioValue
  ) throws {
    guard !names.contains(name) else { return }
    throw value.error("there is no \(what) \(quoted(name)); there are: \(names.joined(separator: ", "))")
  }
}
