import WarrenCrypto

/// Who may know where somebody is, and connect, without that it is asked each time.
public enum Consent: Hashable, Sendable {
  /// Each is asked about when it comes.
  case ask
  /// Everyone who has a key.
  case everyone
  /// Nobody: who is not asked about is told no.
  case nobody
  /// Those who have these keys; the others are told no.
  case only([PeerID])

  /// What is said to a peer; nil where its owner is to be asked.
  public func answer(to peer: PeerID) -> Bool? {
    switch self {
    case .ask: nil
    case .everyone: true
    case .nobody: false
    case .only(let peers): peers.contains(peer)
    }
  }
}
