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
    let site = nextSite
    nextSite += 1
    add(node, to: world.internet, site: Site(number: site))
  }

  /// What shares one IPv6 block: a customer of a provider, 2001:db8:n::/48.
  private final class Site {
    let number: UInt64
    var lastNetwork: UInt64 = 0

    init(number: UInt64) { self.number = number }

    func prefix(_ network: UInt64) -> IPPrefix {
      IPPrefix(IPAddress(v6: 0x2001_0DB8_0000_0000 | number << 16 | network, 0), length: 64)
    }

    func nextNetwork() -> IPPrefix {
      lastNetwork += 1
      return prefix(lastNetwork)
    }

    var whole: IPPrefix { IPPrefix(prefix(0).base, length: 48) }
  }

  private mutating func add(_ node: Node, to network: Network, site: Site) {
    let isOnInternet = network === world.internet
    let addresses = takeAddresses(for: node, on: network, site: site)
    let usual = isOnInternet ? world.configuration.access : .ideal
    let up = Link(node.up ?? usual, random: world.random(for: "\(node.name) up"))
    let down = Link(node.down ?? usual, random: world.random(for: "\(node.name) down"))

    switch node.kind {
    case .machine:
      let machine = SimulatedMachine(node.name, in: world, place: takePlace(node.name))
      machine.attach(to: network, addresses: addresses, up: up, down: down)
      precondition(world.machinesByName[node.name] == nil, "two machines are called \(node.name)")
      world.machinesByName[node.name] = machine
      world.machinesInOrder.append(machine)
    case .box(let configuration, let inside, _, let children):
      let outside = Boundary(network: network, addresses: addresses, up: up, down: down)
      addBox(node, configuration, inside, children, outside, site)
    }
  }

  private mutating func addBox(
    _ node: Node, _ configuration: NATConfiguration, _ inside: IPPrefix?, _ children: [Node],
    _ boundary: Boundary, _ site: Site
  ) {
    let families = node.families
    let v4 = inside ?? insidePrefix(for: configuration, children, outside: boundary)
    let v6 = families.contains(.v6) ? site.nextNetwork() : nil
    let network = Network(
      place: takePlace("behind \(node.name)"), routers: 0, plan: AddressPlan(v4: v4, v6: v6, nextHost: 2))
    world.networks.append(network)

    var gateway = [NetworkInterface.Address(v4[1], prefixLength: v4.length)]
    if let v6 { gateway.append(NetworkInterface.Address(v6[1], prefixLength: v6.length)) }
    let box = Box(
      node.name, in: world, place: takePlace(node.name), configuration,
      inside: Boundary(
        network: network, addresses: gateway, up: Link(.ideal, random: world.random(for: "\(node.name) in")),
        down: Link(.ideal, random: world.random(for: "\(node.name) out"))),
      insidePrefixes: [v4] + (v6.map { [$0] } ?? []), outside: boundary)
    network.gateway = box.inside
    if v6 != nil { boundary.network.addRoute(to: routedV6(boundary, site, v6!), via: box.outside) }
    if !configuration.translates { boundary.network.addRoute(to: v4, via: box.outside) }
    precondition(world.boxesByName[node.name] == nil, "two boxes are called \(node.name)")
    world.boxesByName[node.name] = box
    world.boxesInOrder.append(box)

    for child in children { add(child, to: network, site: site) }
  }

  /// The internet knows a site as a whole; within it, each box is asked for its own.
  private func routedV6(_ boundary: Boundary, _ site: Site, _ own: IPPrefix) -> IPPrefix {
    boundary.network === world.internet ? site.whole : own
  }

  private mutating func insidePrefix(
    for configuration: NATConfiguration, _ children: [Node], outside: Boundary
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
