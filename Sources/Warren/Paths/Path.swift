import WarrenMachine
import WarrenQUIC

/// One of the ways on which a connection with a peer can go.
public struct Path: Hashable, Sendable {
  /// What carries the packets.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Datagrams that go straight from one to the other.
    case direct
    /// A TCP connection that goes straight from one to the other.
    case tcp
    /// A relay.
    case relayed
  }

  /// What is known of it.
  public enum State: Hashable, Sendable {
    /// It has not answered yet.
    case untried
    /// It leads to the other side and back.
    case alive
    /// What was asked on it last has not been answered.
    case silent
  }

  /// What carries the packets.
  public let kind: Kind
  /// Between which places they go.
  public let network: NetworkPath
  /// What is known of it.
  public var state: State
  /// How long the way there and back takes.
  public var roundTrip: Duration?
  /// Which part of what was asked on it was not answered, of late.
  public var loss: Double
  /// When the other side answered on it last.
  public var lastAnswer: Instant?
  /// Whether the connection goes over it.
  public var isUsed: Bool

  /// Where the other side is.
  public var remote: SocketAddress { network.remote }
}

extension Path: CustomStringConvertible {
  /// `relayed, 192.0.2.1:443, 35 ms`.
  public var description: String {
    let time = roundTrip.map { ", \($0 / .milliseconds(1)) ms" } ?? ""
    return "\(kind), \(remote)\(time)"
  }
}
