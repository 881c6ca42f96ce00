import WarrenMachine

/// A NAT or firewall between two networks: what a ``NATCore`` decides, it does.
public final class Box: PacketNode {
  /// What it is called.
  public let name: String
  let place: Trace.Place
  /// What it knows and decides: mappings, filters, counters.
  public private(set) var core: NATCore

  private unowned(unsafe) let world: World
  private(set) var inside: Attachment!
  private(set) var outside: Attachment!
  /// Reused, so that a packet costs no allocation.
  private var outputs: [NATOutput] = []
  private var deadline: MachineTimer!

  init(
    _ name: String, in world: World, place: Trace.Place, _ configuration: NATConfiguration,
    inside: Boundary, insidePrefixes: [IPPrefix], outside: Boundary
  ) {
    self.name = name
    self.world = world
    self.place = place
    core = NATCore(
      configuration, outside: outside.addresses.map(\.ip), inside: insidePrefixes,
      random: world.random(for: name))
    self.inside = Attachment(
      self, to: inside.network, addresses: inside.addresses, up: inside.up, down: inside.down)
    self.outside = Attachment(
      self, to: outside.network, addresses: outside.addresses, up: outside.up, down: outside.down)
    inside.network.attach(self.inside)
    outside.network.attach(self.outside)
    deadline = world.timers.makeTimer { [unowned self] in deadlinePassed() }
  }

  /// The address under which the internet, or the next box, sees it.
  public var outsideAddress: IPAddress { outside.addresses[0].ip }

  /// Loses power and starts again with nothing remembered.
  ///
  /// - Parameter renumbering: whether its provider gives it another IPv4 address.
  public func reboot(renumbering: Bool = false) {
    if renumbering {
      let network = outside.network
      for address in outside.addresses where address.ip.family == .v4 { network.detach(address.ip) }
      outside.addresses = outside.addresses.map { address in
        guard address.ip.family == .v4 else { return address }
        let new = network.plan.takeV4()
        network.attach(outside, as: new.ip)
        return new
      }
    }
    core.reboot(newAddresses: outside.addresses.map(\.ip), at: world.now)
    world.record(.note(renumbering ? "reboots and is now \(outsideAddress)" : "reboots"), at: place)
    deadline.cancel()
  }

  /// Has whatever those behind it say over TCP answered by a portal, and nothing else pass; lets everything through with nil.
  public func hold(for portal: SocketAddress?) {
    core.hold(for: portal)
    world.record(.note(portal.map { "answers by \($0) alone" } ?? "lets everything through"), at: place)
  }

  /// Does what a machine behind it asks for by UPnP.
  func answer(_ request: UPnPRequest, from host: IPAddress) -> Result<UPnPGateway, UPnPError> {
    core.handleDeadline(at: world.now, into: &outputs)
    let answer = core.serveUPnP(request, from: host, at: world.now)
    perform()
    return answer
  }

  func receive(_ packet: Packet, at attachment: Attachment) {
    let side: NATSide = attachment === inside ? .inside : .outside
    guard core.passesAsItIs(packet) else {
      core.receive(packet, from: side, at: world.now, into: &outputs)
      return perform()
    }
    // What most packets are is not put among the outputs, from which it would have to be taken out again.
    core.handleDeadline(at: world.now, into: &outputs)
    var passing = packet
    do throws(NATDropReason) {
      let exit = try core.pass(&passing, from: side, at: world.now, into: &outputs)
      performOutputs()
      forward(passing, toward: exit)
    } catch {
      performOutputs()
      world.drop(packet, at: place, because: error.description)
    }
    arm()
  }

  private func deadlinePassed() {
    core.handleDeadline(at: world.now, into: &outputs)
    perform()
  }

  private func perform() {
    performOutputs()
    arm()
  }

  private func forward(_ packet: Packet, toward side: NATSide) {
    world.record(.forwarded(Trace.Summary(packet)), at: place)
    world.carry(packet, over: side == .inside ? inside : outside, .up)
  }

  private func performOutputs() {
    if outputs.isEmpty { return }
    // What is carried may come back to this box before this returns: its own outputs are then its own affair.
    var outputs: [NATOutput] = []
    swap(&outputs, &self.outputs)
    for output in outputs {
      switch output {
      case .forward(var packet, let side):
        if packet.number == 0 { world.number(&packet) }
        forward(packet, toward: side)
      case .dropped(let packet, let reason):
        world.drop(packet, at: place, because: reason.description)
      }
    }
    outputs.removeAll(keepingCapacity: true)
    if self.outputs.isEmpty { swap(&outputs, &self.outputs) }
  }

  private func arm() {
    if let next = core.nextDeadline {
      if armed != next || !deadline.isScheduled { deadline.schedule(at: next) }
    } else {
      deadline.cancel()
    }
    armed = core.nextDeadline
  }

  private var armed: Instant?
}
