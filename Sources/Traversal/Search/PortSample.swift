import WarrenMachine

/// One look at what a NAT made of a socket: where a remote end saw it come from.
///
/// Eight to twelve of them tell what a NAT does: one burst from a few sockets, whose ports lie apart, to each of
/// three remote ends at two addresses and two ports (``SearchLimits/samplesPerBurst``). Samples in one burst show
/// the step of a counter, the bursts' distance the rate at which others move it.
public struct PortSample: Hashable, Sendable {
  /// The port of the socket on this machine.
  public var localPort: UInt16
  /// Where the remote end saw it come from.
  public var outside: SocketAddress
  /// Where it was sent to.
  public var remote: SocketAddress
  /// When it was sent.
  public var sent: Instant

  /// A socket's port, as a remote end saw it.
  public init(localPort: UInt16, outside: SocketAddress, remote: SocketAddress, sent: Instant) {
    self.localPort = localPort
    self.outside = outside
    self.remote = remote
    self.sent = sent
  }
}
