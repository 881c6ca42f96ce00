/// The characters that bytes from a keyboard spell in UTF-8, as soon as each is whole.
struct TypedBytes {
  private var pending: [UInt8] = []

  /// Whether a character has begun and not ended.
  var isWithin: Bool { !pending.isEmpty }

  /// Takes one more byte.
  ///
  /// - Returns: what has become whole: nothing, a character, or the sign for what is none, and one behind it.
  mutating func take(_ byte: UInt8) -> [Unicode.Scalar] {
    let begun = pending
    pending.append(byte)
    if let scalar = Self.scalar(pending) {
      pending = []
      return [scalar]
    }
    if Self.couldGrow(pending) { return [] }
    // What came before is no character; this byte may begin one.
    pending = []
    return ["\u{FFFD}"] + (begun.isEmpty ? [] : take(byte))
  }

  private static func scalar(_ bytes: [UInt8]) -> Unicode.Scalar? {
    String(validating: bytes, as: UTF8.self)?.unicodeScalars.first
  }

  /// Whether bytes to come can make it a character: RFC 3629, 4.
  private static func couldGrow(_ bytes: [UInt8]) -> Bool {
    let length =
      switch bytes[0] {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 1
      }
    guard bytes.count < length else { return false }
    return bytes.count < 2
      || secondBytes(after: bytes[0]).contains(bytes[1])
        && bytes.dropFirst(2).allSatisfy { (0x80...0xBF).contains($0) }
  }

  private static func secondBytes(after first: UInt8) -> ClosedRange<UInt8> {
    switch first {
    case 0xE0: 0xA0...0xBF
    case 0xED: 0x80...0x9F
    case 0xF0: 0x90...0xBF
    case 0xF4: 0x80...0x8F
    default: 0x80...0xBF
    }
  }
}
