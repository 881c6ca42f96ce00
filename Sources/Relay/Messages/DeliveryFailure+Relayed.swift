import WarrenMachine
import WarrenSTUN

extension DeliveryFailure {
  /// What the relay was told by ICMP about a datagram to `peer` (RFC 8656, 18.13); nil where it means nothing here.
  init?(relayed message: STUNMessage, about peer: SocketAddress, by relay: IPAddress) {
    guard let value = message.value(of: .icmp), value.byteCount >= 4 else { return nil }
    let word = value.number(at: 2, as: UInt16.self)
    let data = value.byteCount >= 8 ? value.number(at: 4, as: UInt32.self) : 0
    guard
      let reason = Self.reason(type: word >> 9, code: word & 0x1FF, data: data, family: peer.ip.family)
    else { return nil }
    self.init(reason: reason, destination: peer, reporter: relay, excerpt: [])
  }

  /// As a relay says it: the kind of ICMP message that tells of such a thing, and what it says besides.
  var relayed: UInt64 {
    let isV4 = destination.ip.family == .v4
    let (type, code, data): (UInt64, UInt64, UInt64) =
      switch reason {
      case .portUnreachable: isV4 ? (3, 3, 0) : (1, 4, 0)
      case .unreachable: isV4 ? (3, 1, 0) : (1, 0, 0)
      case .prohibited: isV4 ? (3, 13, 0) : (1, 1, 0)
      case .hopLimitExceeded: isV4 ? (11, 0, 0) : (3, 0, 0)
      case .tooLarge(let mtu): isV4 ? (3, 4, UInt64(clamping: mtu)) : (2, 0, UInt64(clamping: mtu))
      }
    return (type << 9 | code) << 32 | data & 0xFFFF_FFFF
  }

  private static func reason(type: UInt16, code: UInt16, data: UInt32, family: IPAddress.Family) -> Reason? {
    switch (family, type, code) {
    case (.v4, 3, 3), (.v6, 1, 4): .portUnreachable
    // Of the next link only the last two bytes, where ICMP has them (RFC 1191, 4).
    case (.v4, 3, 4): .tooLarge(mtu: Int(data & 0xFFFF))
    case (.v6, 2, _): .tooLarge(mtu: Int(clamping: data))
    case (.v4, 3, 9), (.v4, 3, 10), (.v4, 3, 13), (.v6, 1, 1): .prohibited
    case (.v4, 3, _), (.v6, 1, _): .unreachable
    case (.v4, 11, _), (.v6, 3, _): .hopLimitExceeded
    default: nil
    }
  }
}

/// Transaction ids of indications, which nobody answers: they need not be secret, and cost no call of the system.
struct SeededIndications: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
  }
}
