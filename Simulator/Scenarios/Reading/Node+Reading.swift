import Warren
import WarrenSimulator

extension Node {
  /// A machine, or a box with what hangs behind it.
  init(_ value: ScenarioValue) throws {
    self = try value.memberNames.contains("nat") ? Self.box(value) : Self.machine(value)
  }

  private static func machine(_ value: ScenarioValue) throws -> Node {
    let members = try value.members(["machine", "behind", "link", "speaks"])
    let name = try members.needed("machine").text()
    var node =
      try members["speaks"]?.choice(
        "family", [("IPv4", Machine(name)), ("IPv6", Machine(name).speaking(.v6)), ("both", Server(name))])
      ?? Machine(name)
    for box in members["behind"]?.oneOrMore ?? [] { node = node.behind(try NATConfiguration(box)) }
    return try node.linked(members["link"])
  }

  private static func box(_ value: ScenarioValue) throws -> Node {
    let members = try value.members(["nat", "is", "inside", "behind", "link", "addresses"])
    var children: [Node] = []
    for child in try members.needed("inside").list() { children.append(try Node(child)) }
    let addresses = try members["addresses"]?.count(1...64) ?? 1
    var node = NAT(
      try members.needed("nat").text(), try NATConfiguration(members.needed("is")), addresses: addresses
    ) { children }
    for box in members["behind"]?.oneOrMore ?? [] { node = node.behind(try NATConfiguration(box)) }
    return try node.linked(members["link"])
  }

  private func linked(_ value: ScenarioValue?) throws -> Node {
    guard let value else { return self }
    let link = try LinkPair(value)
    return linked(up: link.up, down: link.down)
  }
}
