/// What went wrong between a machine and its network, with the address, name or size it went wrong with.
public enum NetworkError: Error, Hashable, Sendable {
  /// Another socket has the port.
  case addressInUse(SocketAddress)
  /// The address is none of this machine's.
  case addressNotAvailable(SocketAddress)
  /// The system does not let this program do it.
  case permissionDenied(doing: String, SocketAddress)
  /// No interface has this name.
  case noSuchInterface(String)
  /// The datagram is larger than the way to its destination carries.
  case datagramTooLarge(size: Int, to: SocketAddress)
  /// The destination and the socket are not both IPv4 or both IPv6, or the destination has no port.
  case unusableDestination(SocketAddress)
  /// Nothing listens there.
  case connectionRefused(SocketAddress)
  /// The other side, or something on the way, ended the connection at once.
  case connectionReset(SocketAddress)
  /// Nothing answered in time.
  case timedOut(SocketAddress)
  /// There is no way to that network or host, or a firewall says so.
  case unreachable(SocketAddress)
  /// No such name is known.
  case nameNotFound(String)
  /// The name could not be looked up now; it may work later.
  case lookUpFailed(String, reason: String)
  /// The process or the system has no descriptor, buffer or port left.
  case outOfResources(doing: String)
  /// The socket was closed by this program.
  case closed
  /// Writing was attempted after ``TCPConnection/finish()``.
  case finished
  /// The machine was closed by this program.
  case machineClosed
  /// Anything else that the system says.
  case system(doing: String, code: Int32, reason: String)
}

extension NetworkError: CustomStringConvertible {
  /// What went wrong and what to do about it.
  public var description: String {
    switch self {
    case .addressInUse(let address):
      "\(address) is in use by another socket: choose another port, or 0 for any free one"
    case .addressNotAvailable(let address):
      "\(address.ip) is not an address of this machine: use one of its interfaces', or \(IPAddress.any(address.ip.family)) for all"
    case .permissionDenied(let action, let address):
      "no permission for \(action) \(address): ports below 1024 and raw devices need privileges, and a firewall may forbid the rest"
    case .noSuchInterface(let name):
      "there is no network interface called \(quoted(name))"
    case .datagramTooLarge(let size, let address):
      "a datagram of \(size) bytes is too large for the way to \(address): send smaller ones, or allow fragmentation"
    case .unusableDestination(let address):
      "\(address) cannot be sent to from this socket: it needs a port other than 0 and an address of the socket's family"
    case .connectionRefused(let address):
      "\(address) refused the connection: nothing listens there"
    case .connectionReset(let address):
      "the connection with \(address) was reset by the other side or by something on the way"
    case .timedOut(let address):
      "\(address) did not answer in time"
    case .unreachable(let address):
      "there is no way to \(address): check the network, and whether a firewall rejects it"
    case .nameNotFound(let name):
      "no host is called \(quoted(name))"
    case .lookUpFailed(let name, let reason):
      "\(quoted(name)) could not be looked up: \(reason)"
    case .outOfResources(let action):
      "the system has nothing left for \(action): close what is no longer used, or raise its limits (ulimit -n)"
    case .closed:
      "the socket is closed"
    case .finished:
      "the connection was finished: nothing can be written after that"
    case .machineClosed:
      "the machine is closed"
    case .system(let action, let code, let reason):
      "\(action) failed: \(reason) (error \(code))"
    }
  }
}
