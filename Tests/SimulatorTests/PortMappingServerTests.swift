import Testing
import WarrenMachine
import WarrenSimulator

/// RFC 6886 and RFC 6887: what a gateway answers to those inside who ask for outside ports.
struct PortMappingServerTests {
  private static let gateway = IPAddress(192, 168, 1, 1)

  private func laboratory(
    _ protocols: Set<PortMappingProtocol>, _ change: (inout NATConfiguration) -> Void = { _ in }
  ) -> NATLaboratory {
    NATLaboratory(
      .changed {
        $0.portMapping.protocols = protocols
        change(&$0)
      })
  }

  private func natPMP(_ port: UInt16, suggesting suggested: UInt16 = 0, for seconds: UInt8) -> [UInt8] {
    [0, 1, 0, 0, UInt8(port >> 8), UInt8(port & 255), UInt8(suggested >> 8), UInt8(suggested & 255)]
      + [0, 0, 0, seconds]
  }

  private func pcp(
    _ port: UInt16, for seconds: UInt8, client: UInt8 = 2, nonce: UInt8 = 7, suggesting suggested: UInt16 = 0
  ) -> [UInt8] {
    [2, 1, 0, 0, 0, 0, 0, seconds] + [UInt8](repeating: 0, count: 10) + [255, 255, 192, 168, 1, client]
      + [UInt8](repeating: nonce, count: 12) + [17, 0, 0, 0, UInt8(port >> 8), UInt8(port & 255)]
      + [UInt8(suggested >> 8), UInt8(suggested & 255)] + [UInt8](repeating: 0, count: 10)
      + [255, 255, 0, 0, 0, 0]
  }

  private let z = NATLaboratory.z.port(9)
  private let place = NATLaboratory.outsideAddress.port(5000)

  @Test("an explicit mapping is for everyone, until its time is over, whatever passes through it")
  func lifetime() {
    var laboratory = laboratory([.natPMP])
    #expect(laboratory.answer(z, to: place) == nil)
    #expect(laboratory.ask(natPMP(5000, for: 100))?.suffix(8) == [0x13, 0x88, 0x13, 0x88, 0, 0, 0, 100])
    #expect(laboratory.answer(z, to: place) == x1)
    laboratory.wait(.seconds(99))
    #expect(laboratory.answer(z, to: place) == x1)
    #expect(laboratory.send(x1, to: y1) == place)
    laboratory.wait(.seconds(2))
    #expect(laboratory.answer(z, to: place) == nil)
    #expect(laboratory.nat.explicitMappingCount == 0)
  }

  @Test("asking again prolongs it, and asking for no time ends it")
  func renewal() {
    for request in [natPMP(5000, for: 100), pcp(5000, for: 100)] {
      var laboratory = laboratory([.natPMP, .pcp])
      _ = laboratory.ask(request)
      laboratory.wait(.seconds(90))
      _ = laboratory.ask(request)
      laboratory.wait(.seconds(90))
      #expect(laboratory.answer(z, to: place) == x1)
      _ = laboratory.ask(request[0] == 0 ? natPMP(5000, for: 0) : pcp(5000, for: 0))
      #expect(laboratory.answer(z, to: place) == nil)
    }
  }

  @Test("nobody else's nonce touches a mapping (RFC 6887, 11.3)")
  func nonce() {
    var laboratory = laboratory([.pcp])
    #expect(laboratory.ask(pcp(5000, for: 100))?[3] == 0)
    #expect(laboratory.ask(pcp(5000, for: 0, nonce: 8))?[3] == 2)
    #expect(laboratory.answer(z, to: place) == x1)
    #expect(laboratory.ask(pcp(5000, for: 0))?[3] == 0)
    #expect(laboratory.answer(z, to: place) == nil)
  }

  @Test("PCP names what is wrong with a request (RFC 6887, 7.4)")
  func pcpErrors() {
    var laboratory = laboratory([.pcp]) { $0.portMapping.perHost = 1 }
    var old = pcp(5000, for: 9)
    old[0] = 1
    #expect(laboratory.ask(old)?.prefix(4) == [2, 0x81, 0, 1])
    #expect(laboratory.ask(Array(pcp(5000, for: 9).dropLast(4)))?[3] == 3)
    var unknown = pcp(5000, for: 9)
    unknown[1] = 9
    #expect(laboratory.ask(unknown)?[3] == 4)
    #expect(laboratory.ask(pcp(5000, for: 9) + [1, 0, 0, 0])?[3] == 5)
    var icmp = pcp(5000, for: 9)
    icmp[36] = 1
    #expect(laboratory.ask(icmp)?[3] == 9)
    #expect(laboratory.ask(pcp(5000, for: 9, client: 9))?[3] == 12)
    #expect(laboratory.nat.explicitMappingCount == 0)
    #expect(laboratory.ask(pcp(5000, for: 9))?[3] == 0)
    #expect(laboratory.ask(pcp(5001, for: 9))?[3] == 10)
    // An answer is not answered: two servers would talk for ever.
    var answer = pcp(5000, for: 9)
    answer[1] |= 128
    #expect(laboratory.ask(answer) == nil)
  }

  @Test("who speaks NAT-PMP alone says so to PCP (RFC 6887, appendix A)")
  func versions() {
    var laboratory = laboratory([.natPMP])
    #expect(laboratory.ask(pcp(5000, for: 9))?.prefix(4) == [0, 0, 0, 1])
    #expect(laboratory.ask([0, 9])?.prefix(4) == [0, 137, 0, 5])
  }

  @Test("nothing is answered to those outside, nor where nothing listens")
  func deaf() {
    var open = laboratory([.natPMP, .pcp])
    let outside = NATLaboratory.outsideAddress.port(5351)
    open.put(Packet(from: y1, to: outside, .udp(Payload(natPMP(5000, for: 9)))), from: .outside)
    #expect(open.packets(toward: .outside).isEmpty)
    #expect(open.nat.explicitMappingCount == 0)
    var closed = laboratory([])
    #expect(closed.ask(natPMP(5000, for: 9)) == nil)
  }

  @Test("a port that another has is not given twice, neither by asking nor by a flow")
  func taken() {
    var laboratory = laboratory([.pcp])
    #expect(laboratory.send(x2, to: y1) == place)
    let answer = laboratory.ask(pcp(5000, for: 100))
    #expect(answer?[3] == 0)
    #expect(answer?[42..<44] != [0x13, 0x88])
    #expect(laboratory.answer(y1, to: place) == x2)

    laboratory = self.laboratory([.pcp])
    _ = laboratory.ask(pcp(5000, for: 100))
    #expect(laboratory.send(x2, to: y1) != place)
    #expect(laboratory.answer(z, to: place) == x1)
  }

  @Test("those inside reach an explicit mapping from inside")
  func hairpin() {
    var laboratory = laboratory([.pcp])
    _ = laboratory.ask(pcp(5000, for: 100))
    laboratory.put(.udp(x2, place), from: .inside)
    #expect(laboratory.packets(toward: .inside).first?.destination == x1)
  }
}

extension PortMappingServerTests {
  private static let kinds: [NATConfiguration] = [
    .fullCone, .portRestrictedCone, .symmetric, .carrierGrade, .linuxMasquerade(input: .drop),
  ].map { (kind: NATConfiguration) in kind.changed { $0.portMapping.protocols = [.natPMP] } }

  private func tcp(for seconds: UInt8) -> [UInt8] {
    var request = natPMP(5000, suggesting: 5000, for: seconds)
    request[1] = 2
    return request
  }

  /// The outside port that an answer names.
  private func place(in answer: [UInt8]) -> SocketAddress {
    NATLaboratory.outsideAddress.port(UInt16(answer[10]) << 8 | UInt16(answer[11]))
  }

  @Test("a TCP connection that was there before its port was asked for goes on", arguments: kinds)
  func connectionBefore(_ configuration: NATConfiguration) throws {
    var laboratory = NATLaboratory(configuration)
    let syn = laboratory.segment(.syn, x1, to: y1, from: .inside)
    let mapped = try #require(syn?.source)
    let given = laboratory.ask(tcp(for: 100))
    let place = try self.place(in: #require(given))
    #expect(laboratory.segment([.syn, .ack], y1, to: mapped, from: .outside)?.destination == x1)
    #expect(laboratory.segment(.ack, x1, to: y1, from: .inside)?.source == mapped)
    // A second connection between the same two could not be told from the first.
    if place != mapped { #expect(laboratory.segment(.syn, y1, to: place, from: .outside) == nil) }
    #expect(laboratory.segment(.ack, x1, to: y1, from: .inside)?.source == mapped)
    #expect(laboratory.segment(.syn, z, to: place, from: .outside)?.destination == x1)
    laboratory.wait(.seconds(1000))
    #expect(laboratory.nat.explicitMappingCount == 0)
    #expect(laboratory.segment([.psh, .ack], y1, to: mapped, from: .outside)?.destination == x1)
    #expect(laboratory.segment([.psh, .ack], x1, to: y1, from: .inside)?.source == mapped)
  }

  @Test(
    "TCP connections that came through a port go on when nobody new may come any more", arguments: kinds)
  func connectionAfter(_ configuration: NATConfiguration) throws {
    for isGivenBack in [true, false] {
      var laboratory = NATLaboratory(configuration)
      let given = laboratory.ask(tcp(for: 100))
      let place = try self.place(in: #require(given))
      for remote in [y1, z] {
        #expect(laboratory.segment(.syn, remote, to: place, from: .outside)?.destination == x1)
        #expect(laboratory.segment([.syn, .ack], x1, to: remote, from: .inside)?.source == place)
        #expect(laboratory.segment(.ack, remote, to: place, from: .outside)?.destination == x1)
      }
      if isGivenBack { #expect(laboratory.ask(tcp(for: 0)) != nil) } else { laboratory.wait(.seconds(101)) }
      #expect(laboratory.nat.explicitMappingCount == 0)
      for remote in [y1, z] {
        #expect(laboratory.segment([.psh, .ack], remote, to: place, from: .outside)?.destination == x1)
        #expect(laboratory.segment([.psh, .ack], x1, to: remote, from: .inside)?.source == place)
      }
      #expect(laboratory.segment(.syn, y2, to: place, from: .outside) == nil)
      // Asked for once more it is for all again, and for its time.
      let asked = laboratory.ask(tcp(for: 100))
      let again = try self.place(in: #require(asked))
      #expect(laboratory.segment(.syn, y2, to: again, from: .outside)?.destination == x1)
      laboratory.segment([.rst, .ack], x1, to: y2, from: .inside)
      laboratory.wait(.seconds(101))
      #expect(laboratory.nat.explicitMappingCount == 0)
      #expect(laboratory.segment(.syn, NATLaboratory.y.port(3333), to: again, from: .outside) == nil)
      for remote in [y1, z] {
        #expect(laboratory.segment([.psh, .ack], remote, to: place, from: .outside)?.destination == x1)
      }
      // And are forgotten as any others.
      for remote in [y1, z] {
        laboratory.segment([.fin, .ack], remote, to: place, from: .outside)
        laboratory.segment([.fin, .ack], x1, to: remote, from: .inside)
      }
      laboratory.wait(.seconds(400))
      #expect(laboratory.nat.mappingCount == 0)
      #expect(laboratory.segment([.psh, .ack], y1, to: place, from: .outside) == nil)
    }
  }
}

extension NATLaboratory {
  /// Asks for something from X1.
  ///
  /// - Returns: the gateway's answer.
  fileprivate mutating func ask(_ request: [UInt8]) -> [UInt8]? {
    let server = IPAddress(192, 168, 1, 1).port(5351)
    put(Packet(from: NATLaboratory.x1.port(40_000), to: server, .udp(Payload(request))), from: .inside)
    for packet in packets(toward: .inside) {
      if case .udp(let payload) = packet.content, packet.source == server { return payload.bytes }
    }
    return nil
  }
}
