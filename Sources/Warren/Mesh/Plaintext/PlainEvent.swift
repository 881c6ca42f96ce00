import WarrenMachine
import WarrenMesh

/// What happens in a mesh that speaks the plain protocol.
public enum PlainEvent: Hashable, Sendable {
  /// It has begun, and listens here.
  case started(at: SocketAddress)
  /// Something has gone wrong, and all goes on; a peer has said what makes no sense, if one is named.
  case error(PlainError, from: PlainPeer?)
  /// Somebody who was named at the beginning has answered; or has not, so often.
  case bootstrapped(by: PlainPeer)
  case bootstrapFailed(SocketAddress, tries: Int, because: PlainError)
  /// There is a connection with somebody, begun here or there; or not any more.
  case connected(PlainPeer, byUs: Bool)
  case disconnected(PlainPeer, because: PlainError)
  /// A connection with whoever is there did not come about.
  case connectingFailed(SocketAddress, because: PlainError)
  /// Somebody has called from there, and was turned away.
  case refused(SocketAddress, because: PlainError)
  /// Somebody knows others, who are new here.
  case discovered([SocketAddress], by: PlainPeer)
  /// Nothing was heard of it for too long: it is not waited for any more.
  case staleRemoved(PlainPeer)
  /// Somebody has said something to all. It is as it came: escape it before a terminal shows it.
  case text(String, from: PlainPeer)
  /// Somebody has sent bytes, to all or to this one alone.
  case bytes([UInt8], from: PlainPeer)
  /// What keeps the mesh together, where ``PlainMesh/Configuration/tellsOfPings`` asks for it.
  case pinged(by: PlainPeer)
  case ponged(by: PlainPeer)
  case askedForPeers(by: PlainPeer)
  case toldOfPeers([SocketAddress], by: PlainPeer)
}

extension PlainEvent: SizedEvent {
  var size: Int {
    // Whoever connects or pings again and again fills the room, too.
    switch self {
    case .text(let text, _): 64 + text.utf8.count
    case .bytes(let bytes, _): 64 + bytes.count
    case .discovered(let addresses, _), .toldOfPeers(let addresses, _): 64 + addresses.count * 32
    default: 64
    }
  }
}
