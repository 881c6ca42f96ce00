import Testing
import WarrenMachine
import WarrenSimulator

/// RFC 4787, REQ-8 to 10, RFC 6092: who may send to a mapping, hairpinning, and rewritten payloads.
struct NATFilterTests {
  typealias Configuration = NATConfiguration

  /// Who of Y:1111, Y:2222 and Z:1111 may send to the mapping that X1 has used towards Y:1111.
  private func admitted(_ configuration: Configuration) -> [Bool] {
    [y1, y2, z1].map { stranger in
      var laboratory = NATLaboratory(configuration)
      let mapped = laboratory.send(x1, to: y1)!
      return laboratory.answer(stranger, to: mapped) == x1
    }
  }

  @Test(
    "strangers are let in by address and port, by address, or all of them",
    arguments: Configuration.Dependence.allCases, [true, false])
  func strangers(_ filtering: Configuration.Dependence, translates: Bool) {
    let expected =
      switch filtering {
      case .endpointIndependent: [true, true, true]
      case .addressDependent: [true, true, false]
      case .addressAndPortDependent: [true, false, false]
      }
    let configuration = NATConfiguration.changed {
      $0.filtering = filtering
      $0.translates = translates
    }
    #expect(admitted(configuration) == expected)
  }

  @Test("a filter opens for whom the inside sends to, and for nobody else")
  func filterOpens() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    let mapped = laboratory.send(x1, to: y1)!
    #expect(laboratory.answer(z1, to: mapped) == nil)
    #expect(laboratory.drop == .filtered)
    laboratory.send(x1, to: z1)
    #expect(laboratory.answer(z1, to: mapped) == x1)
  }

  /// Whether Y is shut out after 31 s while X1 keeps its mapping alive by talking to Z.
  private func filterEndsAlone(_ configuration: Configuration) -> Bool {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.send(x1, to: y1)!
    laboratory.wait(.seconds(31))
    #expect(laboratory.send(x1, to: z1) == mapped)
    return laboratory.answer(y1, to: mapped) == nil
  }

  @Test("a filter ends on its own while its mapping lives on")
  func filterLifetime() {
    #expect(filterEndsAlone(.changed { $0.lifetimes.filter = .seconds(30) }))
    #expect(!filterEndsAlone(.portRestrictedCone))
  }

  @Test("what is not asked for is dropped, or rejected with an ICMP error")
  func unsolicited() {
    func reports(_ configuration: Configuration) -> [DeliveryFailure.Reason] {
      var laboratory = NATLaboratory(configuration)
      laboratory.answer(y1, to: NATLaboratory.outsideAddress.port(5000))
      #expect(laboratory.drop == .unsolicited)
      #expect(laboratory.packets(toward: .outside).allSatisfy { $0.destination.ip == y1.ip })
      return laboratory.packets(toward: .outside).compactMap { $0.report?.reason }
    }
    #expect(reports(.portRestrictedCone) == [])
    #expect(reports(.changed { $0.unsolicited = .reject }) == [.portUnreachable])
    #expect(reports(.changed { $0.unsolicited = .accept }) == [.portUnreachable])
  }

  @Test("a box that blocks UDP lets no datagram through, and TCP as before")
  func udpBlocked() {
    var laboratory = NATLaboratory(.udpBlocked)
    #expect(laboratory.send(x1, to: y1) == nil)
    #expect(laboratory.drop == .blocked)
    #expect(laboratory.connect(x1, to: y1) != nil)
    laboratory = NATLaboratory(.portRestrictedCone)
    #expect(laboratory.send(x1, to: y1) != nil)
  }

  @Test("a box that lets TCP out to some ports lets it out to no others")
  func tcpPorts() {
    var laboratory = NATLaboratory(.onlyHTTPS)
    let (web, other) = (NATLaboratory.y.port(443), NATLaboratory.y.port(444))
    #expect(laboratory.connect(x1, to: other) == nil)
    #expect(laboratory.drop == .blockedPort)
    #expect(laboratory.connect(x1, to: web) != nil)
    #expect(laboratory.send(x1, to: web) == nil)
    #expect(
      laboratory.segment(.syn, other, to: NATLaboratory.outsideAddress.port(443), from: .outside) == nil)
    laboratory = NATLaboratory(.udpBlocked)
    #expect(laboratory.connect(x1, to: other) != nil)
  }

  // MARK: IPv6 and firewalls

  @Test("IPv6 passes with its own address and is filtered all the same", arguments: [true, false])
  func ipv6(translates: Bool) {
    let prefix = IPPrefix(IPAddress(v6: 0x2001_0DB8_0001_0000, 0), length: 64)
    var laboratory = NATLaboratory(
      .changed { $0.translates = translates },
      outside: [NATLaboratory.outsideAddress, IPAddress(v6: 0x2001_0DB8_0002_0000, 1)], inside: [prefix])
    let host = prefix[9].port(5000)
    let remote = IPAddress(v6: 0x2001_0DB8_0003_0000, 1).port(1111)
    let stranger = IPAddress(v6: 0x2001_0DB8_0003_0000, 2).port(1111)
    #expect(laboratory.answer(remote, to: host) == nil)
    #expect(laboratory.send(host, to: remote) == host)
    #expect(laboratory.answer(remote, to: host) == host)
    #expect(laboratory.answer(stranger, to: host) == nil)
  }

  @Test("a firewall leaves IPv4 addresses alone, a NAT does not")
  func firewall() {
    var laboratory = NATLaboratory(.firewall)
    #expect(laboratory.send(x1, to: y1) == x1)
    #expect(laboratory.answer(y1, to: x1) == x1)
    laboratory = NATLaboratory(.symmetric)
    #expect(laboratory.send(x1, to: y1)?.ip == NATLaboratory.outsideAddress)
    #expect(laboratory.answer(y1, to: x1) == nil)
    #expect(laboratory.drop == .unroutable)
  }

  @Test("a source that does not belong to the inside is refused")
  func foreignSource() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    #expect(laboratory.send(IPAddress(10, 0, 0, 1).port(1), to: y1) == nil)
    #expect(laboratory.drop == .foreignSource)
  }

  // MARK: REQ-9

  /// What X2 sees as the source of a packet that X1 sends to X2's mapping; nil if nothing comes.
  private func hairpinSource(_ hairpinning: Configuration.Hairpinning) -> SocketAddress? {
    var laboratory = NATLaboratory(.changed { $0.hairpinning = hairpinning })
    let first = laboratory.send(NATLaboratory.x1.port(5000), to: y1)!
    let second = laboratory.send(NATLaboratory.x2.port(6000), to: y1)!
    // Each opens its filter for the other's mapping.
    laboratory.send(NATLaboratory.x2.port(6000), to: first)
    laboratory.send(NATLaboratory.x1.port(5000), to: second)
    let arrived = laboratory.packets(toward: .inside).first
    #expect(arrived.map { $0.destination == NATLaboratory.x2.port(6000) } ?? true)
    return arrived?.source
  }

  @Test("inside hosts reach each other's mappings, and see the sender's mapping")
  func hairpinning() {
    #expect(hairpinSource(.externalSource) == NATLaboratory.outsideAddress.port(5000))
    #expect(hairpinSource(.internalSource) == NATLaboratory.x1.port(5000))
    #expect(hairpinSource(.off) == nil)
  }

  @Test("a socket reaches its own mapping", arguments: [Configuration.Hairpinning.externalSource, .off])
  func hairpinningToItself(_ hairpinning: Configuration.Hairpinning) {
    var laboratory = NATLaboratory(.fullCone.changed { $0.hairpinning = hairpinning })
    let mapped = laboratory.send(x1, to: y1)!
    laboratory.put(.udp(x1, mapped), from: .inside)
    #expect(laboratory.packets(toward: .inside).map(\.destination) == (hairpinning == .off ? [] : [x1]))
    #expect(laboratory.drop == (hairpinning == .off ? .hairpinningOff : nil))
  }

  @Test("where they do not, the box answers as it does to those outside")
  func hairpinningRefused() {
    func report(_ unsolicited: Configuration.Unsolicited) -> ICMPError? {
      var laboratory = NATLaboratory(.linuxMasquerade(input: unsolicited))
      let mapped = laboratory.send(x1, to: y1)!
      laboratory.put(.udp(x2, mapped), from: .inside)
      #expect(laboratory.drop == .hairpinningOff)
      return laboratory.packets(toward: .inside).first?.report
    }
    #expect(report(.drop) == nil)
    #expect(report(.reject)?.reason == .portUnreachable)
    #expect(report(.accept)?.reason == .portUnreachable)
  }

  @Test("hairpinned packets are filtered like others")
  func hairpinningIsFiltered() {
    func passes(_ configuration: Configuration) -> Bool {
      var laboratory = NATLaboratory(configuration)
      let mapped = laboratory.send(x2, to: y1)!
      laboratory.put(.udp(NATLaboratory.x1.port(4000), mapped), from: .inside)
      return !laboratory.packets(toward: .inside).isEmpty
    }
    #expect(passes(.fullCone))
    #expect(!passes(.portRestrictedCone))
  }

  // MARK: REQ-10

  /// What the other side reads when each writes the address that the NAT rewrites.
  private func payloads(_ configuration: Configuration) -> (out: [UInt8], back: [UInt8]) {
    var laboratory = NATLaboratory(configuration)
    let inside: [UInt8] = [7, 0x13, 0x88, 192, 168, 1, 2, 9]
    laboratory.put(Packet(from: x1, to: y1, .udp(Payload(inside))), from: .inside)
    let sent = laboratory.packets(toward: .outside)[0]
    guard case .udp(let out) = sent.content else { return ([], []) }
    let port = [UInt8(sent.source.port >> 8), UInt8(sent.source.port & 255)]
    let outside: [UInt8] = [7] + port + [198, 51, 100, 1, 9]
    laboratory.put(Packet(from: y1, to: sent.source, .udp(Payload(outside))), from: .outside)
    guard case .udp(let back) = laboratory.packets(toward: .inside)[0].content else { return ([], []) }
    return (out.bytes, back.bytes)
  }

  @Test("payloads pass untouched unless the NAT meddles")
  func payload() {
    let honest = payloads(.portRestrictedCone)
    #expect(honest.out == [7, 0x13, 0x88, 192, 168, 1, 2, 9])
    #expect(honest.back == [7, 0x13, 0x88, 198, 51, 100, 1, 9])
    let meddled = payloads(.changed { $0.rewritesPayload = true })
    #expect(meddled.out == [7, 0x13, 0x88, 198, 51, 100, 1, 9])
    #expect(meddled.back == [7, 0x13, 0x88, 192, 168, 1, 2, 9])
  }
}
