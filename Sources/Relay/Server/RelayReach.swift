import WarrenMachine

/// Whom a relay may be made to send to: the internet, and nobody who trusts this machine for where it stands.
///
/// A relay that reaches its own network is a hole in its firewall. So an address must be everybody's, and so must be each
/// IPv4 address that an IPv6 address only leads to: who stands at the end of a tunnel is not the one who was named.
public struct RelayReach: Sendable {
  /// What is allowed all the same.
  public var permits: [IPPrefix]
  /// What is not in any case.
  public var forbids: [IPPrefix]

  /// The internet, with these exceptions.
  public init(permits: [IPPrefix] = [], forbids: [IPPrefix] = []) {
    self.permits = permits
    self.forbids = forbids
  }

  /// Whether `ip` may be sent to.
  public func allows(_ ip: IPAddress) -> Bool {
    // Nobody can be sent to in the spelling of another family, and one that stands for an interface is nobody's but ours.
    guard ip.canonical == ip, ip.zone == 0, ip.isUnicast else { return false }
    if forbids.contains(where: { $0.contains(ip) }) { return false }
    if isPermitted(ip) { return true }
    guard ip.family == .v6 else { return Self.isPublic(v4: ip) }
    let hidden = Self.hidden(in: ip)
    return Self.isPublic(v6: ip) && hidden.count == hidden.filter(allows).count
  }

  /// Whether it was said that `ip` is allowed.
  func isPermitted(_ ip: IPAddress) -> Bool { permits.contains { $0.contains(ip) } }

  // MARK: IPv4

  private static func isPublic(v4 ip: IPAddress) -> Bool { !special.contains { $0.contains(ip) } }

  private static func block(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ length: Int) -> IPPrefix {
    IPPrefix(IPAddress(a, b, c, d), length: length)
  }

  /// What is not the internet's (IANA, IPv4 Special-Purpose Address Registry).
  private static let special = [
    block(0, 0, 0, 0, 8), block(10, 0, 0, 0, 8), block(100, 64, 0, 0, 10), block(127, 0, 0, 0, 8),
    block(169, 254, 0, 0, 16), block(172, 16, 0, 0, 12), block(192, 0, 0, 0, 24), block(192, 0, 2, 0, 24),
    block(192, 88, 99, 0, 24), block(192, 168, 0, 0, 16), block(198, 18, 0, 0, 15),
    block(198, 51, 100, 0, 24), block(203, 0, 113, 0, 24), block(224, 0, 0, 0, 3),
    // Where machines of one large provider ask about themselves, although it looks like anybody's.
    block(168, 63, 129, 16, 32),
  ]

  // MARK: IPv6

  private static func isPublic(v6 ip: IPAddress) -> Bool {
    if nat64.contains(ip) { return true }
    // Of all that is 2000::/3, and nothing else is, these are not (IANA, IPv6 Special-Purpose Address Registry).
    return global.contains(ip) && !specialV6.contains { $0.contains(ip) }
  }

  private static let global = IPPrefix(IPAddress(v6: 0x2000 << 48, 0), length: 3)
  private static let nat64 = IPPrefix(IPAddress(v6: 0x0064_FF9B << 32, 0), length: 96)
  private static let specialV6 = [
    // Benchmarks, ORCHID, and others of the protocols' own, Teredo among them.
    IPPrefix(IPAddress(v6: 0x2001 << 48, 0), length: 23),
    // Documentation, old and new (RFC 9637).
    IPPrefix(IPAddress(v6: 0x2001_0DB8 << 32, 0), length: 32),
    IPPrefix(IPAddress(v6: 0x3FFF << 48, 0), length: 20),
  ]

  /// The IPv4 addresses to which an IPv6 address leads.
  private static func hidden(in ip: IPAddress) -> [IPAddress] {
    var found: [IPAddress] = []
    // RFC 6052, 2.2: the well-known prefix.
    if nat64.contains(ip) { found.append(IPAddress(v4: UInt32(truncatingIfNeeded: ip.low))) }
    // 6to4 (RFC 3056): 2002:a.b.c.d::.
    if ip.high >> 48 == 0x2002 { found.append(IPAddress(v4: UInt32(truncatingIfNeeded: ip.high >> 16))) }
    // Teredo (RFC 4380, 4): the server as it is, the client with each bit the other way.
    if ip.high >> 32 == 0x2001_0000 {
      found.append(IPAddress(v4: UInt32(truncatingIfNeeded: ip.high)))
      found.append(IPAddress(v4: ~UInt32(truncatingIfNeeded: ip.low)))
    }
    // ISATAP (RFC 5214, 6.1), with the bit that says "global" and without.
    if ip.low >> 32 & ~0x0200_0000 == 0x5EFE {
      found.append(IPAddress(v4: UInt32(truncatingIfNeeded: ip.low)))
    }
    return found
  }
}
