import Testing
import WarrenCrypto

@Suite("Hashes")
struct HashTests {
  static let text = Array("The quick brown fox jumps over the lazy dog".utf8)

  @Test(
    "are what others compute",
    arguments: [
      (HashFunction.md5, "9e107d9d372bb6826bd81d3542a419d6"),
      (.sha1, "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
      (.sha256, "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592"),
    ])
  func hash(function: HashFunction, expected: String) {
    #expect(hex(function.hash(Self.text)) == expected)
    #expect(function.hash(Self.text).count == function.byteCount)
  }

  @Test(
    "with a key are what others compute",
    arguments: [
      (HashFunction.md5, "80070713463e7749b90c2dc24911e275"),
      (.sha1, "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"),
      (.sha256, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"),
    ])
  func code(function: HashFunction, expected: String) {
    let hmac = HMAC(function, key: Array("key".utf8))
    #expect(hex(hmac.code(of: Self.text)) == expected)
    // Each use begins anew.
    #expect(hex(hmac.code(of: Self.text)) == expected)
  }

  @Test("are told right from wrong, whole and cut short, in one part and in two")
  func verify() {
    let hmac = HMAC(.sha256, key: [1, 2, 3])
    var code = hmac.code(of: Self.text)
    let halves = (Array(Self.text[..<10]), Array(Self.text[10...]))
    #expect(isCode(code, hmac, halves))
    #expect(isCode(Array(code[..<16]), hmac, halves))
    #expect(!isCode([], hmac, halves))
    #expect(!isCode(code + [0], hmac, halves))
    code[31] ^= 1
    #expect(!isCode(code, hmac, halves))
    #expect(isCode(Array(code[..<31]), hmac, halves))
  }

  private func isCode(_ code: [UInt8], _ hmac: HMAC, _ halves: ([UInt8], [UInt8])) -> Bool {
    hmac.isCode(code.span.bytes, of: halves.0.span.bytes, halves.1.span.bytes)
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
