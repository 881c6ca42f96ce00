import WarrenCrypto

/// Whom somebody wants.
public enum RegistryTarget: Hashable, Sendable {
  /// Whoever is called so.
  case name(RegistryName)
  /// Whoever has this key.
  case key(PeerID)
  /// Whoever waits with this secret, which both have agreed on.
  case pairing(String)
}

extension RegistryTarget: CustomStringConvertible {
  /// What a person is told of it: not the secret.
  public var description: String {
    switch self {
    case .name(let name): name.text
    case .key(let peer): peer.description
    case .pairing: "whoever waits with the same key"
    }
  }
}
