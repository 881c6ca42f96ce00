/// The two protocols whose ports a gateway can be asked for, with their numbers in an IP header.
public enum TransportProtocol: UInt8, Hashable, Sendable, CaseIterable {
  case tcp = 6
  case udp = 17
}
