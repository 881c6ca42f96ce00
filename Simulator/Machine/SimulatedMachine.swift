import WarrenMachine

/// A computer of a simulated internet: a `Machine` whose sockets, clock and chance are the world's.
public final class SimulatedMachine: Machine, PacketNode, @unchecked Sendable {
  // Confined to its world's thread, as the world is: hence `@unchecked`.

  /// What it is called.
  public let name: String
  /// Who waits for what on it.
  public let waits = WaitList()
  /// Its files, and what goes wrong with them.
  public private(set) lazy var disk = SimulatedDisk(of: self)
  /// How far its time of day is from the truth.
  public var clockError: Duration = .zero
  /// The name servers that it asks. Names of machines are known without: see ``World/addName(_:for:)``.
  public var knownNameServers: [SocketAddress] = []

  /// Addresses of others that it says are its own.
  var pretended: [IPAddress] = [] {
    didSet { addressesChanged() }
  }

  // It is the world's and does not outlive it; counted references to the world would be a good part of what a packet costs.
  unowned(unsafe) let world: World
  let place: Trace.Place
  private(set) var attachments: [Attachment] = [] {
    didSet { addressesChanged() }
  }
  /// What ``interfaces()`` says, as long as nothing has changed: programs ask again and again.
  private var knownInterfaces: [NetworkInterface]?
  var udpSockets: [SocketAddress: [SimulatedUDPSocket]] = [:]
  var tcp = TCPTable()
  private var reassembly = Reassembly()
  private var chance: SimulatorRandom
  /// How far its clock is ahead of the world's, and until when it sleeps, if it does.
  let clock: ClockOffset
  var sleep: (since: Instant, until: Instant)?
  private(set) var isClosed = false
  /// What it has sent, and what has come.
  public private(set) var traffic = Traffic()

  /// How many packets a machine has sent and been sent.
  public struct Traffic: Hashable, Sendable {
    /// Those that have reached it, whether something there took them or not.
    public fileprivate(set) var arrived = 0
    /// Those that it has sent.
    public private(set) var packets = 0
    /// In the one second in which it has sent most.
    public private(set) var peak = 0
    private var second: Int64 = 0
    private var inSecond = 0

    mutating func count(at now: Instant) {
      packets += 1
      let current = now.nanoseconds / 1_000_000_000
      if current != second { (second, inSecond) = (current, 0) }
      inSecond += 1
      peak = max(peak, inSecond)
    }
  }

  init(_ name: String, in world: World, place: Trace.Place) {
    self.name = name
    self.world = world
    self.place = place
    chance = world.random(for: name)
    // Each clock begins elsewhere, so that a program that sends its instants to others fails here first.
    clock = ClockOffset(.microseconds(Int64(chance.below(3_600_000_000))))
  }

  func attach(to network: Network, addresses: [NetworkInterface.Address], up: Link, down: Link) {
    let attachment = Attachment(self, to: network, addresses: addresses, up: up, down: down)
    attachments.append(attachment)
    network.attach(attachment)
  }

  /// It hangs on no network.
  func removeAttachments() { attachments = [] }

  /// The link by which it hangs on its network, to look at and to change.
  public var uplink: Link {
    get { attachments[0].up }
    set { attachments[0].up = newValue }
  }

  /// The same link in the other direction.
  public var downlink: Link {
    get { attachments[0].down }
    set { attachments[0].down = newValue }
  }

  /// How many of its sockets are open, those of TCP's connections not among them.
  public var openUDPSockets: Int { udpSockets.values.reduce(0) { $0 + $1.count } }

  /// Its addresses, without the loopback's.
  public var ownAddresses: [IPAddress] { attachments.flatMap { $0.addresses.map(\.ip) } }

  /// Its address of one family.
  public func address(_ family: IPAddress.Family = .v4) -> IPAddress {
    guard let address = ownAddresses.first(where: { $0.family == family }) else {
      preconditionFailure("\(name) has no IP\(family) address: let it speak both")
    }
    return address
  }

  // MARK: Executor

  public var unownedExecutor: UnownedSerialExecutor { world.executor.asUnownedSerialExecutor() }
  public var taskExecutor: any TaskExecutor { world.taskExecutor }
  public var isOnExecutor: Bool { world.ready.isOnRunner }
  public func submit(_ work: @escaping @Sendable () -> Void) { world.ready.add(.work(work)) }

  // MARK: Time and chance

  public var now: Instant {
    // Its clock has been put back by as long as it sleeps already.
    if let sleep, world.now < sleep.until { return sleep.since }
    return world.now.advanced(byNanoseconds: clock.nanoseconds)
  }

  public var timeSince1970: Duration {
    SimulatorLimits.epoch + .nanoseconds(world.now.nanoseconds) + clockError
  }

  public func makeTimer(_ fire: @escaping () -> Void) -> MachineTimer {
    // Whoever has a timer has its machine as well.
    world.timers.makeTimer(of: self, offset: clock) { if !self.isClosed { fire() } }
  }

  public func fillRandom(_ bytes: UnsafeMutableRawBufferPointer) {
    preconditionOnExecutor()
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: chance.next() >> 56) }
  }

  /// Four bytes of the machine's chance, for where a connection's numbers begin.
  func initialSequence() -> UInt32 { UInt32(truncatingIfNeeded: chance.next()) }

  /// A port from which the system would choose, as `isFree` allows.
  func ephemeralPort(where isFree: (UInt16) -> Bool) -> UInt16? {
    let range = SimulatorLimits.ephemeralPorts
    let start = chance.below(range.count)
    for step in 0..<range.count {
      let port = range.lowerBound + UInt16((start + step) % range.count)
      if isFree(port) { return port }
    }
    return nil
  }

  // MARK: Network

  public func interfaces() throws(NetworkError) -> [NetworkInterface] {
    if let knownInterfaces { return knownInterfaces }
    let interfaces = listInterfaces()
    knownInterfaces = interfaces
    return interfaces
  }

  /// Its addresses are others than before, or its networks.
  func addressesChanged() { knownInterfaces = nil }

  private func listInterfaces() -> [NetworkInterface] {
    let loopback = NetworkInterface(
      name: "lo", index: 1,
      addresses: [
        NetworkInterface.Address(.loopback(.v4), prefixLength: 8),
        NetworkInterface.Address(.loopback(.v6), prefixLength: 128),
      ], isLoopback: true)
    let others = pretended.map { NetworkInterface.Address($0, prefixLength: $0.family == .v4 ? 32 : 128) }
    return [loopback]
      + attachments.enumerated().map { index, attachment in
        NetworkInterface(
          name: "eth\(index)", index: UInt32(index + 2),
          addresses: attachment.addresses + (index == 0 ? others : []), isLoopback: false)
      }
  }

  public func gateways() throws(NetworkError) -> [IPAddress] {
    attachments.flatMap { attachment -> [IPAddress] in
      guard let gateway = attachment.network.gateway else { return [] }
      return gateway.addresses.map(\.ip).filter { attachment.address($0.family) != nil }
    }
  }

  public func askUPnPGateway(_ request: UPnPRequest, _ wait: Wait<UPnPGateway>) {
    let attachment = attachments.first { $0.network.gateway?.node is Box }
    guard let attachment, let box = attachment.network.gateway?.node as? Box,
      let address = attachment.address(.v4),
      box.core.configuration.portMapping.protocols.contains(.upnp)
    else {
      let silence = makeTimer { wait.fail(UPnPError.noGateway) }
      wait.onEnd = { silence.cancel() }
      return silence.schedule(at: now.advanced(by: SimulatorLimits.upnpSearchTime))
    }
    let timer = makeTimer {
      switch box.answer(request, from: address) {
      case .success(let gateway): wait.succeed(gateway)
      case .failure(let error): wait.fail(error)
      }
    }
    // What is to be closed is closed, whoever waits for it or not.
    if case .unmap = request {} else { wait.onEnd = { timer.cancel() } }
    let time =
      request == .discover ? SimulatorLimits.upnpDiscoveryTime : SimulatorLimits.upnpRequestTime
    timer.schedule(at: now.advanced(by: time))
  }

  public func nameServers() -> [SocketAddress] { knownNameServers }

  public func lookUp(_ name: String, _ wait: Wait<[IPAddress]>) {
    let timer = makeTimer { [weak self] in
      guard let self else { return }
      if let addresses = world.addresses(of: name) {
        wait.succeed(withSynthesized(addresses))
      } else {
        wait.fail(NetworkError.nameNotFound(name))
      }
    }
    wait.onEnd = { timer.cancel() }
    timer.schedule(at: now.advanced(by: SimulatorLimits.lookUpTime))
  }

  /// What the network's DNS64 makes of a name's addresses, if there is one: a name without IPv6 gets some (RFC 6147, 5.1).
  private func withSynthesized(_ addresses: [IPAddress]) -> [IPAddress] {
    let hasDNS64 = attachments.contains {
      ($0.network.gateway?.node as? Box)?.core.configuration.translatesIPv6 ?? false
    }
    guard hasDNS64, !addresses.contains(where: { $0.family == .v6 }) else { return addresses }
    return addresses.map(FamilyTranslation.synthesized) + addresses
  }

  public func close() async { closeNow() }

  func closeNow() {
    guard !isClosed else { return }
    isClosed = true
    waits.close(with: NetworkError.machineClosed)
    world.timers.cancelAll(of: self)
    // In the order of their addresses: the order of a dictionary is another in every run.
    for key in udpSockets.keys.sorted() { udpSockets[key]?.forEach { $0.close() } }
    closeAllTCP()
  }

  func checkOpen() throws(NetworkError) {
    if isClosed { throw .machineClosed }
  }

  /// What a socket takes part in: everything, or one interface alone.
  enum Scope {
    case all
    case loopback
    case attachment(Attachment)

    /// Whether it has to do with what comes or goes by `way`, where none is the machine's own loopback.
    func includes(_ way: Attachment?) -> Bool {
      switch self {
      case .all: true
      case .loopback: way == nil
      case .attachment(let own): way === own
      }
    }
  }

  /// The scope of the interface called `name`; everything, when there is no name.
  func scope(ofInterface name: String?) throws(NetworkError) -> Scope {
    guard let name else { return .all }
    if name == "lo" { return .loopback }
    for (index, attachment) in attachments.enumerated() where name == "eth\(index)" {
      return .attachment(attachment)
    }
    throw .noSuchInterface(name)
  }

  func isOwn(_ address: IPAddress) -> Bool {
    if address.isLoopback { return true }
    for attachment in attachments where attachment.has(address) { return true }
    return false
  }

  // MARK: Packets

  /// By which attachment packets from `local` to `destination` leave, and from which address.
  func way(
    to destination: IPAddress, from local: IPAddress, in scope: Scope = .all
  ) -> (attachment: Attachment?, source: IPAddress)? {
    // What goes to oneself leaves from where it goes to.
    if isOwn(destination) {
      return scope.includes(nil) ? (nil, local.isUnspecified ? destination : local) : nil
    }
    if !local.isUnspecified {
      for attachment in attachments where scope.includes(attachment) && attachment.has(local) {
        return (attachment, local)
      }
      return nil
    }
    var chosen: Attachment?
    for attachment in attachments where scope.includes(attachment) {
      if attachment.isOnLink(destination) {
        chosen = attachment
        break
      }
      if chosen == nil, attachment.address(destination.family) != nil { chosen = attachment }
    }
    guard let chosen, let source = chosen.address(destination.family) else { return nil }
    return (chosen, source)
  }

  /// Sends a packet that this machine made; to itself at once.
  func send(_ packet: consuming Packet, over attachment: Attachment?) {
    // Its system's own timers are the world's: what they would send is not sent.
    guard !isAsleep else { return }
    begin(&packet)
    if let attachment {
      world.carry(packet, over: attachment, .up)
    } else {
      let packet = packet
      world.capture?.sawOwn(packet, at: place, world.now)
      submitOwn { [self] in take(packet, at: nil) }
    }
  }

  /// A packet that this machine made begins its way.
  private func begin(_ packet: inout Packet) {
    world.number(&packet)
    traffic.count(at: world.now)
    world.record(.sent(Trace.Summary(packet)), at: place)
  }

  /// Sends a packet that is too large for its first link in parts, as the sender may (RFC 8200, 4.5).
  func sendInParts(_ packet: Packet, over attachment: Attachment) {
    var packet = packet
    begin(&packet)
    for part in packet.cut(to: attachment.up.configuration.mtu) {
      world.carry(part, over: attachment, .up)
    }
  }

  /// Like ``submit(_:)`` for what cannot leave this thread anyhow.
  func submitOwn(_ work: @escaping () -> Void) { world.ready.add(.work(work)) }

  func receive(_ packet: Packet, at attachment: Attachment) {
    guard attachment.has(packet.destination.ip) else {
      return drop(packet, "not for this machine")
    }
    traffic.arrived += 1
    guard !isAsleep else { return drop(packet, "the machine sleeps") }
    take(packet, at: attachment)
  }

  private func take(_ packet: Packet, at attachment: Attachment?) {
    guard !isClosed else { return drop(packet, "the machine is closed") }
    guard packet.fragment == nil else {
      if let whole = reassembly.add(packet, at: world.now) {
        take(whole, at: attachment)
      } else {
        world.record(.delivered(Trace.Summary(packet)), at: place)
      }
      return
    }
    switch packet.content {
    case .udp(let payload): takeUDP(packet, payload, at: attachment)
    case .tcp(let segment): takeTCP(packet, segment)
    case .icmp(let message): takeICMP(packet, message)
    }
  }

  private func takeICMP(_ packet: Packet, _ message: ICMPMessage) {
    world.record(.delivered(Trace.Summary(packet)), at: place)
    switch message {
    case .echoRequest(let sequence, let payload):
      let reply = Packet(
        from: packet.destination, to: packet.source, .icmp(.echoReply(sequence: sequence, payload)))
      if let way = way(to: reply.destination.ip, from: reply.source.ip) { send(reply, over: way.attachment) }
    case .echoReply: break
    case .error(let error):
      switch error.offender.transport {
      case .udp: takeFailure(error, from: packet.source.ip)
      case .tcp: takeTCPFailure(error)
      case .icmp: break
      }
    }
  }

  func drop(_ packet: Packet, _ reason: String) {
    world.drop(packet, at: place, because: reason)
  }

  /// Tells the sender of `packet` that nothing takes it here.
  func refuse(_ packet: Packet) {
    drop(packet, "nothing has the port")
    guard let failure = packet.failure(.portUnreachable, reportedBy: packet.destination.ip),
      let way = way(to: failure.destination.ip, from: failure.source.ip)
    else { return }
    send(failure, over: way.attachment)
  }
}
