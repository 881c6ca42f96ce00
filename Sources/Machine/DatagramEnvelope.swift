/// Where a datagram goes, and what its headers say.
public struct DatagramEnvelope: Hashable, Sendable {
  /// Where it goes.
  public var destination: SocketAddress
  /// From which of this machine's addresses it leaves; nil lets the system choose.
  public var localIP: IPAddress?
  /// What its header says of congestion.
  public var ecn: ECN
  /// How many routers it may cross; nil lets the system choose.
  public var hopLimit: UInt8?

  /// A datagram's headers.
  public init(
    to destination: SocketAddress, from localIP: IPAddress? = nil, ecn: ECN = .notCapable,
    hopLimit: UInt8? = nil
  ) {
    self.destination = destination
    self.localIP = localIP
    self.ecn = ecn
    self.hopLimit = hopLimit
  }
}
