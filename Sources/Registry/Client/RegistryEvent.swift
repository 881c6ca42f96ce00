import WarrenCrypto
import WarrenMachine

/// What happens between a peer and its registry.
public enum RegistryEvent: Hashable, Sendable {
  /// The registry is called at these addresses.
  case calling([SocketAddress])
  /// The registry was found, and sees this side here.
  case connected(observed: SocketAddress)
  /// The registry sees this side elsewhere than before.
  case moved(observed: SocketAddress)
  /// What was announced has been taken.
  case registered
  /// It has not, and is not found; another announcement is needed.
  case refused(RegistryError)
  /// The registry relays for this side, with these credentials from now on.
  case relay(RelayGrant)
  /// The registry was not given a key, and this one is taken for it from now on.
  case trusted(PeerID)
  /// It cannot be reached, and is tried again after so long.
  case lost(reason: String, retry: Duration)
  /// Somebody wants to be connected.
  case introduced(Introduction)
  /// The other side of an introduction was seen here as well, and there by way of relays.
  case seen(UInt64, [SocketAddress], relays: [SocketAddress])
  /// The other side of an introduction says something.
  case signal(UInt64, [UInt8])
  /// An introduction is over.
  case ended(UInt64)
}
