import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

/// What is expected was written by another program, in Python.
@Suite("A packet as bytes")
struct PacketBytesTests {
  private static let (a, b) = (IPAddress(192, 168, 1, 2), IPAddress(203, 0, 113, 7))
  private static let (a6, b6) = (IPAddress(v6: 0x2001_0DB8 << 32, 1), IPAddress(v6: 0x2001_0DB8_0002_0000, 9))
  private static let abc = Packet.Content.udp(Payload(Array("abc".utf8)))

  private func packet(
    _ content: Packet.Content, _ family: IPAddress.Family = .v4, ports: (UInt16, UInt16) = (40_000, 3478),
    back: Bool = false, _ change: (inout Packet) -> Void = { _ in }
  ) -> Packet {
    let (a, b) = family == .v4 ? (Self.a, Self.b) : (Self.a6, Self.b6)
    var packet = Packet(
      from: SocketAddress(back ? b : a, port: ports.0), to: SocketAddress(back ? a : b, port: ports.1),
      content)
    packet.number = 7
    change(&packet)
    return packet
  }

  @Test("of UDP has its headers, its mark of congestion, and a checksum that is never none")
  func udp() {
    let marked = packet(Self.abc) { ($0.hopLimit, $0.ecn) = (56, .capable0) }
    #expect(
      hex(marked.bytes) == "4502001f0007400038114513c0a80102cb0071079c400d96000b93ec616263")
    #expect(
      hex(packet(Self.abc, .v6) { $0.ecn = .capable1 }.bytes)
        == "60100000000b114020010db800000000000000000000000120010db80002000000000000000000099c400d96000b3621616263"
    )
    #expect(
      hex(packet(.udp(Payload([0x58, 0x51]))).bytes)
        == "4500001e0007400040113d16c0a80102cb0071079c400d96000affff5851")
  }

  @Test("of TCP says in what its windows are counted, and that a nearly closed one is not shut")
  func tcp() {
    let syn = Packet.Content.tcp(TCPSegment(.syn, sequence: 1000, window: 262_144))
    #expect(
      hex(packet(syn, ports: (40_000, 80)).bytes)
        == "4500002c0007400040063d13c0a80102cb0071079c400050000003e8000000006002fffffdad000001030303")
    let hello = Packet.Content.tcp(
      TCPSegment(
        [.psh, .ack], sequence: 1001, acknowledgement: 5000, window: 262_144,
        payload: Payload(Array("hello".utf8))))
    #expect(
      hex(packet(hello, ports: (40_000, 80)).bytes)
        == "4500002d0007400040063d12c0a80102cb0071079c400050000003e900001388501880003a41000068656c6c6f")
    #expect(
      hex(packet(hello, .v6, ports: (40_000, 80)).bytes)
        == "600000000019064020010db800000000000000000000000120010db80002000000000000000000099c400050000003e90000138850188000dc75000068656c6c6f"
    )
    for (window, told) in [(0, 0), (1, 1), (8, 1), (9, 2), (UInt32.max, UInt8.max)] as [(UInt32, UInt8)] {
      let bytes = packet(.tcp(TCPSegment(.ack, sequence: 0, window: window))).bytes
      #expect(bytes[35] == told)
    }
  }

  @Test("of ICMP is an echo, with what a NAT takes for a port")
  func echo() {
    let ping = Payload(Array("ping".utf8))
    #expect(
      hex(packet(.icmp(.echoRequest(sequence: 3, ping)), ports: (77, 0)).bytes)
        == "450000200007400040013d24c0a80102cb007107080018df004d000370696e67")
    #expect(
      hex(packet(.icmp(.echoReply(sequence: 3, ping)), ports: (0, 77), back: true).bytes)
        == "450000200007400040013d24cb007107c0a80102000020df004d000370696e67")
    #expect(
      hex(packet(.icmp(.echoRequest(sequence: 3, ping)), .v6, ports: (77, 0)).bytes)
        == "60000000000c3a4020010db800000000000000000000000120010db80002000000000000000000098000451a004d000370696e67"
    )
  }

  @Test("of ICMP is an error that quotes what did not arrive")
  func errors() throws {
    func report(_ reason: DeliveryFailure.Reason, about offender: Packet, by reporter: IPAddress) throws
      -> String
    {
      var report = try #require(offender.failure(reason, reportedBy: reporter))
      report.number = 7
      return hex(report.bytes)
    }
    #expect(
      try report(.portUnreachable, about: packet(Self.abc), by: Self.b)
        == "4500003b0007400040013d09cb007107c0a801020303facb000000004500001f0000400040113d1cc0a80102cb0071079c400d96000b93ec616263"
    )
    #expect(
      try report(.tooLarge(mtu: 1280), about: packet(Self.abc, .v6), by: Self.b6)
        == "60000000003b3a4020010db800020000000000000000000920010db800000000000000000000000102002bdd0000050060000000000b114020010db800000000000000000000000120010db80002000000000000000000099c400d96000b3621616263"
    )
    let segment = packet(.tcp(TCPSegment(.ack, sequence: 1001)), ports: (40_000, 80))
    #expect(
      try report(.hopLimitExceeded, about: segment, by: IPAddress(198, 18, 0, 3))
        == "45000038000740004001b2fec6120003c0a801020b00548600000000450000280000400000067d1ec0a80102cb0071079c400050000003e9"
    )
    for reason in [.unreachable, .prohibited, .tooLarge(mtu: 100_000)] as [DeliveryFailure.Reason] {
      for family in IPAddress.Family.allCases {
        let offender = packet(Self.abc, family)
        let bytes = try #require(offender.failure(reason, reportedBy: offender.destination.ip)).bytes
        #expect(isSound(bytes), "\(reason), IP\(family)")
      }
    }
  }

  @Test("is cut as a router cuts it")
  func fragments() {
    func parts(_ family: IPAddress.Family) -> [String] {
      let whole = packet(.udp(Payload((0..<100).map { UInt8($0) })), family) {
        ($0.number, $0.mayBeFragmented) = (family == .v4 ? 9 : 0x1_0009, true)
      }
      return whole.cut(to: family == .v4 ? 84 : 112).map { hex($0.bytes) }
    }
    #expect(
      parts(.v4) == [
        "450000540009200040115cdec0a80102cb0071079c400d96006cbbbf000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
        "450000400009000840117ceac0a80102cb00710738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263",
      ])
    #expect(
      parts(.v6) == [
        "6000000000482c4020010db800000000000000000000000120010db800020000000000000000000911000001000100099c400d96006c5df4000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
        "6000000000342c4020010db800000000000000000000000120010db8000200000000000000000009110000400001000938393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263",
      ])
  }

  @Test("is sound whatever it carries", arguments: 1...200 as ClosedRange<UInt64>)
  func anything(seed: UInt64) {
    var random = SeededRandom(seed)
    let payload = Payload(
      (0..<Int.random(in: 0..<1400, using: &random)).map { _ in .random(in: 0...255, using: &random) })
    let contents: [Packet.Content] = [
      .udp(payload), .icmp(.echoRequest(sequence: .random(in: 0...9, using: &random), payload)),
      .tcp(
        TCPSegment(
          TCPSegment.Flags(rawValue: .random(in: 0..<32, using: &random)),
          sequence: .random(in: 0 ... .max, using: &random), window: .random(in: 0 ... .max, using: &random),
          payload: payload)),
    ]
    for content in contents {
      for family in IPAddress.Family.allCases {
        let bytes = packet(content, family, ports: (.random(in: 1...9, using: &random), 5)).bytes
        #expect(isSound(bytes))
        #expect(bytes.suffix(payload.count) == payload.bytes[...])
      }
    }
  }

  /// Whether lengths and checksums are right: a sum over what a checksum is of is all ones with it.
  private func isSound(_ bytes: [UInt8]) -> Bool {
    func number(_ place: Int) -> Int { Int(bytes[place]) << 8 | Int(bytes[place + 1]) }
    let isV4 = bytes[0] >> 4 == 4
    let start = isV4 ? 20 : 40
    guard (isV4 ? number(2) : 40 + number(4)) == bytes.count else { return false }
    guard !isV4 || sum(bytes[..<20]) == 0xFFFF else { return false }
    let (kind, rest) = (bytes[isV4 ? 9 : 6], bytes[start...])
    if kind == 17, number(start + 4) != rest.count || number(start + 6) == 0 { return false }
    let addresses = bytes[(isV4 ? 12 : 8)..<start]
    let pseudo = Array(addresses) + [0, kind, UInt8(rest.count >> 8), UInt8(rest.count & 255)]
    return sum((kind == 1 ? [] : pseudo) + rest) == 0xFFFF
  }

  private func sum(_ bytes: some Sequence<UInt8>) -> Int {
    var (total, isHigh) = (0, true)
    for byte in bytes {
      total += isHigh ? Int(byte) << 8 : Int(byte)
      isHigh.toggle()
      total = total >> 16 + total & 0xFFFF
    }
    return total
  }
}
