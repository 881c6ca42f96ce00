import WarrenMachine

/// Why nothing could be found out about the NATs before a machine.
public enum NATDiscoveryError: Error, Hashable, Sendable {
  /// No STUN server answered: UDP is blocked, or the server is not there.
  case noAnswer(SocketAddress)
  /// No socket could be had.
  case noNetwork
}

extension NATDiscoveryError: CustomStringConvertible {
  /// What went wrong, and what to do about it.
  public var description: String {
    switch self {
    case .noAnswer(let server):
      "no answer from the STUN server \(server) over UDP: it is not there, or a firewall blocks UDP; try another server"
    case .noNetwork: "no network interface is up: connect to a network"
    }
  }
}
