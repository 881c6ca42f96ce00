import TestSupport
import Testing

@testable import WarrenTerminal

@Suite("Bytes from a keyboard")
struct TypedBytesTests {
  private func read(_ bytes: [UInt8]) -> String {
    var typed = TypedBytes()
    return String(String.UnicodeScalarView(bytes.flatMap { typed.take($0) }))
  }

  @Test("every character is there with its last byte")
  func characters() {
    for scalar in (0...0x10FFFF).lazy.compactMap(Unicode.Scalar.init) where scalar.value % 7 == 0 {
      #expect(read(Array(String(scalar).utf8)) == String(scalar))
    }
    var typed = TypedBytes()
    #expect(typed.take(0xE6) == [] && typed.isWithin && typed.take(0x97) == [] && typed.take(0xA5) == ["日"])
    #expect(!typed.isWithin)
  }

  @Test("bytes that are no character hide none that follows")
  func broken() {
    #expect(read([0xC3, 0x41]) == "\u{FFFD}A")
    #expect(read([0xFF, 0xE6, 0x97, 0xE6, 0x97, 0xA5]) == "\u{FFFD}\u{FFFD}日")
    #expect(read([0xED, 0xA0, 0x41]).hasSuffix("A"))
  }

  @Test("of any bytes nothing is left over but what may still become a character")
  func chance() {
    var random = SeededRandom(7)
    for _ in 0..<2000 {
      let bytes = (0..<8).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      #expect(read(bytes + Array("end".utf8)).hasSuffix("end"))
    }
  }
}
