import Testing
import WarrenMachine
import WarrenSimulator

/// RFC 4787, REQ-12 to 14, and what every router does: ICMP, hop limits and fragments.
struct NATErrorTests {
  typealias Configuration = NATConfiguration

  /// What an inside host hears when a router on the way reports about its packet.
  private func report(
    _ configuration: Configuration, _ reason: DeliveryFailure.Reason, by reporter: IPAddress
  ) -> (heard: Packet?, mappingLives: Bool) {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.send(x1, to: y1)!
    laboratory.put(Packet.udp(mapped, y1).failure(reason, reportedBy: reporter)!, from: .outside)
    return (
      laboratory.packets(toward: .inside).first, laboratory.nat.mapping(of: x1, toward: y1) == mapped
    )
  }

  private static let router = IPAddress(203, 0, 113, 254)

  @Test(
    "an ICMP error reaches the socket it is about, quoting what that socket sent",
    arguments: [.portUnreachable, .hopLimitExceeded, .tooLarge(mtu: 1400)] as [DeliveryFailure.Reason])
  func errorIsTranslated(_ reason: DeliveryFailure.Reason) {
    for preset in NATPresets.udp {
      let (heard, mappingLives) = report(preset.configuration, reason, by: NATErrorTests.router)
      #expect(heard?.destination.ip == x1.ip, "\(preset)")
      #expect(heard?.source.ip == NATErrorTests.router, "\(preset)")
      #expect(heard?.report?.offender.source == x1, "\(preset)")
      #expect(heard?.report?.offender.destination == y1, "\(preset)")
      #expect(heard?.report?.reason == reason, "\(preset)")
      #expect(mappingLives, "\(preset)")
    }
    #expect(report(.changed { $0.translatesErrors = false }, reason, by: y1.ip).heard == nil)
  }

  @Test("an ICMP error does not end the mapping")
  func errorLeavesMapping() {
    #expect(report(.portRestrictedCone, .portUnreachable, by: y1.ip).mappingLives)
    #expect(!report(.changed { $0.errorsEndMappings = true }, .portUnreachable, by: y1.ip).mappingLives)
  }

  @Test("an ICMP error may come from anywhere on the way")
  func errorSource() {
    let picky = NATConfiguration.changed { $0.errorsOnlyFromDestination = true }
    #expect(report(.portRestrictedCone, .hopLimitExceeded, by: NATErrorTests.router).heard != nil)
    #expect(report(picky, .hopLimitExceeded, by: NATErrorTests.router).heard == nil)
    #expect(report(picky, .portUnreachable, by: y1.ip).heard != nil)
  }

  @Test("an ICMP error about a packet that was never sent is dropped")
  func errorAboutNothing() {
    var laboratory = NATLaboratory(.fullCone)
    laboratory.send(x1, to: y1)
    let invented = Packet.udp(NATLaboratory.outsideAddress.port(9), y1)
    laboratory.put(invented.failure(.portUnreachable, reportedBy: y1.ip)!, from: .outside)
    #expect(laboratory.drop == .unknownFlow)
  }

  @Test("an inside host's ICMP error goes out in the NAT's name")
  func outboundError() {
    func report(_ configuration: Configuration) -> Packet? {
      var laboratory = NATLaboratory(configuration)
      let mapped = laboratory.send(x1, to: y1)!
      laboratory.answer(y1, to: mapped)
      let arrived = laboratory.packets(toward: .inside)[0]
      laboratory.put(arrived.failure(.portUnreachable, reportedBy: x1.ip)!, from: .inside)
      return laboratory.packets(toward: .outside).first
    }
    let heard = report(.symmetric)
    #expect(heard?.source.ip == NATLaboratory.outsideAddress)
    #expect(heard?.destination.ip == y1.ip)
    #expect(heard?.report?.offender.destination.ip == NATLaboratory.outsideAddress)
    #expect(heard?.report?.offender.source == y1)
    #expect(report(.symmetric.changed { $0.translatesErrors = false }) == nil)
  }

  @Test("an ICMP error about a hairpinned packet finds its sender")
  func hairpinnedError() {
    var laboratory = NATLaboratory(.fullCone)
    let mapped = laboratory.send(x2, to: y1)!
    laboratory.put(.udp(x1, mapped), from: .inside)
    let arrived = laboratory.packets(toward: .inside)[0]
    laboratory.put(arrived.failure(.portUnreachable, reportedBy: x2.ip)!, from: .inside)
    let heard = laboratory.packets(toward: .inside).first
    #expect(heard?.destination.ip == x1.ip)
    #expect(heard?.report?.offender.source == x1)
    #expect(heard?.report?.offender.destination == mapped)
  }

  @Test("pings are mapped by their number for 60 s")
  func pings() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    func ping(_ host: IPAddress) -> SocketAddress? {
      let request = Packet(
        from: host.port(77), to: NATLaboratory.y.port(0), .icmp(.echoRequest(sequence: 1, .empty)))
      laboratory.put(request, from: .inside)
      return laboratory.packets(toward: .outside).first?.source
    }
    func pong(_ mapped: SocketAddress) -> SocketAddress? {
      let reply = Packet(
        from: NATLaboratory.y.port(0), to: mapped, .icmp(.echoReply(sequence: 1, .empty)))
      laboratory.put(reply, from: .outside)
      return laboratory.packets(toward: .inside).first?.destination
    }
    let first = ping(x1.ip)!
    let second = ping(x2.ip)!
    #expect(first != second)
    #expect(pong(first) == x1.ip.port(77))
    #expect(pong(second) == x2.ip.port(77))
    laboratory.wait(.seconds(61))
    #expect(pong(first) == nil)
  }

  @Test("the box answers pings to its own addresses")
  func ownPings() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    for (side, source, target) in [
      (NATSide.inside, x1.ip, IPAddress(192, 168, 1, 1)), (.inside, x1.ip, NATLaboratory.outsideAddress),
      (.outside, y1.ip, NATLaboratory.outsideAddress),
    ] {
      laboratory.put(
        Packet(from: source.port(77), to: target.port(0), .icmp(.echoRequest(sequence: 1, .empty))),
        from: side)
      #expect(laboratory.packets(toward: side).map(\.destination) == [source.port(77)])
      #expect(laboratory.drop == .forRouter)
    }
  }

  // MARK: Hop limit

  /// What becomes of packets with a hop limit, from inside and from outside.
  private func hops(_ configuration: Configuration, _ limit: UInt8) -> (out: UInt8?, back: UInt8?) {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.send(x1, to: y1)!
    var packet = Packet.udp(x1, y1)
    packet.hopLimit = limit
    laboratory.put(packet, from: .inside)
    let out = laboratory.packets(toward: .outside).first?.hopLimit
    packet = Packet.udp(y1, mapped)
    packet.hopLimit = limit
    laboratory.put(packet, from: .outside)
    return (out, laboratory.packets(toward: .inside).first?.hopLimit)
  }

  @Test("the hop limit goes down by one in both directions", arguments: NATPresets.udp)
  func hopLimit(_ preset: NATPresets) {
    #expect(hops(preset.configuration, 64) == (63, 63))
    #expect(hops(preset.configuration, 2) == (1, 1))
    #expect(hops(preset.configuration, 1) == (nil, nil))
    #expect(hops(preset.configuration.changed { $0.lowersHopLimit = false }, 1) == (1, 1))
  }

  @Test("a packet out of hops is reported from the address on its side, and leaves no mapping")
  func hopLimitExceeded() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    var packet = Packet.udp(x1, y1)
    packet.hopLimit = 1
    laboratory.put(packet, from: .inside)
    var report = laboratory.packets(toward: .inside).first
    #expect(report?.source.ip == IPAddress(192, 168, 1, 1))
    #expect(report?.destination.ip == x1.ip)
    #expect(report?.report?.reason == .hopLimitExceeded)
    #expect(report?.report?.offender.source == x1)
    #expect(laboratory.nat.mappingCount == 0)

    let mapped = laboratory.send(x1, to: y1)!
    packet = Packet.udp(y1, mapped)
    packet.hopLimit = 1
    laboratory.put(packet, from: .outside)
    report = laboratory.packets(toward: .outside).first
    #expect(report?.source.ip == NATLaboratory.outsideAddress)
    #expect(report?.destination.ip == y1.ip)
    #expect(report?.report?.offender.destination == mapped)
    #expect(laboratory.drop == .hopLimitExceeded)
  }

  // MARK: Fragments

  /// How many of a packet's three fragments arrive with the right addresses, in the given order.
  private func fragments(
    _ configuration: Configuration, _ order: [Int], from side: NATSide = .inside
  ) -> Int {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.send(x1, to: y1)!
    let text = String(repeating: "x", count: 100)
    let whole = side == .inside ? Packet.udp(x1, y1, text) : Packet.udp(y1, mapped, text)
    let parts = whole.cut(after: 40)
    var count = 0
    for place in order {
      laboratory.put(parts[place], from: side)
      count += laboratory.packets(toward: side.opposite).count {
        (side == .inside ? $0.source == mapped : $0.destination == x1) && $0.hopLimit == 63
      }
    }
    #expect(laboratory.nat.heldFragmentCount == 0 || order.first != 0)
    return count
  }

  @Test("fragments pass in order, out of order, or not at all", arguments: NATSide.allCases)
  func fragments(from side: NATSide) {
    let orders = [[0, 1, 2], [2, 0, 1], [2, 1, 0]]
    func counts(_ policy: Configuration.Fragments) -> [Int] {
      orders.map { fragments(.symmetric.changed { $0.fragments = policy }, $0, from: side) }
    }
    #expect(counts(.outOfOrder(limit: 64)) == [3, 3, 3])
    #expect(counts(.inOrder) == [3, 2, 1])
    #expect(counts(.none) == [0, 0, 0])
  }

  @Test("the fragments of a packet that is filtered are dropped with it")
  func filteredFragments() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    let mapped = laboratory.send(x1, to: y1)!
    for part in Packet.udp(z1, mapped, String(repeating: "x", count: 100)).cut(after: 40) {
      laboratory.put(part, from: .outside)
      #expect(laboratory.drop == .filtered)
    }
  }

  @Test("a number that was used for one packet may be used for the next")
  func fragmentNumberIsReused() {
    var laboratory = NATLaboratory(.symmetric)
    let text = String(repeating: "x", count: 50)
    for part in Packet.udp(x1, y1, text).cut(after: 40) { laboratory.put(part, from: .inside) }
    let parts = Packet.udp(NATLaboratory.x1.port(6000), y1, text).cut(after: 40)
    laboratory.put(parts[1], from: .inside)
    #expect(laboratory.output.isEmpty)
    laboratory.put(parts[0], from: .inside)
    let mapped = laboratory.nat.mapping(of: NATLaboratory.x1.port(6000), toward: y1)
    #expect(laboratory.packets(toward: .outside).map(\.source) == [mapped, mapped])
  }

  @Test("no more fragments wait than there is room for, and none for longer than 30 s")
  func fragmentFlood() {
    func held(_ limit: Int) -> Int {
      var laboratory = NATLaboratory(.changed { $0.fragments = .outOfOrder(limit: limit) })
      for number in 0..<500 {
        let packet = Packet.udp(
          y1, NATLaboratory.outsideAddress.port(5000), String(repeating: "x", count: 100))
        laboratory.put(packet.cut(after: 40, identification: UInt32(number))[1], from: .outside)
      }
      let count = laboratory.nat.heldFragmentCount
      laboratory.wait(.seconds(30))
      #expect(laboratory.output.count == count)
      #expect(laboratory.drop == .fragmentIncomplete)
      #expect(laboratory.nat.heldFragmentCount == 0)
      #expect(laboratory.nat.nextDeadline == nil)
      return count
    }
    #expect(held(64) == 64)
    #expect(held(1000) == 500)
  }

  @Test("a report that a packet is too large passes with the size, so that the sender can cut it")
  func tooLarge() {
    func mtu(_ configuration: Configuration) -> DeliveryFailure.Reason? {
      report(configuration, .tooLarge(mtu: 1280), by: NATErrorTests.router).heard?.report?.reason
    }
    #expect(mtu(.symmetric) == .tooLarge(mtu: 1280))
    #expect(mtu(.symmetric.changed { $0.translatesErrors = false }) == nil)
  }
}
