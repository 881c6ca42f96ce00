import TestSupport
import WarrenMachine

@testable import WarrenSimulator

/// A topology of the simulator's, built of this kernel: a namespace for each machine and box, with the addresses, routes, delays and losses
/// that it has in a simulated world, and NATs that are the kernel's own.
///
/// Nothing of it has a name, and it goes with this process.
final class KernelTopology: @unchecked Sendable {
  // Changed by one thread at a time, which its users see to: hence `@unchecked`.
  private let carrier: PacketCarrier
  private let machines: [String: NetworkNamespace]
  private let boxes: [String: NetworkNamespace]

  /// - Parameter seed: what links lose is drawn from it.
  /// - Throws: ``KernelObstacle`` where the kernel cannot be it.
  init(_ nodes: [Node], seed: UInt64 = 1) throws {
    let world = World(seed: seed) { nodes }
    if let obstacle = Self.obstacle(to: world) { throw obstacle }
    let carrier = try PacketCarrier(world)
    self.carrier = carrier
    machines = try Self.namespaces(of: world.machinesInOrder.map(\.name))
    boxes = try Self.namespaces(of: world.boxesInOrder.map(\.name))
    for machine in world.machinesInOrder { try Self.plug(machine, into: machines[machine.name]!, carrier) }
    for box in world.boxesInOrder { try Self.plug(box, into: boxes[box.name]!, carrier, world) }
    carrier.start()
  }

  deinit { carrier.stop() }

  /// Why this world cannot be built; nil where it can.
  static func obstacle(to world: World) -> KernelObstacle? {
    for machine in world.machinesInOrder where !machine.ownAddresses.contains(where: { $0.family == .v4 }) {
      return KernelObstacle("\(machine.name) speaks IPv6 alone, and the lab IPv4")
    }
    for machine in world.machinesInOrder
    where [machine.uplink, machine.downlink].contains(where: { $0.configuration.corruption > 0 }) {
      return KernelObstacle("nothing in the lab changes what packets carry")
    }
    for box in world.boxesInOrder {
      do { _ = try rules(of: box, in: world) } catch { return error as? KernelObstacle }
    }
    return nil
  }

  private static func namespaces(of names: [String]) throws -> [String: NetworkNamespace] {
    Dictionary(uniqueKeysWithValues: try names.map { ($0, try NetworkNamespace()) })
  }

  // MARK: Making it

  /// IPv6 would speak by itself, and errors are no rarer than they are.
  private static let quiet = """
    echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
    echo 0 > /proc/sys/net/ipv4/icmp_ratemask
    """

  private static func plug(
    _ machine: SimulatedMachine, into namespace: NetworkNamespace, _ carrier: PacketCarrier
  ) throws {
    let attachment = machine.attachments[0]
    let device = try TunnelDevice("eth0", in: namespace)
    try namespace.run("\(quiet)\n\(address(of: attachment, on: "eth0"))ip route add default dev eth0")
    carrier.add(PacketCarrier.Port(owner: machine.name, device: device, attachment: attachment))
  }

  private static func plug(
    _ box: Box, into namespace: NetworkNamespace, _ carrier: PacketCarrier, _ world: World
  ) throws {
    let sides = [(BoxRules.outDevice, box.outside!), (BoxRules.inDevice, box.inside!)]
    for (name, attachment) in sides {
      let device = try TunnelDevice(name, in: namespace)
      carrier.add(PacketCarrier.Port(owner: "\(box.name) \(name)", device: device, attachment: attachment))
    }
    let rules = try rules(of: box, in: world)
    let routes = box.core.inside.filter { $0.base.family == .v4 }
    try namespace.run(
      """
      \(quiet)
      for name in all default; do
        echo 0 > /proc/sys/net/ipv4/conf/$name/rp_filter
        echo 0 > /proc/sys/net/ipv4/conf/$name/send_redirects
        echo 0 > /proc/sys/net/ipv4/conf/$name/accept_redirects
      done
      for name in in out; do echo 0 > /proc/sys/net/ipv4/conf/$name/send_redirects; done
      echo 1 > /proc/sys/net/ipv4/ip_forward
      \(sides.map { address(of: $0.1, on: $0.0) }.joined())
      ip route add default dev out
      \(routes.map { "ip route replace \($0) dev in" }.joined(separator: "\n"))
      \(load(rules))
      """)
  }

  private static func address(of attachment: Attachment, on device: String) -> String {
    let own = attachment.addresses.filter { $0.ip.family == .v4 }
    return own.map { "ip addr add \($0.ip)/\($0.prefixLength) dev \(device)\n" }.joined()
      + "ip link set \(device) up\n"
  }

  private static func rules(of box: Box, in world: World) throws -> BoxRules {
    let own = box.outside.addresses.filter { $0.ip.family == .v4 }
    guard own.count == 1 else { throw KernelObstacle("the lab gives \(box.name) one outside address") }
    let network = box.inside.network
    let customers =
      world.machinesInOrder.flatMap(\.attachments).filter { $0.network === network }
      + world.boxesInOrder.map(\.outside!).filter { $0.network === network }
    return try BoxRules(
      box.core.configuration, outside: own[0].ip, customers: customers.compactMap { $0.address(.v4) })
  }

  private static func load(_ rules: BoxRules) -> String {
    let settings = rules.settings.map { "echo \($0.value) > /proc/sys/net/\($0.name)" }
    return """
      nft -f - <<'END'
      \(rules.text)END
      \(settings.joined(separator: "\n"))
      """
  }

  // MARK: Using it

  /// Where a machine's programs run.
  func namespace(of machine: String) -> NetworkNamespace { machines[machine]! }

  /// Where a box is.
  func namespace(ofBox name: String) -> NetworkNamespace { boxes[name]! }

  /// The address of a machine.
  func address(of machine: String) -> IPAddress { carrier.change { $0.machine(machine).address(.v4) } }

  /// How many packets a machine has sent.
  func sent(by machine: String) -> Int { carrier.sent(by: machine) }

  /// Changes what packets go by: links, and what is cut.
  func change<Value>(_ body: (World) throws -> Value) rethrows -> Value { try carrier.change(body) }

  /// A box loses power, and starts again with nothing remembered.
  func reboot(_ name: String, isElsewhere: Bool) throws {
    let (before, after, rules) = try carrier.change { world in
      let box = world.box(name)
      let before = box.outsideAddress
      box.reboot(renumbering: isElsewhere)
      return (before, box.outside.addresses[0], try Self.rules(of: box, in: world))
    }
    var commands = Self.load(rules)
    if isElsewhere {
      commands += """
        \nip addr del \(before)/\(after.prefixLength) dev out
        ip addr add \(after.ip)/\(after.prefixLength) dev out
        ip route replace default dev out
        """
    }
    try boxes[name]!.run(commands)
    try boxes[name]!.enter { try ConnectionTable().clear() }
  }

  /// A machine leaves its network for the one behind a box, or has another address in its own.
  func move(_ name: String, _ body: (SimulatedMachine) -> Void) throws {
    let (before, after) = carrier.change { world in
      let machine = world.machine(name)
      let before = machine.attachments[0].addresses[0]
      body(machine)
      return (before, machine.attachments[0])
    }
    carrier.move(name, to: after)
    let new = after.addresses[0]
    try machines[name]!.run(
      """
      ip addr del \(before.ip)/\(before.prefixLength) dev eth0
      ip addr add \(new.ip)/\(new.prefixLength) dev eth0
      ip route replace default dev eth0
      """)
  }
}
