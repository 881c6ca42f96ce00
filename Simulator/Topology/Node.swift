import WarrenMachine

/// A part of a topology as it is written down: a machine, or a box with what hangs behind it.
public struct Node: Sendable {
  /// What it is called; unique in a world.
  public var name: String
  /// How packets leave it, towards what it hangs on.
  public var up: LinkConfiguration?
  /// How packets reach it.
  public var down: LinkConfiguration?
  package var kind: Kind

  /// What it is.
  package indirect enum Kind: Sendable {
    case machine(Set<IPAddress.Family>)
    case box(NATConfiguration, inside: IPPrefix?, addresses: Int, [Node])
  }

  /// The same with a NAT or firewall before it; call it again for the next one further out.
  ///
  /// - Parameters:
  ///   - inside: the addresses behind it; nil takes the usual ones.
  ///   - addresses: how many IPv4 addresses it has towards the outside.
  public func behind(
    _ configuration: NATConfiguration, named boxName: String? = nil, inside: IPPrefix? = nil,
    addresses: Int = 1
  ) -> Node {
    Node(
      name: boxName ?? nextBoxName,
      kind: .box(configuration, inside: inside, addresses: addresses, [self]))
  }

  /// The same over this kind of link, both ways.
  public func linked(_ both: LinkConfiguration) -> Node { linked(up: both, down: both) }

  /// The same over these kinds of link.
  public func linked(up: LinkConfiguration, down: LinkConfiguration) -> Node {
    var node = self
    node.up = up
    node.down = down
    return node
  }

  /// The same machine with addresses of these families; IPv4 alone when nothing is said.
  public func speaking(_ families: IPAddress.Family...) -> Node {
    precondition(!families.isEmpty, "\(name) must speak IPv4, IPv6 or both")
    var node = self
    switch kind {
    case .machine: node.kind = .machine(Set(families))
    case .box: preconditionFailure("say what \(name) speaks at its machines, before .behind(…)")
    }
    return node
  }

  /// The families that it or anything behind it speaks.
  var families: Set<IPAddress.Family> {
    switch kind {
    case .machine(let families): families
    case .box(_, _, _, let children): children.reduce(into: []) { $0.formUnion($1.families) }
    }
  }

  /// The machines among it and what is behind it, in the order in which they are written.
  package var machineNames: [String] {
    switch kind {
    case .machine: [name]
    case .box(_, _, _, let children): children.flatMap(\.machineNames)
    }
  }

  /// The boxes among it and what is behind it, the outermost first.
  package var boxNames: [String] {
    switch kind {
    case .machine: []
    case .box(_, _, _, let children): [name] + children.flatMap(\.boxNames)
    }
  }

  /// How many IPv4 addresses it has.
  var addressCount: Int {
    if case .box(_, _, let count, _) = kind { count } else { 1 }
  }

  /// `alice's NAT`, then `alice's NAT 2`.
  private var nextBoxName: String {
    var depth = 1
    var inner = self
    while case .box(_, _, _, let children) = inner.kind, let child = children.first {
      depth += 1
      inner = child
    }
    return depth == 1 ? "\(inner.name)'s NAT" : "\(inner.name)'s NAT \(depth)"
  }
}

/// Writes a topology as a list: `Machine("alice").behind(.symmetric)`, one a line.
@resultBuilder
public enum Topology {
  public static func buildExpression(_ node: Node) -> [Node] { [node] }
  public static func buildExpression(_ nodes: [Node]) -> [Node] { nodes }
  public static func buildBlock(_ parts: [Node]...) -> [Node] { parts.flatMap { $0 } }
  public static func buildArray(_ parts: [[Node]]) -> [Node] { parts.flatMap { $0 } }
  public static func buildOptional(_ part: [Node]?) -> [Node] { part ?? [] }
  public static func buildEither(first part: [Node]) -> [Node] { part }
  public static func buildEither(second part: [Node]) -> [Node] { part }
}
