import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// A user's name and password, and what a server has said of how it wants them (RFC 8489, 9.2).
struct LongTermCredential {
  private let username: String
  private let password: String
  /// What the server has asked for last.
  private(set) var challenge: RelayChallenge?
  /// How the password becomes a key; nil for the old way.
  private var algorithm: STUNPasswordAlgorithm?
  private var key: STUNKey?

  /// - Throws: where what is known from elsewhere contradicts itself.
  init(username: String, password: String, challenge: RelayChallenge?) throws(RelayError) {
    self.username = username
    self.password = password
    if let challenge { try learn(challenge) }
  }

  /// Whether requests are signed.
  var canSign: Bool { key != nil }

  /// Takes what a server asks for.
  ///
  /// - Throws: where it is weaker than the nonce says that it can be, or than it was: somebody on the way has changed it
  ///   (RFC 8489, 9.2.5 and 9.2.6).
  mutating func learn(_ new: RelayChallenge) throws(RelayError) {
    if new.passwordAlgorithms == nil, new.promisesAlgorithms || algorithm != nil {
      throw RelayError(.downgraded)
    }
    if new.passwordAlgorithms != nil, new.algorithm == nil {
      throw RelayError(.notUnderstood, reason: "it knows no way from password to key that this side knows")
    }
    if key == nil || challenge?.realm != new.realm || algorithm != new.algorithm {
      algorithm = new.algorithm
      key = STUNKey(
        username: username, realm: new.realm, password: password, algorithm: new.algorithm ?? .md5)
    }
    challenge = new
  }

  /// Signs a request that is otherwise complete.
  func sign(_ writer: inout STUNMessageWriter) {
    guard let challenge, let key else { return }
    if challenge.promisesAnonymity {
      let hash = userhash(username: username, realm: challenge.realm)
      writer.add(.userhash, hash.span.bytes)
    } else {
      writer.add(.username, username)
    }
    writer.add(.realm, challenge.realm)
    writer.add(.nonce, challenge.nonce.span.bytes)
    if let algorithm, let offered = challenge.passwordAlgorithms {
      writer.add(.passwordAlgorithms, offered.span.bytes)
      writer.add(.passwordAlgorithm, UInt32(algorithm.rawValue) << 16)
    }
    writer.sign(with: key, algorithm == nil ? .sha1 : .sha256)
  }

  /// Whether an answer proves that whoever sends it knows the password, as strongly as it was asked (RFC 8489, 9.2.5).
  func isProven(_ message: STUNMessage) -> Bool {
    guard let key else { return false }
    if algorithm != nil, message.integrity != .sha256 { return false }
    return message.isSigned(with: key)
  }
}
