import WarrenMachine

/// What is asked of a gateway, by whatever protocol.
struct PortMappingTerms: Hashable, Sendable {
  var transport: TransportProtocol
  var localPort: UInt16
  /// The outside port that is wished for.
  var suggestedPort: UInt16
  var family: IPAddress.Family = .v4
  var lifetime = PortMappingLimits.lifetime
}

/// What a gateway gave.
struct PortMappingGrant: Hashable, Sendable {
  var outside: SocketAddress
  var expiry: Instant
}

/// What came of asking a gateway by one protocol.
enum PortMappingEvent: Hashable, Sendable {
  /// The port is open: for the first time, for longer, or elsewhere than before.
  case granted(PortMappingGrant)
  /// NAT-PMP alone: the gateway is there, and this is its outside address.
  case found(IPAddress)
  /// It says no.
  case refused(PortMappingError.Refusal)
  /// It does not speak this protocol.
  case unsupported
  /// What it had given is gone.
  case lost
  /// What it had given was taken back, or nobody knows and nothing more can be done.
  case withdrawn
}
