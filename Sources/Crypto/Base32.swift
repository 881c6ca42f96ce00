/// Bytes as text that survives being spoken, typed and put into a host's name: base32 (RFC 4648, 6) in lower case,
/// without the padding, and so that each text stands for other bytes.
enum Base32 {
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  /// How many characters so many bytes need.
  static func length(ofBytes count: Int) -> Int { (count * 8 + 4) / 5 }

  /// The text of `bytes`.
  static func text(of bytes: RawSpan) -> String {
    let length = length(ofBytes: bytes.byteCount)
    return String(unsafeUninitializedCapacity: length) { text in
      var bits: UInt32 = 0
      var bitCount = 0
      var written = 0
      for place in 0..<bytes.byteCount {
        bits = bits << 8 | UInt32(bytes.byte(at: place))
        bitCount += 8
        while bitCount >= 5 {
          bitCount -= 5
          text[written] = alphabet[Int(bits >> bitCount & 31)]
          written += 1
        }
      }
      if bitCount > 0 { text[written] = alphabet[Int(bits << (5 - bitCount) & 31)] }
      return length
    }
  }

  /// The bytes of `text`.
  static func bytes(of text: String) throws(Base32Fault) -> [UInt8] {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for (place, character) in text.enumerated() {
      guard let value = value(of: character) else { throw .character(character, at: place) }
      bits = bits << 5 | value
      bitCount += 5
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
      }
    }
    // Every character is one byte here.
    guard text.utf8.count == length(ofBytes: bytes.count) else { throw .length }
    guard bits & (1 << bitCount - 1) == 0 else { throw .unusedBits }
    return bytes
  }

  private static func value(of character: Character) -> UInt32? {
    switch character.asciiValue {
    case .some(let letter) where UInt8(ascii: "a")...UInt8(ascii: "z") ~= letter:
      UInt32(letter - UInt8(ascii: "a"))
    case .some(let digit) where UInt8(ascii: "2")...UInt8(ascii: "7") ~= digit:
      UInt32(digit - UInt8(ascii: "2")) + 26
    default: nil
    }
  }
}

/// Why a text is no base32.
enum Base32Fault: Error, Equatable {
  /// A character that is none of base32's, and how many stand before it.
  case character(Character, at: Int)
  /// No number of bytes has so many characters.
  case length
  /// The bits of the last character that belong to no byte are not zero.
  case unusedBits
}
