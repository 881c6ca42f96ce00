import WarrenMachine

/// Why nothing could be found out about the NATs before a machine.
public enum NATDiscoveryError: Error, Hashable, Sendable {
  /// The STUN server is there, but no answer of it arrives over UDP.
  case udpBlocked(SocketAddress)
  /// No STUN server answered: UDP is blocked, or the server is not there.
  case noAnswer(SocketAddress)
  /// What answers does not say where it sees us.
  case uselessAnswer(SocketAddress)
  /// No interface has an address of the server's family.
  case noNetwork(IPAddress.Family)
}

extension NATDiscoveryError: CustomStringConvertible {
  /// What went wrong, and what to do about it.
  public var description: String {
    switch self {
    case .udpBlocked(let server):
      "UDP is blocked: the STUN server \(server) is reached over TCP, and not over UDP; direct connections are possible over TCP alone"
    case .noAnswer(let server):
      "no answer from the STUN server \(server) over UDP: it is not there, or a firewall blocks UDP; try another server"
    case .uselessAnswer(let server):
      "\(server) answers, but does not say where it sees this machine: it is no STUN server for everyone; try another"
    case .noNetwork(let family):
      "no network interface with an IP\(family) address is up: connect to a network, or ask a server of the other family"
    }
  }
}
