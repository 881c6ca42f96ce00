import TestSupport
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
      (
        .sha384,
        "ca737f1014a48f4c0b6dd43cb177b0afd9e5169367544c494011e3317dbf9a509cb1e5dc1e85a941bbee3d7f2afbc9b1"
      ),
      (
        .sha512,
        "07e547d9586f6a73f73fbac0435ed76951218fb7d0c8d788a309d785436bbb64"
          + "2e93a252a954f23912547d1e8a3b5ed6e1bfd7097821233fa0538f3db854fee6"
      ),
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
      (
        .sha384,
        "d7f4727e2c0b39ae0f1e40cc96f60242d5b7801841cea6fc592c5d3e1ae50700582a96cf35e1e554995fe4e03381c237"
      ),
      (
        .sha512,
        "b42af09057bac1e2d41708e48a902e09b5ff7f12ab428a4fe86653c73dd248fb"
          + "82f948a549f7b791a5b41915ee4d1ec3935357e4e2317250d0372afa2ebeeb3a"
      ),
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

  @Test(
    "a hash of pieces is that of the whole, and can be asked for at any time",
    arguments: HashFunction.allCases)
  func pieces(function: HashFunction) {
    var random = SeededRandom(9)
    let bytes = random.bytes(1000)
    let running = RunningHash(function)
    #expect(running.value == function.hash([]))
    var count = 0
    while count < bytes.count {
      let step = min(bytes.count - count, Int.random(in: 0...130, using: &random))
      running.add(bytes.span.bytes.extracting(count..<count + step))
      count += step
      #expect(running.value == function.hash(bytes[..<count]))
    }
    let copy = running.copy()
    copy.add([1 as UInt8].span.bytes)
    #expect(copy.value == function.hash(bytes + [1]) && running.value == function.hash(bytes))
  }
}
