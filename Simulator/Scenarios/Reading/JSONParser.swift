/// Reads JSON (RFC 8259), and minds the lines.
struct JSONParser {
  private let bytes: [UInt8]
  private var place = 0
  private var line = 1
  private var depth = 0

  /// What a text says, whole.
  static func parse(_ bytes: [UInt8]) throws(ScenarioError) -> JSONPart {
    guard bytes.count <= ScenarioLimits.fileBytes else {
      throw ScenarioError(line: 1, path: "", "it is larger than \(ScenarioLimits.fileBytes) bytes")
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw ScenarioError(line: 1, path: "", "it is no UTF-8")
    }
    var parser = JSONParser(bytes: bytes)
    let part = try parser.value()
    parser.skipSpace()
    guard parser.next == nil else { throw parser.error("more stands behind the end") }
    return part
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  private func error(_ text: String) -> ScenarioError { ScenarioError(line: line, path: "", text) }

  private mutating func skipSpace() {
    while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
      if byte == 0x0A { line += 1 }
      place += 1
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func value() throws(ScenarioError) -> JSONPart {
    skipSpace()
    let start = line
    depth += 1
    defer { depth -= 1 }
    guard depth <= ScenarioLimits.depth else { throw error("it is too deep") }
    let value: JSONPart.Value =
      switch next {
      case nil: throw error("it ends too early")
      case UInt8(ascii: "{"): try object()
      case UInt8(ascii: "["): try list()
      case UInt8(ascii: "\""): .text(try text())
      default: try word()
      }
    return JSONPart(value: value, line: start)
  }

  private mutating func object() throws(ScenarioError) -> JSONPart.Value {
    _ = take("{")
    var members: [(name: String, part: JSONPart)] = []
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("a name in quotation marks is missing") }
      let name = try text()
      guard !members.contains(where: { $0.name == name }) else { throw error("\(name) is there twice") }
      guard take(":") else { throw error("a colon is missing behind \(name)") }
      members.append((name, try value()))
    } while take(",")
    guard take("}") else { throw error("a comma or } is missing") }
    return .object(members)
  }

  private mutating func list() throws(ScenarioError) -> JSONPart.Value {
    _ = take("[")
    var parts: [JSONPart] = []
    if take("]") { return .list([]) }
    repeat { parts.append(try value()) } while take(",")
    guard take("]") else { throw error("a comma or ] is missing") }
    return .list(parts)
  }

  private mutating func word() throws(ScenarioError) -> JSONPart.Value {
    let start = place
    while let byte = next, !" \t\r\n,:]}[{\"".utf8.contains(byte) { place += 1 }
    let word = String(decoding: bytes[start..<place], as: UTF8.self)
    switch word {
    case "true": return .flag(true)
    case "false": return .flag(false)
    case "null": return .nothing
    default:
      guard let number = Self.number(word) else { throw error("\(word) is nothing that JSON has") }
      return .number(number)
    }
  }

  /// RFC 8259, 6: no `+`, no leading zeros, nothing infinite.
  private static func number(_ word: String) -> Double? {
    let digits = word.utf8.drop { $0 == UInt8(ascii: "-") }
    guard let first = digits.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= first,
      !(first == UInt8(ascii: "0")
        && digits.dropFirst().first.map { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ?? false),
      word.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }), let value = Double(word), value.isFinite
    else { return nil }
    return value
  }

  private mutating func text() throws(ScenarioError) -> String {
    place += 1
    var scalars = String.UnicodeScalarView()
    var plain = place
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw error("a text ends in its line: write \\n for a new one") }
      guard byte == UInt8(ascii: "\\") else {
        place += 1
        continue
      }
      scalars += String(decoding: bytes[plain..<place], as: UTF8.self).unicodeScalars
      place += 1
      scalars.append(try escaped())
      plain = place
    }
    guard next != nil else { throw error("a text does not end") }
    scalars += String(decoding: bytes[plain..<place], as: UTF8.self).unicodeScalars
    place += 1
    return String(scalars)
  }

  private mutating func escaped() throws(ScenarioError) -> Unicode.Scalar {
    guard let byte = next else { throw error("a text does not end") }
    place += 1
    switch Unicode.Scalar(byte) {
    case "n": return "\n"
    case "t": return "\t"
    case "r": return "\r"
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "\"", "\\", "/": return Unicode.Scalar(byte)
    case "u":
      let digits = String(decoding: bytes[place...].prefix(4), as: UTF8.self)
      guard digits.utf8.count == 4, let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code)
      else { throw error("\\u\(digits) is no character by itself: write it as it is") }
      place += 4
      return scalar
    default: throw error("\\\(Character(Unicode.Scalar(byte))) is nothing that JSON has")
    }
  }
}
