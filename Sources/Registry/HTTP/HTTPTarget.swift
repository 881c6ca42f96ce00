import CHTTPParser

/// What a request is for: a path, and the parameters of a query (RFC 9112, 3.2).
struct HTTPTarget {
  var path: String
  var query: [HTTPField] = []

  /// The target that `bytes` spell: a path with or without a query, also with a host before it, as proxies write it.
  init(_ bytes: [UInt8]) throws(HTTPError) {
    let misspelt = HTTPError(.badRequest, "what the request is for is misspelt")
    // A question about the server as a whole, which has no other spelling.
    if bytes == [UInt8(ascii: "*")] {
      path = "*"
      return
    }
    var url = http_parser_url()
    let failed = bytes.withUnsafeBytes {
      http_parser_parse_url($0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count, 0, &url)
    }
    guard failed == 0, Self.part(UF_FRAGMENT, of: url, bytes) == nil else { throw misspelt }
    guard let path = Self.decoded(Self.part(UF_PATH, of: url, bytes) ?? [UInt8(ascii: "/")]) else {
      throw misspelt
    }
    self.path = path
    guard let query = Self.part(UF_QUERY, of: url, bytes) else { return }
    for parameter in query.split(separator: UInt8(ascii: "&")) {
      let halves = parameter.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(halves[0], plusIsSpace: true),
        let value = Self.decoded(halves.count == 2 ? halves[1] : [], plusIsSpace: true)
      else {
        throw HTTPError(
          .badRequest, "the query is misspelt: each % is followed by two digits, and it is text in UTF-8")
      }
      self.query.append(HTTPField(name, value))
    }
  }

  private static func part(
    _ field: http_parser_url_fields, of url: http_parser_url, _ bytes: [UInt8]
  ) -> ArraySlice<UInt8>? {
    guard url.field_set & 1 << UInt16(field.rawValue) != 0 else { return nil }
    return withUnsafePointer(to: url) {
      bytes[warren_http_part_start($0, field)...].prefix(warren_http_part_length($0, field))
    }
  }

  /// The text that is written with percent signs (RFC 3986, 2.1); nil where it is none, or they are used wrongly.
  ///
  /// - Parameter plusIsSpace: as forms write it.
  static func decoded(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool = false) -> String? {
    var text: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst()?.hexadecimalDigit, let low = rest.popFirst()?.hexadecimalDigit else {
          return nil
        }
        text.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: text.append(UInt8(ascii: " "))
      default: text.append(byte)
      }
    }
    return String(validating: text, as: UTF8.self)
  }
}

extension UInt8 {
  fileprivate var hexadecimalDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
