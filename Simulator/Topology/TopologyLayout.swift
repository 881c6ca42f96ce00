import WarrenMachine

/// Turns a topology as it is written into machines, boxes and networks with addresses.
///
/// Addresses are given out in the order of writing: 203.0.113.1 and on to what hangs on the internet, the same
/// private blocks behind every box, as in life. IPv6 is routed everywhere: a block for each site.
struct TopologyLayout {
  private let world: World
  private var nextPlace = 1
  private var nextSite: UInt64 = 1
  private var nextPublicBlock: UInt32 = 0

  init(world: World) {
    self.world = world
  }

  mutating func add(_ node: Node) {
    let site = Site(number: nextSite)
    nextSite += 1
    add(plan(node, site), to: world.internet, site: site)
  }

  // MARK: Which block of addresses lies where

  /// A node, with the blocks of addresses that a box has behind it.
  private final class Plan {
    let node: Node
    let inside: [IPPrefix]
    let children: [Plan]
    /// What others must know the way to: blocks behind a NAT are nobody's business, but IPv6 always is.
    let routed: [IPPrefix]

    init(_ node: Node, inside: [IPPrefix], children: [Plan], translates: Bool) {
      self.node = node
      self.inside = inside
      self.children = children
      let all = inside + children.flatMap(\.routed)
      routed = translates ? all.filter { $0.base.family == .v6 } : all
    }

    /// What a box takes for its inside: its own blocks, and those that its children let be seen.
    var behind: [IPPrefix] { inside + children.flatMap(\.routed) }
  }

  private mutating func plan(_ node: Node, _ site: Site) -> Plan {
    guard case .box(let configuration, let inside, _, let children) = node.kind else {
      return Plan(node, inside: [], children: [], translates: false)
    }
    let v4 = inside ?? insidePrefix(for: configuration, children)
    let v6 = node.families.contains(.v6) ? [site.nextNetwork()] : []
    return Plan(
      node, inside: [v4] + v6, children: children.map { plan($0, site) },
      translates: configuration.translates)
  }

  /// What shares one IPv6 block: a customer of a provider, 2001:db8:n::/48.
  private final class Site {
    let number: UInt64
    var lastNetwork: UInt64 = 0

    init(number: UInt64) { self.number = number }

    func prefix(_ network: UInt64) -> IPPrefix {
      IPPrefix(IPAddress(v6: 0x2001_0DB8_0000_0000 + number << 16 + network, 0), length: 64)
    }

    func nextNetwork() -> IPPrefix {
      lastNetwork += 1
      return prefix(lastNetwork)
    }
  }

  // MARK: Making it

  private mutating func add(_ plan: Plan, to network: Network, site: Site) {
    let node = plan.node
    let usual = network === world.internet ? world.configuration.access : .ideal
    let boundary = Boundary(
      network: network, addresses: takeAddresses(for: node, on: network, site: site),
      up: Link(node.up ?? usual, random: world.random(for: "\(node.name) up")),
      down: Link(node.down ?? usual, random: world.random(for: "\(node.name) down")))
    switch node.kind {
    case .machine: addMachine(node.name, boundary)
    case .box(let configuration, _, _, _): addBox(plan, configuration, boundary, site)
    }
  }

  private mutating func addMachine(_ name: String, _ boundary: Boundary) {
    let machine = SimulatedMachine(name, in: world, place: takePlace(name))
    machine.attach(
      to: boundary.network, addresses: boundary.addresses, up: boundary.up, down: boundary.down)
    precondition(world.machinesByName[name] == nil, "two machines are called \(name)")
    world.machinesByName[name] = machine
    world.machinesInOrder.append(machine)
  }

  private mutating func addBox(
    _ plan: Plan, _ configuration: NATConfiguration, _ outside: Boundary, _ site: Site
  ) {
    let name = plan.node.name
    let network = Network(
      place: takePlace("behind \(name)"), routers: 0,
      plan: AddressPlan(
        v4: plan.inside[0], v6: plan.inside.count > 1 ? plan.inside[1] : nil, nextHost: 2))
    (network.families, network.isolates) = (plan.node.families, configuration.isolates)
    world.networks.append(network)
    let box = Box(
      name, in: world, place: takePlace(name), configuration,
      inside: Boundary(
        network: network,
        addresses: plan.inside.map { NetworkInterface.Address($0[1], prefixLength: $0.length) },
        up: Link(.ideal, random: world.random(for: "\(name) in")),
        down: Link(.ideal, random: world.random(for: "\(name) out"))),
      insidePrefixes: plan.behind, outside: outside)
    network.gateway = box.inside
    for prefix in plan.routed { outside.network.addRoute(to: prefix, via: box.outside) }
    precondition(world.boxesByName[name] == nil, "two boxes are called \(name)")
    world.boxesByName[name] = box
    world.boxesInOrder.append(box)

    for child in plan.children { add(child, to: network, site: site) }
  }

  private mutating func insidePrefix(
    for configuration: NATConfiguration, _ children: [Node]
  ) -> IPPrefix {
    if !configuration.translates {
      // A firewall's machines have addresses that everyone can name.
      nextPublicBlock += 1
      return IPPrefix(IPAddress(v4: 0xC633_0000 + nextPublicBlock << 8), length: 24)
    }
    // A carrier's customers, and nobody else, have these (RFC 6598).
    if configuration.portBlock != nil { return IPPrefix(IPAddress(100, 64, 0, 0), length: 10) }
    let hasBoxes = children.contains { if case .box = $0.kind { true } else { false } }
    return hasBoxes
      ? IPPrefix(IPAddress(10, 0, 0, 0), length: 16) : IPPrefix(IPAddress(192, 168, 1, 0), length: 24)
  }

  private mutating func takeAddresses(
    for node: Node, on network: Network, site: Site
  ) -> [NetworkInterface.Address] {
    var addresses: [NetworkInterface.Address] = []
    let families = node.families
    let isBox = if case .box = node.kind { true } else { false }
    // A box has an IPv4 address even where only IPv6 is spoken behind it: it costs nothing and answers.
    if families.contains(.v4) || isBox {
      for _ in 0..<node.addressCount { addresses.append(network.plan.takeV4()) }
    }
    if families.contains(.v6) {
      addresses.append(
        network === world.internet
          ? NetworkInterface.Address(site.prefix(0)[1], prefixLength: 64) : network.plan.takeV6())
    }
    return addresses
  }

  private mutating func takePlace(_ name: String) -> Trace.Place {
    defer { nextPlace += 1 }
    return Trace.Place(id: nextPlace, name: name)
  }
}

/// Where a node meets a network: what an attachment is made of.
struct Boundary {
  var network: Network
  var addresses: [NetworkInterface.Address]
  var up: Link
  var down: Link
}
