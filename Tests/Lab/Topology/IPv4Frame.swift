import WarrenMachine
import WarrenSimulator

/// A packet as a kernel has written it, and what the simulator's networks and links go by.
struct IPv4Frame: Sendable {
  private(set) var bytes: [UInt8]
  private(set) var header: Packet

  /// Nil where it is no packet of IPv4.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 20, bytes[0] >> 4 == 4 else { return nil }
    let start = Int(bytes[0] & 15) * 4
    guard bytes.count >= start else { return nil }
    func number(at place: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 << 8 | UInt32(place + $1 < bytes.count ? bytes[place + $1] : 0) }
    }
    let showsPorts = number(at: 4) & 0x1FFF == 0
    let ports = showsPorts ? number(at: start) : 0
    // As much as an error about it would quote.
    let excerpt = Payload(Array(bytes.dropFirst(start + 8).prefix(64)))
    let content: Packet.Content =
      switch bytes[9] {
      case Transport.tcp.rawValue: .tcp(TCPSegment([], sequence: number(at: start + 4)))
      case Transport.udp.rawValue: .udp(excerpt)
      default: .icmp(.echoReply(sequence: 0, excerpt))
      }
    header = Packet(
      from: SocketAddress(IPAddress(v4: number(at: 12)), port: UInt16(ports >> 16)),
      to: SocketAddress(IPAddress(v4: number(at: 16)), port: UInt16(ports & 0xFFFF)), content)
    header.hopLimit = bytes[8]
    self.bytes = bytes
  }

  /// After so many routers fewer, with the checksum that follows (RFC 1624, 3).
  mutating func setHopLimit(_ hopLimit: UInt8) {
    var sum = UInt32(bytes[10]) << 8 | UInt32(bytes[11])
    // The field is the upper half of a 16-bit word: ~(~sum + ~old + new).
    sum = (~sum & 0xFFFF) + (~(UInt32(bytes[8]) << 8) & 0xFFFF) + UInt32(hopLimit) << 8
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    sum = ~sum & 0xFFFF
    bytes[10] = UInt8(sum >> 8)
    bytes[11] = UInt8(sum & 0xFF)
    bytes[8] = hopLimit
    header.hopLimit = hopLimit
  }
}
