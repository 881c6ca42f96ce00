import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// What a server wants a request to be signed with (RFC 8489, 9.2).
public struct RelayChallenge: Hashable, Sendable {
  /// In whose name it asks.
  public var realm: String
  /// What makes a signature good for a while only.
  public var nonce: [UInt8]
  /// Which ways there are from password to key, as the server has written them; nil where it knows but the old one.
  public var passwordAlgorithms: [UInt8]?

  /// A challenge that is known from elsewhere.
  public init(realm: String, nonce: [UInt8], passwordAlgorithms: [UInt8]? = nil) {
    self.realm = realm
    self.nonce = nonce
    self.passwordAlgorithms = passwordAlgorithms
  }

  /// What an answer asks for, if it does.
  init?(_ message: STUNMessage) {
    guard let realm = message.text(.realm), let nonce = message.value(of: .nonce), nonce.byteCount > 0,
      nonce.byteCount <= STUNLimits.textBytes
    else { return nil }
    self.realm = realm
    self.nonce = nonce.withUnsafeBytes { Array($0) }
    passwordAlgorithms = message.value(of: .passwordAlgorithms)?.withUnsafeBytes { Array($0) }
  }
}

extension RelayChallenge {
  /// Whether the server has a feature. RFC 8489, 18.1, counts the 24 bits from the left, its own sample in B.1 from the right, and
  /// servers do either.
  private func has(feature bit: Int) -> Bool {
    let cookie = STUNNonceCookie.start
    guard nonce.count >= cookie.count + 4, nonce.starts(with: cookie) else { return false }
    let features = nonce[cookie.count..<cookie.count + 4].reduce(0) { $0 << 6 | (Base64.value(of: $1) ?? 0) }
    return features & (1 << bit | 1 << (23 - bit)) != 0
  }

  /// The server knows several ways from password to key.
  var promisesAlgorithms: Bool { has(feature: 0) }
  /// The server knows users by the hash of their name.
  var promisesAnonymity: Bool { has(feature: 1) }

  /// The first way that this side knows too; nil where there is none (RFC 8489, 9.2.5).
  var algorithm: STUNPasswordAlgorithm? {
    guard let passwordAlgorithms else { return nil }
    let bytes = passwordAlgorithms.span.bytes
    var place = 0
    while place + 4 <= bytes.byteCount {
      let size = Int(bytes.number(at: place + 2, as: UInt16.self))
      let found = STUNPasswordAlgorithm(rawValue: bytes.number(at: place, as: UInt16.self))
      if let found, size == 0 { return found }
      place += 4 + (size + 3) & ~3
    }
    return nil
  }
}
