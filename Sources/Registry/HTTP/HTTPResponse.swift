import WarrenMachine

/// What a request is answered with.
package struct HTTPResponse: Hashable, Sendable {
  /// How it went.
  package var status: HTTPStatus
  /// What the body is.
  package var contentType: String
  /// The fields that are not the same for all.
  package var fields: [HTTPField] = []
  /// What was asked for.
  package var body: [UInt8]

  static let continues = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// An answer that has worked.
  init(_ body: [UInt8], as contentType: String) {
    status = .ok
    self.contentType = contentType
    self.body = body
  }

  /// An answer in JSON.
  init(_ value: JSONValue) {
    self.init(value.bytes + [UInt8(ascii: "\n")], as: "application/json")
  }

  /// The answer to what is refused.
  init(_ error: HTTPError) {
    self.init(["error": .text(error.reason)])
    status = error.status
  }

  /// The answer as it is sent.
  ///
  /// - Parameters:
  ///   - time: how long ago 1970 began: an answer says when it was given (RFC 9110, 6.6.1).
  ///   - closes: whether it is the last one of its connection.
  ///   - isHeadOnly: whether the body is only spoken of, as HEAD asks for.
  package func bytes(at time: Duration, closes: Bool = false, isHeadOnly: Bool = false) -> [UInt8] {
    var head = "HTTP/1.1 \(status.rawValue) \(status.phrase)\r\nDate: \(httpDate(time))\r\n"
    head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
    for field in fields { head += "\(field.name): \(field.value)\r\n" }
    if closes { head += "Connection: close\r\n" }
    head += "\r\n"
    return isHeadOnly ? Array(head.utf8) : Array(head.utf8) + body
  }
}
