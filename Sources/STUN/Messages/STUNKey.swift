import WarrenCrypto

/// What messages are signed with, made from a password once (RFC 8489, 9).
///
/// One thread uses it, as with the keyed hashes that it holds.
public final class STUNKey {
  private let bytes: [UInt8]
  private lazy var sha1 = HMAC(.sha1, key: bytes)
  private lazy var sha256 = HMAC(.sha256, key: bytes)

  /// The key of these bytes.
  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// The key of a password that two sides share for one session, as in ICE (RFC 8489, 9.1).
  public convenience init(password: String) { self.init(bytes: Array(preparedPassword(password).utf8)) }

  /// The key of a user's lasting password (RFC 8489, 9.2.2).
  public convenience init(
    username: String, realm: String, password: String, algorithm: STUNPasswordAlgorithm = .md5
  ) {
    let text = "\(preparedPassword(username)):\(preparedPassword(realm)):\(preparedPassword(password))"
    self.init(bytes: algorithm.function.hash(Array(text.utf8)))
  }

  func hmac(_ function: HashFunction) -> HMAC { function == .sha256 ? sha256 : sha1 }
}

/// How a lasting password becomes a key (RFC 8489, 18.5).
public enum STUNPasswordAlgorithm: UInt16, Hashable, Sendable, CaseIterable {
  /// What every server knows.
  case md5 = 1
  /// What new ones want.
  case sha256 = 2

  var function: HashFunction { self == .md5 ? .md5 : .sha256 }
}

/// A user's name where it shall not be read on the way (RFC 8489, 9.2 and 14.4).
public func userhash(username: String, realm: String) -> [UInt8] {
  HashFunction.sha256.hash(Array("\(preparedPassword(username)):\(preparedPassword(realm))".utf8))
}
