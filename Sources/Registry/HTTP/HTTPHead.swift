import CHTTPParser

/// A request's head as the parser reads it: all that comes before its body.
struct HTTPHead {
  var method = ""
  var target: [UInt8] = []
  var fields: [HTTPField] = []
  /// HTTP/1.0 or 1.1.
  var minorVersion = 1
  /// How many bytes of body it says that there are; nil where it does not say.
  var contentLength: UInt64?
  /// Whether the connection may stay open for another request (RFC 9112, 9.3).
  var keepsAlive = true

  /// Reads a head whose lines were looked at, with the empty line at its end.
  init(_ bytes: ArraySlice<UInt8>) throws(HTTPError) {
    var parser = http_parser()
    http_parser_init(&parser, HTTP_REQUEST)
    var settings = http_parser_settings()
    settings.on_url = targetFound
    settings.on_header_field = fieldNameFound
    settings.on_header_value = fieldValueFound
    settings.on_headers_complete = headFound
    let read = withUnsafeMutablePointer(to: &self) { head in
      parser.data = UnsafeMutableRawPointer(head)
      return bytes.withUnsafeBytes {
        http_parser_execute(&parser, &settings, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
      }
    }
    let error = http_errno(UInt32(parser.http_errno))
    guard error == HPE_OK, read == bytes.count else {
      if error == HPE_INVALID_METHOD {
        throw HTTPError(.notImplemented, "this server knows no such method: it has GET, HEAD and POST")
      }
      throw HTTPError(.badRequest, String(cString: http_errno_description(error)))
    }
    // What the parser leaves at a value's end does not belong to it (RFC 9112, 5.1).
    for place in fields.indices { fields[place].value.trimEnd() }
  }

  fileprivate static func of(_ parser: UnsafeMutablePointer<http_parser>?) -> UnsafeMutablePointer<HTTPHead> {
    parser!.pointee.data.assumingMemoryBound(to: HTTPHead.self)
  }
}

extension String {
  fileprivate mutating func trimEnd() {
    while let last = utf8.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { removeLast() }
  }
}

private func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(start: start, count: count)
}

private func targetFound(
  _ parser: UnsafeMutablePointer<http_parser>?, _ start: UnsafePointer<CChar>?, _ count: Int
) -> CInt {
  HTTPHead.of(parser).pointee.target += text(start, count)
  return 0
}

private func fieldNameFound(
  _ parser: UnsafeMutablePointer<http_parser>?, _ start: UnsafePointer<CChar>?, _ count: Int
) -> CInt {
  HTTPHead.of(parser).pointee.fields.append(
    HTTPField(String(decoding: text(start, count), as: UTF8.self), ""))
  return 0
}

private func fieldValueFound(
  _ parser: UnsafeMutablePointer<http_parser>?, _ start: UnsafePointer<CChar>?, _ count: Int
) -> CInt {
  let head = HTTPHead.of(parser)
  head.pointee.fields[head.pointee.fields.count - 1].value += String(
    decoding: text(start, count), as: UTF8.self)
  return 0
}

private func headFound(_ parser: UnsafeMutablePointer<http_parser>?) -> CInt {
  let head = HTTPHead.of(parser)
  head.pointee.method = String(cString: http_method_str(http_method(parser!.pointee.method)))
  head.pointee.minorVersion = Int(parser!.pointee.http_minor)
  head.pointee.keepsAlive = http_should_keep_alive(parser) != 0
  // The library's way to say that there is none.
  let length = parser!.pointee.content_length
  head.pointee.contentLength = length == .max ? nil : length
  // The body is not its task.
  return 1
}
