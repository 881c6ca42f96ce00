import WarrenCrypto
import WarrenMachine
import WarrenMesh

/// What happens in a mesh.
public enum MeshEvent: Sendable {
  /// It has begun: this one can be reached here.
  case started(at: [SocketAddress])
  /// Somebody who was named at the beginning has answered, or not; then it is tried again.
  case bootstrapped(by: PeerID, as: Mesh.Bootstrap)
  case bootstrapFailed(Mesh.Bootstrap, because: String, retry: Duration)
  /// Somebody is there who was not before, or is there again.
  case joined(Member)
  /// It does not answer, and others are asked; it answers again.
  case suspected(Member)
  case trusted(Member)
  /// It is gone: it has said so, or has not.
  case left(Member)
  case died(Member)
  /// It calls itself otherwise, or is elsewhere.
  case changed(Member)
  /// There is a connection with a member, or not any more.
  case connected(Member)
  case disconnected(Member, because: MeshError)
  /// A connection with a member did not come about.
  case connectingFailed(Member, because: String)
  /// Somebody was turned away, or has turned this one away.
  case refused(PeerID, because: MeshError, byUs: Bool)
  /// Somebody has said something.
  case message(MeshMessage)
  /// So many messages of a member were not to be had any more, when this one asked.
  case missed(from: PeerID, count: UInt64)
  /// A member was too slow, or away too long, for so many of this one's messages.
  case fellBehind(PeerID, count: UInt64)
  /// So many messages to a member alone never reached it: it is gone.
  case undelivered(to: PeerID, count: Int)
  /// Another program has this one's key: one of the two has to go.
  case duplicate
}

/// Something that a member has said.
public struct MeshMessage: Hashable, Sendable {
  /// What was said.
  public enum Content: Hashable, Sendable {
    case text(String)
    case bytes([UInt8])
  }

  /// Who has said it.
  public let sender: PeerID
  /// What.
  public let content: Content
  /// On which topic, to all; nil for what was said to this one alone.
  public let topic: String?
  /// Whether it was said to this one alone.
  public var isDirect: Bool { topic == nil }
}
