import WarrenMachine

/// An outside port that a gateway sends on to a port of this machine.
public struct PortMapping: Hashable, Sendable {
  /// Whether it is a port of UDP or of TCP.
  public var transport: TransportProtocol
  /// The port of this machine.
  public var localPort: UInt16
  /// Where others reach it.
  public var outside: SocketAddress
  /// How the gateway was asked.
  public var via: PortMappingProtocol
  /// Which gateway it was.
  public var gateway: IPAddress
  /// Until when it lives if nobody renews it, on the machine's clock.
  public var expiry: Instant

  /// Whether the gateway's outside is a private network: another NAT stands before it, which knows nothing of
  /// this mapping, and only who is behind that one too comes in by ``outside``.
  public var isBehindAnotherNAT: Bool { !outside.ip.isOfTheInternet }

  func isSamePlace(as other: PortMapping) -> Bool {
    (outside, via, gateway) == (other.outside, other.via, other.gateway)
  }
}

extension PortMapping: CustomStringConvertible {
  /// `UDP port 4433 is 203.0.113.7:4433 outside, by PCP`.
  public var description: String {
    let doubt = isBehindAnotherNAT ? ", which is private: another NAT stands before the gateway" : ""
    return "\(transport == .udp ? "UDP" : "TCP") port \(localPort) is \(outside) outside, by \(via)\(doubt)"
  }
}

extension IPAddress {
  /// Whether it can be an address on the internet, and not within some network that has NATs of its own.
  fileprivate var isOfTheInternet: Bool {
    // 192.0.0.0/29 lies between a home and its carrier where IPv4 is carried in IPv6 (RFC 6333, 5.7).
    !(isPrivate || isCarrierShared || isLinkLocal || isLoopback || isUnspecified || isMulticast
      || family == .v4 && low >> 3 == 0xC000_0000 >> 3)
  }
}
