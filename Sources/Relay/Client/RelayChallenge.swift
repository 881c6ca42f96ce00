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
  /// The first six of the server's features; none where the nonce does not tell.
  private var features: Int {
    let cookie = STUNNonceCookie.start
    guard nonce.count >= cookie.count + 4, nonce.starts(with: cookie) else { return 0 }
    return Base64.value(of: nonce[cookie.count]) ?? 0
  }

  /// The server knows several ways from password to key (RFC 8489, 18.1; the leftmost bit is the first).
  var promisesAlgorithms: Bool { features & 0x20 != 0 }
  /// The server knows users by the hash of their name.
  var promisesAnonymity: Bool { features & 0x10 != 0 }

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
