import WarrenCrypto

/// A secret that two people have agreed on: whoever holds it is the peer.
///
/// Both sides' credentials follow from it, so that all they have to learn of each other is an address. They must take
/// different roles, and each key is for one punch: what it opened once it would open again.
///
/// Whoever sees a check can try phrases against its signature, millions a second. So a key is 16 random characters and
/// not a word that somebody has thought of, unless what it opens proves who is there by other means.
public struct PairingKey: Hashable, Sendable {
  private let text: String

  /// A key; nil when it is empty, since everybody has that.
  public init?(_ text: String) {
    guard !text.isEmpty else { return nil }
    self.text = text
  }

  /// The credentials of the side with this role.
  public func credentials(of role: ICECore.Role) -> ICECredentials {
    let hmac = HMAC(.sha256, key: Array(preparedPassword(text).utf8))
    func words(_ label: String) -> String {
      hmac.code(
        of: Array("warren pairing \(role == .controlling ? "controlling" : "controlled") \(label)".utf8)
      )
      .hexText
    }
    return ICECredentials(
      usernameFragment: String(words("name").prefix(16)), password: String(words("password").prefix(48)))
  }

  /// What the other side would tell of itself, if it told more than its address.
  public func description(of role: ICECore.Role, candidates: [Candidate]) -> ICEDescription {
    let credentials = credentials(of: role)
    return ICEDescription(
      usernameFragment: credentials.usernameFragment, password: credentials.password, candidates: candidates)
  }
}
