/// The ways to ask a gateway for an outside port.
public enum PortMappingProtocol: UInt8, Hashable, Sendable, CaseIterable {
  /// The Port Control Protocol (RFC 6887), for IPv4 and IPv6.
  case pcp
  /// The NAT Port Mapping Protocol (RFC 6886), its forerunner, for IPv4 alone.
  case natPMP
  /// UPnP's Internet Gateway Device, over SSDP and SOAP, for IPv4.
  case upnp
}

extension PortMappingProtocol: CustomStringConvertible {
  /// What a person knows it by: `NAT-PMP`.
  public var description: String {
    switch self {
    case .pcp: "PCP"
    case .natPMP: "NAT-PMP"
    case .upnp: "UPnP"
    }
  }
}
