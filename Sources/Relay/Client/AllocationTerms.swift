import WarrenMachine
import WarrenSTUN

/// What a client asks a relay for.
public struct AllocationTerms: Hashable, Sendable {
  /// Which family the relayed address shall be of; nil leaves it to the server, which gives IPv4 (RFC 8656, 7.1).
  public var family: IPAddress.Family?
  /// Whether an IPv6 address is wanted beside the IPv4 one; no ``family`` is named then.
  public var wantsBothFamilies = false
  /// How long it shall last without being renewed.
  public var lifetime = RelayClientLimits.lifetime
  /// Whether it shall follow when this machine's address changes, where the server can do that (RFC 8016).
  public var wantsMobility = true
  /// How long the server keeps a permission: others than the RFC's for servers that are set up otherwise.
  public var permissionLifetime = RelayClientLimits.permissionLifetime
  /// How long the server keeps a channel: as before.
  public var channelLifetime = RelayClientLimits.channelLifetime
  /// What the relay is to speak with peers: whoever asks for a ``RelayedListener`` wants TCP (RFC 6062).
  var transport = TransportProtocol.udp
  /// How patient requests over UDP are.
  public var patience = RelayClientLimits.patience

  /// The usual: one address of the server's choice, that follows where it can.
  public init() {}
}
