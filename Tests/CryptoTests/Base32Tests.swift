import TestSupport
import Testing

@testable import WarrenCrypto

@Suite("Base32")
struct Base32Tests {
  @Test(
    "is RFC 4648's, in small letters and without padding",
    arguments: [
      ("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq"), ("fooba", "mzxw6ytb"),
      ("foobar", "mzxw6ytboi"),
    ])
  func vectors(plain: String, text: String) throws {
    #expect(Base32.text(of: Array(plain.utf8).span.bytes) == text)
    #expect(try Base32.bytes(of: text) == Array(plain.utf8))
  }

  @Test("has each value of five bits in its place")
  func alphabet() throws {
    let alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    let bytes = try Base32.bytes(of: alphabet)
    #expect(hex(bytes) == "00443214c74254b635cf84653a56d7c675be77df")
    #expect(Base32.text(of: bytes.span.bytes) == alphabet)
  }

  @Test(
    "refuses every other character, and says where it stands",
    arguments: [
      ("Mzxw6", 0), ("mz0w6", 2), ("mz1w6", 2), ("mzx8w6", 3), ("mzxw9", 4), ("my======", 2), (" mzxw6", 0),
      ("mzxw6\n", 5), ("mz-xw6", 2), ("mzx\0", 3), ("m\u{E4}xw6", 1), ("mza\u{301}", 2), ("mz\u{FF41}", 2),
      ("mz\r\n", 2), ("mz`", 2), ("mz{", 2),
    ])
  func foreignCharacters(text: String, place: Int) {
    let character = text[text.index(text.startIndex, offsetBy: place)]
    #expect(throws: Base32Fault.character(character, at: place)) { try Base32.bytes(of: text) }
  }

  @Test("refuses lengths that no bytes have", arguments: ["a", "aaa", "aaaaaa", "aaaaaaaaa", "aaaaaaaaaaa"])
  func lengths(text: String) {
    #expect(throws: Base32Fault.length) { try Base32.bytes(of: text) }
  }

  @Test(
    "refuses bits that belong to no byte", arguments: ["mz", "mzxr", "mzxw7", "mzxw6yr", "ab", "777777777z"])
  func unusedBits(text: String) {
    #expect(throws: Base32Fault.unusedBits) { try Base32.bytes(of: text) }
  }

  @Test("gives back what it was given, of every length")
  func roundTrips() throws {
    var random = SeededRandom(1)
    for count in 0..<100 {
      let bytes = random.bytes(count)
      let text = Base32.text(of: bytes.span.bytes)
      #expect(text.utf8.count == Base32.length(ofBytes: count))
      #expect(try Base32.bytes(of: text) == bytes)
    }
  }
}
