import WarrenMachine

/// What a NAT64 does before and after it translates as any NAT: it makes IPv4 of IPv6, and the other way round (RFC 6146, RFC 7915).
///
/// Each host inside is an IPv4 host besides, which nobody outside ever sees: so mapping and filtering are those of ``NATCore``.
struct FamilyTranslation: Sendable {
  /// What stands for all of IPv4 (RFC 6052, 2.1).
  static let prefix = IPPrefix(IPAddress(v6: 0x0064_FF9B << 32, 0), length: 96)
  /// The first place of a network's addresses that is used: nobody else is there.
  private static let firstPlace: UInt64 = 100

  private var hosts: [IPAddress] = []
  private var base: IPPrefix?

  /// The IPv6 address that stands for one of IPv4.
  static func synthesized(_ ip: IPAddress) -> IPAddress {
    IPAddress(v6: prefix.base.high, prefix.base.low | ip.low & 0xFFFF_FFFF)
  }

  /// A packet from inside as it is in IPv4, if it is for somebody there.
  mutating func toV4(_ packet: Packet, _ inside: [IPPrefix]) -> Packet {
    guard Self.prefix.contains(packet.destination.ip), packet.source.ip.family == .v6,
      let base = inside.first(where: { $0.base.family == .v4 })
    else { return packet }
    self.base = base
    var packet = packet
    packet.source = SocketAddress(standIn(for: packet.source.ip, in: base), port: packet.source.port)
    packet.destination = Self.original(packet.destination)
    if case .icmp(.error(var error)) = packet.content {
      // It is about a packet that went inside: from somebody outside to this host.
      error.offender.source = Self.original(error.offender.source)
      let host = error.offender.destination
      error.offender.destination = SocketAddress(standIn(for: host.ip, in: base), port: host.port)
      // What becomes an IPv6 packet grows by 20 bytes (RFC 7915, 5.2).
      if case .tooLarge(let mtu) = error.reason { error.reason = .tooLarge(mtu: mtu - 20) }
      packet.content = .icmp(.error(error))
    }
    return packet
  }

  /// What goes inside as it is in IPv6, if it is for somebody who speaks that.
  func restore(_ output: inout NATOutput) {
    guard case .forward(var packet, .inside) = output, let host = host(packet.destination.ip) else { return }
    packet.source = SocketAddress(Self.synthesized(packet.source.ip), port: packet.source.port)
    packet.destination = SocketAddress(host, port: packet.destination.port)
    if case .icmp(.error(var error)) = packet.content {
      if let host = self.host(error.offender.source.ip) {
        error.offender.source = SocketAddress(host, port: error.offender.source.port)
      }
      let remote = error.offender.destination
      error.offender.destination = SocketAddress(Self.synthesized(remote.ip), port: remote.port)
      // The IPv6 header is longer by 20 bytes (RFC 7915, 4.2).
      if case .tooLarge(let mtu) = error.reason { error.reason = .tooLarge(mtu: mtu + 20) }
      packet.content = .icmp(.error(error))
    }
    packet.mayBeFragmented = false
    output = .forward(packet, toward: .inside)
  }

  private static func original(_ address: SocketAddress) -> SocketAddress {
    guard prefix.contains(address.ip) else { return address }
    return SocketAddress(IPAddress(v4: UInt32(truncatingIfNeeded: address.ip.low)), port: address.port)
  }

  private mutating func standIn(for host: IPAddress, in base: IPPrefix) -> IPAddress {
    let place = hosts.firstIndex(of: host) ?? hosts.count
    if place == hosts.count { hosts.append(host) }
    return base[Self.firstPlace + UInt64(place)]
  }

  private func host(_ ip: IPAddress) -> IPAddress? {
    guard let base, ip.family == .v4, base.contains(ip) else { return nil }
    let place = Int(ip.low) - Int(base[Self.firstPlace].low)
    return hosts.indices.contains(place) ? hosts[place] : nil
  }
}
