import WarrenMachine

/// A NAT, a firewall or both, without links or clock: packets and the time go in, packets come out.
///
/// It is a router as well: it lowers the hop limit, and answers for its own addresses. The size of packets is
/// its links' business. Whatever has ended by the time of a packet is gone before the packet is looked at.
public struct NATCore: Sendable {
  /// How it behaves.
  public let configuration: NATConfiguration
  /// Its addresses on the outside: the IPv4 ones are the pool that it translates to.
  public private(set) var outside: [IPAddress]
  /// The networks inside. In each of them it has the first address, as routers do.
  public let inside: [IPPrefix]

  let times: NATTimes
  let hasAddressConflict: Bool
  var random: SimulatorRandom
  var table = NATTable()
  var hosts = NATHosts()
  var ports: NATPorts
  var fragments: FragmentTable
  var unansweredSYNs = UnansweredSYNs()
  var newMappings: TokenBucket?
  var recency = RecencyOrder()
  var recencyEnds = RecencyOrder.Ends()
  var recencyOfHosts = RecencyOrder()
  /// The mappings of each inside socket in the order in which they were made, where that decides about ports.
  var socketFlows: [FlowKey: RecencyOrder.Ends] = [:]
  var flowOrder = RecencyOrder()
  /// When it was switched on. At first, a day before time began: gateways seldom start with those inside.
  private(set) var started = Instant(nanoseconds: -86_400_000_000_000)
  /// Those inside who speak IPv6, as IPv4 hosts.
  var families = FamilyTranslation()
  /// Who answers those inside, if somebody has to agree first.
  var captivity = Captivity()
  /// With what each explicit mapping that was asked for by PCP must be asked for again (RFC 6887, 11.3).
  var mappingNonces: [FlowKey: [UInt8]] = [:]

  /// A box between `inside` and the addresses that it has `outside`. With no `inside` any source is believed.
  public init(
    _ configuration: NATConfiguration, outside: [IPAddress], inside: [IPPrefix], random: SimulatorRandom
  ) {
    self.configuration = configuration
    self.outside = outside
    self.inside = inside
    self.random = random
    times = NATTimes(configuration.lifetimes)
    hasAddressConflict = outside.contains { address in inside.contains { $0.contains(address) } }
    ports = NATPorts(configuration, pool: outside.filter { $0.family == .v4 }, random: &self.random)
    fragments = FragmentTable(configuration.fragments)
    newMappings = configuration.newMappingsPerSecond.map { TokenBucket(perSecond: $0) }
  }

  /// Takes a packet in, and puts what becomes of it behind what is in `output`.
  public mutating func receive(
    _ packet: Packet, from side: NATSide, at now: Instant, into output: inout [NATOutput]
  ) {
    handleDeadline(at: now, into: &output)
    guard configuration.translatesIPv6 else { return take(packet, from: side, at: now, into: &output) }
    let first = output.count
    take(side == .inside ? families.toV4(packet, inside) : packet, from: side, at: now, into: &output)
    for place in output.indices[first...] { families.restore(&output[place]) }
  }

  private mutating func take(
    _ packet: Packet, from side: NATSide, at now: Instant, into output: inout [NATOutput]
  ) {
    if packet.fragment != nil, packet.source.ip.family == packet.destination.ip.family {
      receiveFragment(packet, from: side, at: now, into: &output)
    } else {
      receiveWhole(packet, from: side, at: now, into: &output)
    }
  }

  /// Whether ``pass(_:from:at:into:)`` is all there is to be done about a packet.
  func passesAsItIs(_ packet: borrowing Packet) -> Bool {
    packet.fragment == nil && !configuration.translatesIPv6
  }

  mutating func receiveWhole(
    _ packet: Packet, from side: NATSide, at now: Instant, into output: inout [NATOutput]
  ) {
    var passing = packet
    do {
      let exit = try pass(&passing, from: side, at: now, into: &output)
      output.append(.forward(passing, toward: exit))
    } catch {
      output.append(.dropped(packet, error))
    }
  }
}

// MARK: Deadlines

extension NATCore {
  /// When to call ``handleDeadline(at:into:)``: there may turn out to be nothing to do yet.
  public var nextDeadline: Instant? {
    earlier(table.nextDeadline, earlier(fragments.nextDeadline, unansweredSYNs.nextDeadline))
  }

  private func earlier(_ left: Instant?, _ right: Instant?) -> Instant? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
  }

  /// Forgets what has ended, and sends what was put off until now.
  public mutating func handleDeadline(at now: Instant, into output: inout [NATOutput]) {
    while let expired = table.nextExpired(at: now) {
      switch expired {
      case .mapping(let slot): remove(mapping: slot)
      case .filter(let slot): remove(filter: slot)
      }
    }
    fragments.expire(at: now, into: &output)
    while let syn = unansweredSYNs.takeDue(at: now) {
      reject(syn, .portUnreachable, toward: .outside, into: &output)
    }
  }

  /// Starts anew and forgets everything; with other addresses if there are any.
  public mutating func reboot(
    newAddresses: [IPAddress]? = nil, at now: Instant = Instant(nanoseconds: 0)
  ) {
    let captivity = captivity
    self = NATCore(configuration, outside: newAddresses ?? outside, inside: inside, random: random)
    hold(for: captivity.portal)
    started = now
  }
}

// MARK: What it holds

extension NATCore {
  /// How many mappings there are.
  public var mappingCount: Int { table.mappings.count }
  /// How many filters and TCP connections it remembers.
  public var filterCount: Int { table.filters.count }
  /// How many inside addresses have mappings.
  public var hostCount: Int { hosts.slots.count }
  /// How many fragments wait for the first of their packets.
  public var heldFragmentCount: Int { fragments.heldCount }
  /// How many SYNs from outside have not been answered yet.
  public var unansweredSYNCount: Int { unansweredSYNs.count }

  /// Where `remote` would see packets of the inside socket come from; nil if there is no mapping.
  public func mapping(
    of socket: SocketAddress, _ transport: Transport = .udp, toward remote: SocketAddress
  ) -> SocketAddress? {
    existingMapping(transport, inside: socket, remote: remote).map { table.mappings.elements[$0].outside }
  }

  /// The address that the box has on a side.
  public func address(on side: NATSide, _ family: IPAddress.Family) -> IPAddress? {
    switch side {
    case .outside: outside.first { $0.family == family }
    case .inside: inside.first { $0.base.family == family }.map { $0[1] }
    }
  }
}
