/// An IPv4 or IPv6 address.
public struct IPAddress: Hashable, Sendable {
  /// The two families of addresses.
  public enum Family: UInt8, Hashable, Sendable, CaseIterable {
    case v4 = 4
    case v6 = 6
  }

  /// Which family it belongs to.
  public let family: Family
  /// The interface that a link-local IPv6 address is meant on, by index; 0 for none.
  public let zone: UInt32
  /// The upper 64 bits of an IPv6 address; 0 for IPv4.
  public let high: UInt64
  /// The lower 64 bits of an IPv6 address, or the 32 bits of an IPv4 address.
  public let low: UInt64

  @inlinable
  init(family: Family, zone: UInt32, high: UInt64, low: UInt64) {
    self.family = family
    self.zone = zone
    self.high = high
    self.low = low
  }

  /// The IPv4 address with these 32 bits, the first octet highest.
  @inlinable
  public init(v4 bits: UInt32) {
    self.init(family: .v4, zone: 0, high: 0, low: UInt64(bits))
  }

  /// The IPv4 address with these four octets.
  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    self.init(v4: UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d))
  }

  /// The IPv6 address with these 128 bits.
  @inlinable
  public init(v6 high: UInt64, _ low: UInt64, zone: UInt32 = 0) {
    self.init(family: .v6, zone: zone, high: high, low: low)
  }

  // An address of IPv4 is one word to the strong hash and one of IPv6 two: tables of routes and sockets ask for each packet.
  @inlinable
  public func hash(into hasher: inout Hasher) {
    if family == .v6 { hasher.combine(high) }
    hasher.combine(low ^ UInt64(zone) << 32)
  }

  /// The 32 bits of an IPv4 address.
  @inlinable
  public var v4Bits: UInt32 { UInt32(truncatingIfNeeded: low) }

  /// The address that stands for "all of mine" when binding.
  public static func any(_ family: Family) -> IPAddress {
    IPAddress(family: family, zone: 0, high: 0, low: 0)
  }

  /// The address by which a machine reaches itself.
  public static func loopback(_ family: Family) -> IPAddress {
    family == .v4 ? IPAddress(127, 0, 0, 1) : IPAddress(v6: 0, 1)
  }

  /// The address next in order, `count` further on.
  public func advanced(by count: UInt64) -> IPAddress {
    let (sum, carry) = low.addingReportingOverflow(count)
    switch family {
    case .v4: return IPAddress(v4: UInt32(truncatingIfNeeded: sum))
    case .v6: return IPAddress(v6: carry ? high &+ 1 : high, sum, zone: zone)
    }
  }
}

// MARK: What kind of address it is

extension IPAddress {
  /// `0.0.0.0` or `::`.
  public var isUnspecified: Bool { high == 0 && low == 0 }

  /// `127.0.0.0/8` or `::1`.
  public var isLoopback: Bool {
    family == .v4 ? low >> 24 == 127 : high == 0 && low == 1
  }

  /// `224.0.0.0/4` or `ff00::/8`.
  public var isMulticast: Bool {
    family == .v4 ? low >> 28 == 0xE : high >> 56 == 0xFF
  }

  /// `255.255.255.255`, everyone on the same network.
  public var isBroadcast: Bool { family == .v4 && low == 0xFFFF_FFFF }

  /// Whether it may be one machine's: neither nobody's, nor a group's, nor everyone's.
  package var isUnicast: Bool { !isUnspecified && !isMulticast && !isBroadcast }

  /// `169.254.0.0/16` or `fe80::/10`.
  public var isLinkLocal: Bool {
    family == .v4 ? low >> 16 == 0xA9FE : high >> 54 == 0x3FA
  }

  /// The addresses of private networks: RFC 1918, and `fc00::/7` (RFC 4193).
  public var isPrivate: Bool {
    switch family {
    case .v4: low >> 24 == 10 || low >> 20 == 0xAC1 || low >> 16 == 0xC0A8
    case .v6: high >> 57 == 0x7E
    }
  }

  /// `100.64.0.0/10`, between a carrier's NAT and its customers (RFC 6598).
  public var isCarrierShared: Bool { family == .v4 && low >> 22 == 0x191 }

  /// The same address in its simplest spelling: IPv4 where it was written as IPv4 in IPv6 (`::ffff:a.b.c.d`).
  public var canonical: IPAddress {
    guard family == .v6, high == 0, low >> 32 == 0xFFFF else { return self }
    return IPAddress(v4: UInt32(truncatingIfNeeded: low))
  }
}

extension IPAddress: Comparable {
  /// IPv4 before IPv6, then by number: an order that is the same in every run.
  public static func < (left: IPAddress, right: IPAddress) -> Bool {
    (left.family.rawValue, left.high, left.low, left.zone)
      < (right.family.rawValue, right.high, right.low, right.zone)
  }
}
