import WarrenCrypto
import WarrenMachine

/// Somebody in this program who waits for a connection.
struct ConnectionWaiter {
  /// With whom, once that is known.
  var peer: PeerID?
  /// What was asked for, as ``Approach/target`` has it.
  let target: String
  let wait: Wait<AdoptedConnection>

  /// Whether this is a try to get it.
  func isFor(_ approach: Approach) -> Bool {
    target == approach.target || peer != nil && peer == approach.peer
  }
}
