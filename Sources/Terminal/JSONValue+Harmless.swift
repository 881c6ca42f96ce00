import WarrenMachine

extension JSONValue {
  /// The JSON on one line, in which nothing could disturb a terminal: RFC 8259, 7 lets any character be written by its number.
  var harmlessText: String {
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.unicodeScalars.contains(where: \.couldDisturb) else { return text }
    // Such characters stand only within strings.
    return text.unicodeScalars.reduce(into: "") { harmless, scalar in
      guard scalar.couldDisturb else { return harmless.unicodeScalars.append(scalar) }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16)
        harmless += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
  }
}
