import WarrenMachine

// Addresses in the order of the network.

extension RawSpan {
  /// The address in 16 bytes, where IPv4 is written as IPv4 in IPv6 (RFC 6887, 5).
  func pcpAddress(at place: Int) -> IPAddress {
    IPAddress(v6: number(at: place, as: UInt64.self), number(at: place + 8, as: UInt64.self)).canonical
  }
}

extension OutputRawSpan {
  @_lifetime(self: copy self)
  mutating func append(pcpAddress address: IPAddress) {
    switch address.family {
    case .v6:
      append(number: address.high)
      append(number: address.low)
    case .v4:
      append(number: UInt64(0))
      append(number: UInt32(0xFFFF))
      append(number: address.v4Bits)
    }
  }
}
