import Testing
import WarrenCrypto

@Suite("Base64")
struct Base64Tests {
  @Test("is that of RFC 4648")
  func vectors() {
    let vectors = [
      "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
      "foobar": "Zm9vYmFy",
    ]
    for (plain, text) in vectors {
      #expect(String(decoding: Base64.text(of: plain.utf8), as: UTF8.self) == text)
    }
    #expect(Base64.text(of: [0xFB, 0xFF], padded: false) == Array("+/8".utf8))
  }

  @Test("reads each of its 64 characters, and no other")
  func values() {
    for value in 0..<64 {
      // The first of six bits and two that are zero.
      let character = Base64.text(of: [UInt8(value << 2)], padded: false)[0]
      #expect(Base64.value(of: character) == value)
    }
    #expect((UInt8.min...UInt8.max).count { Base64.value(of: $0) != nil } == 64)
  }
}
