import WarrenMachine

/// A way between this machine and the other side, on which packets pass both ways.
public struct PunchedPath: Hashable, Sendable {
  /// Through which of the puncher's sockets or connections.
  public var channel: PunchCore.Channel
  /// This machine's address.
  public var local: SocketAddress
  /// Where the other side is.
  public var remote: SocketAddress
  /// The address under which the other side sees this one.
  public var mapped: SocketAddress?
  /// What carries the packets.
  public var transport: TransportProtocol
  /// Whether a relay is on it.
  public var isRelayed: Bool
  /// How long the way there and back took, at last.
  public var roundTrip: Duration?

  /// Whether it is the same way as another, whatever has been measured on it.
  public func isSame(as other: PunchedPath) -> Bool {
    local == other.local && remote == other.remote && transport == other.transport
  }
}

/// What happens to a hole puncher.
public enum PunchEvent: Hashable, Sendable {
  /// There is a way that there was not.
  case opened(PunchedPath)
  /// Both sides use this way from now on.
  case selected(PunchedPath)
  /// A way has fallen silent.
  case lost(PunchedPath)
  /// As the NATs of both sides are, there will be no way but by a relay.
  case needsRelay(SearchDecision.Reason)
  /// There is no way, and not much hope; it goes on trying until it is closed.
  case failed(PunchError)
}

/// Why there is no way.
public enum PunchError: Error, Hashable, Sendable {
  /// No interface has an address that could be used.
  case noNetwork
  /// Nothing that was tried reaches the other side; and why nothing could, if that is known.
  case noPath(because: SearchDecision.Reason?)
  /// What was asked for does not go with ``PunchConfiguration/transports``.
  case transports
  /// The puncher was closed.
  case closed
}

extension PunchError: CustomStringConvertible {
  /// What went wrong and what to do about it.
  public var description: String {
    switch self {
    case .noNetwork:
      "no network interface with a usable address is up: connect to a network, or allow loopback for two programs on one machine"
    case .noPath(let reason?): "nothing reaches the other side directly: \(reason); use a relay"
    case .noPath(nil):
      "nothing reaches the other side directly: a firewall blocks UDP, or the other side has not begun; use a relay"
    case .transports:
      "datagrams need UDP among the transports, and who takes a connection must have TCP as the only one: otherwise the two sides may agree on the other"
    case .closed:
      "the hole puncher is closed"
    }
  }
}
