/// Networks that speak IPv6 alone, from which IPv4 is reached by a NAT64 (RFC 6146).
extension Machine {
  /// The IPv6 address that stands for one of IPv4 on this machine's network, where it speaks IPv6 alone and there is such (RFC 8305, 7.1).
  /// Names are not its affair: those the network's DNS64 answers (RFC 6147).
  func synthesized(for address: IPAddress) async -> [IPAddress] {
    let own = ((try? interfaces()) ?? []).filter { !$0.isLoopback }.flatMap(\.addresses).map(\.ip)
      .filter { !$0.isLinkLocal }
    guard address.family == .v4, !address.isLoopback, !own.isEmpty, own.allSatisfy({ $0.family == .v6 }),
      let answers = try? await resolve(Self.nameOfIPv4)
    else { return [] }
    // The well-known addresses stand at the end of those that are made of them (RFC 7050, 3). Prefixes that are shorter than 96 bits
    // are not used here.
    guard
      let known = answers.first(where: {
        $0.family == .v6 && Self.wellKnown.contains(UInt32(truncatingIfNeeded: $0.low))
      })
    else { return [] }
    return [IPAddress(v6: known.high, known.low & ~0xFFFF_FFFF | address.low & 0xFFFF_FFFF)]
  }

  /// A name that has IPv4 addresses alone, and these (RFC 7050, 2.2).
  private static var nameOfIPv4: String { "ipv4only.arpa" }
  private static var wellKnown: [UInt32] { [0xC000_00AA, 0xC000_00AB] }
}
