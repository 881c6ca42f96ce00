import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// Nonces that nobody has to remember: each says when it was given out, and proves to whom (RFC 8489, 9.2.4).
///
/// 32 letters: the cookie that tells of what the server understands (RFC 8489, 9.2), the second in eight digits, and eleven
/// of a code over the second and the client's address. So a flood of requests under false addresses costs no memory.
struct RelayNonce {
  /// How a cookie begins, and the features of which the first bit is: there are several algorithms for passwords. It is said from
  /// both ends, as clients count from either (RFC 8489, 18.1 and B.1).
  static let cookie = STUNNonceCookie.start + Array("gAAB".utf8)
  static let size = 32

  private let hmac: HMAC

  init(secret: [UInt8]) { hmac = HMAC(.sha256, key: secret) }

  /// A nonce for `client`.
  func make(for client: SocketAddress, at now: Instant) -> [UInt8] {
    make(for: client, second: Self.second(now))
  }

  /// Whether it was given to `client`, and not too long ago.
  func isGood(_ nonce: RawSpan, for client: SocketAddress, at now: Instant) -> Bool {
    guard nonce.byteCount == Self.size else { return false }
    var second: UInt32 = 0
    for place in Self.cookie.count..<Self.cookie.count + 8 {
      guard let digit = Self.digit(nonce.unsafeLoad(fromByteOffset: place, as: UInt8.self)) else {
        return false
      }
      second = second << 4 | digit
    }
    let age = Int64(Self.second(now)) - Int64(second)
    guard age >= 0, age <= RelayLimits.nonceLifetime.components.seconds else { return false }
    return equalInConstantTime(nonce, make(for: client, second: second).span.bytes)
  }

  private func make(for client: SocketAddress, second: UInt32) -> [UInt8] {
    var words: [UInt64] = [
      UInt64(second), client.ip.high, client.ip.low, UInt64(client.port),
      UInt64(client.ip.family.rawValue),
    ]
    let code = words.withUnsafeMutableBytes { words in
      hmac.withCode(of: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(words))) { code in
        code.withUnsafeBytes { Base64.text(of: $0.prefix(8), padded: false) }
      }
    }
    var nonce = Self.cookie
    for place in (0..<8).reversed() {
      nonce.append(Self.digits[Int(second >> UInt32(4 * place) & 15)])
    }
    return nonce + code
  }

  /// Seconds of the server's own clock, which began with it, as its secret did.
  private static func second(_ now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000_000)
  }

  private static let digits = Array("0123456789abcdef".utf8)

  private static func digit(_ letter: UInt8) -> UInt32? {
    switch letter {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(letter - UInt8(ascii: "a") + 10)
    default: nil
    }
  }
}
