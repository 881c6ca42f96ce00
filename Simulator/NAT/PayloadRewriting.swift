import WarrenMachine

extension Packet {
  /// Replaces an IPv4 address wherever it stands in a UDP payload, and its port where that stands before it:
  /// what some NATs do for applications that never asked, and why STUN hides addresses (RFC 8489, 14.2).
  mutating func rewritePayload(_ old: SocketAddress, to new: SocketAddress) {
    guard case .udp(let payload) = content, payload.count >= 4 else { return }
    let wanted = old.ip.octets
    var bytes = payload.bytes
    var place = 0
    var isChanged = false
    while place + 4 <= bytes.count {
      guard bytes[place..<place + 4].elementsEqual(wanted) else {
        place += 1
        continue
      }
      bytes.replaceSubrange(place..<place + 4, with: new.ip.octets)
      if place >= 2, bytes[place - 2..<place].elementsEqual(old.port.octets) {
        bytes.replaceSubrange(place - 2..<place, with: new.port.octets)
      }
      isChanged = true
      place += 4
    }
    if isChanged { content = .udp(Payload(bytes)) }
  }
}

extension IPAddress {
  /// The octets of an IPv4 address as they stand on the wire.
  fileprivate var octets: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: v4Bits >> (24 - 8 * $0)) } }
}

extension UInt16 {
  fileprivate var octets: [UInt8] { [UInt8(self >> 8), UInt8(truncatingIfNeeded: self)] }
}
