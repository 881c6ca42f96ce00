/// One of a machine's connections to a network.
public struct NetworkInterface: Hashable, Sendable {
  /// What the system calls it: `eth0`.
  public var name: String
  /// Its number, which is the zone of its link-local addresses.
  public var index: UInt32
  /// Its addresses, each with the length of its network's prefix.
  public var addresses: [Address]
  /// Whether it leads back to the machine itself.
  public var isLoopback: Bool

  /// One of an interface's addresses.
  public struct Address: Hashable, Sendable {
    /// The address.
    public var ip: IPAddress
    /// How many leading bits the addresses of its network share.
    public var prefixLength: Int

    /// An address in a network of a prefix length.
    public init(_ ip: IPAddress, prefixLength: Int) {
      self.ip = ip
      self.prefixLength = prefixLength
    }
  }

  /// An interface.
  public init(name: String, index: UInt32, addresses: [Address], isLoopback: Bool) {
    self.name = name
    self.index = index
    self.addresses = addresses
    self.isLoopback = isLoopback
  }
}
