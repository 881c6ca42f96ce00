/// Looks at the lines of a request's head before the parser does, which lets pass what other readers on the way may
/// take for something else: and where two readers do not agree on where a request ends, the next one can be forged.
///
/// It lets pass spaces before a colon and within the request line, folded fields, control characters, a missing
/// version, HTTP/9.9 and another protocol's name.
enum HTTPLineCheck {
  /// `method target HTTP/1.1`, with one space each (RFC 9112, 3).
  static func requestLine(_ line: ArraySlice<UInt8>) throws(HTTPError) {
    let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(\.isTokenCharacter), !parts[1].isEmpty,
      parts[1].allSatisfy(\.mayBeInTarget)
    else {
      throw HTTPError(.badRequest, "a request begins with its method, what it is for, and HTTP/1.1")
    }
    if parts[2].elementsEqual("HTTP/1.1".utf8) || parts[2].elementsEqual("HTTP/1.0".utf8) { return }
    guard parts[2].starts(with: "HTTP/".utf8) else {
      throw HTTPError(.badRequest, "this is HTTP/1.1, and what was sent is not")
    }
    throw HTTPError(.versionNotSupported, "this server speaks HTTP/1.1")
  }

  /// `name: value`. A line that begins with a space would be folded, which is to be refused, as is a space before the
  /// colon (RFC 9112, 5.1 and 5.2).
  static func field(_ line: ArraySlice<UInt8>) throws(HTTPError) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
      line[..<colon].allSatisfy(\.isTokenCharacter)
    else {
      throw HTTPError(.badRequest, "a field is a name, a colon at once after it, and a value, on one line")
    }
    guard line[colon...].allSatisfy(\.mayBeInValue) else {
      throw HTTPError(.badRequest, "a field's value has no control characters")
    }
  }
}

extension UInt8 {
  /// RFC 9110, 5.6.2.
  fileprivate var isTokenCharacter: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"),
      UInt8(ascii: "~"):
      true
    default: false
    }
  }

  /// RFC 9110, 5.5.
  fileprivate var mayBeInValue: Bool { self == 9 || self >= 0x20 && self != 0x7F }

  /// Bytes above ASCII should not be there (RFC 3986, 2), but programs write an id into a query as it is.
  fileprivate var mayBeInTarget: Bool { self > 0x20 && self != 0x7F }
}
