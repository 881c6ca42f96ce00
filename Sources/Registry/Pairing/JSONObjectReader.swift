/// Finds the objects in a stream of JSON, with or without lines between them.
package struct JSONObjectReader: Sendable {
  private var bytes: [UInt8] = []
  private var taken = 0
  /// Where looking for the end goes on, how many braces are open there, and whether it is within a text or behind its
  /// backslash.
  private var place = 0
  private var depth = 0
  private var isInText = false
  private var isEscaped = false

  /// A reader at the beginning of a stream.
  package init() {}

  /// Adds what has arrived.
  package mutating func append(_ more: [UInt8]) {
    bytes.removeFirst(taken)
    place -= taken
    taken = 0
    bytes += more
  }

  /// The next object, if all of it is there. Whether it is one is for its reader to say: here only braces and texts count.
  ///
  /// - Throws: ``RegistryError/Code/badMessage`` where something else begins, or does not end.
  package mutating func next() throws(RegistryError) -> [UInt8]? {
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      if depth == 0 {
        if byte.isJSONSpace {
          taken = place
          continue
        }
        guard byte == UInt8(ascii: "{") else {
          throw RegistryError(.badMessage, "a question is an object in JSON, and begins with a brace")
        }
        depth = 1
      } else if isEscaped {
        isEscaped = false
      } else if isInText {
        isEscaped = byte == UInt8(ascii: "\\")
        isInText = byte != UInt8(ascii: "\"")
      } else {
        switch byte {
        case UInt8(ascii: "\""): isInText = true
        case UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: "}"): depth -= 1
        default: break
        }
      }
      guard place - taken <= PairingLimits.questionBytes else {
        throw RegistryError(.badMessage, "a question has at most \(PairingLimits.questionBytes) bytes")
      }
      if depth == 0 {
        defer { taken = place }
        return Array(bytes[taken..<place])
      }
    }
    return nil
  }
}

extension UInt8 {
  /// RFC 8259, 2.
  fileprivate var isJSONSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}
