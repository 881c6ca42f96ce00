import WarrenMachine

/// What has happened to a NAT since its last sample, and for which socket a port is sought.
public struct PortOutlook: Hashable, Sendable {
  /// How long ago the last sample was taken.
  public var elapsed: Duration
  /// How many mappings its owner has made since then, or will have, before the one that is sought.
  public var ownMappings: Int
  /// The inside port of the socket that is sought; nil if it is not known.
  public var localPort: UInt16?
  /// The outside address at which it is sought; nil for all.
  public var address: IPAddress?

  /// Nothing has happened, and nothing is known of the socket, unless said.
  public init(
    elapsed: Duration = .zero, ownMappings: Int = 0, localPort: UInt16? = nil, address: IPAddress? = nil
  ) {
    self.elapsed = elapsed
    self.ownMappings = ownMappings
    self.localPort = localPort
    self.address = address
  }
}
