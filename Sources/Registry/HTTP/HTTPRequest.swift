/// A request that has arrived as a whole.
package struct HTTPRequest: Hashable, Sendable {
  /// `GET`, say.
  package var method: String
  /// What it is for, without percent signs.
  package var path: String
  /// The parameters of the query, in order.
  package var query: [HTTPField] = []
  /// The fields of its head, in order.
  package var fields: [HTTPField] = []
  /// The bytes after its head.
  package var body: [UInt8] = []
  /// Whether its head said how many bytes there are.
  package var hasBody = false
  /// Whether the connection may stay open for another request.
  package var keepsAlive = true

  /// A request for tests.
  package init(_ method: String, _ path: String, query: [HTTPField] = [], body: [UInt8]? = nil) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body ?? []
    hasBody = body != nil
  }

  /// A request whose body has not arrived yet.
  init(_ head: HTTPHead) throws(HTTPError) {
    let hosts = head.fields.values(of: "host").count
    // RFC 9112, 3.2.
    guard hosts == 1 || hosts == 0 && head.minorVersion == 0 else {
      throw HTTPError(.badRequest, "a request has one Host, not \(hosts)")
    }
    // RFC 9112, 6.1. No client of a registry needs one, and where readers disagree on it requests can be forged.
    guard head.fields.values(of: "transfer-encoding").isEmpty else {
      throw HTTPError(.notImplemented, "this server knows no Transfer-Encoding: send a Content-Length")
    }
    let length = head.contentLength ?? 0
    guard length <= HTTPLimits.bodyBytes else {
      throw HTTPError(.contentTooLarge, "a body has at most \(HTTPLimits.bodyBytes) bytes, not \(length)")
    }
    let target = try HTTPTarget(head.target)
    method = head.method
    path = target.path
    query = target.query
    fields = head.fields
    hasBody = head.contentLength != nil
    // Who speaks HTTP/1.0 gets what it expects: one answer, and the end.
    keepsAlive = head.keepsAlive && head.minorVersion > 0
  }

  /// The value of the first parameter of this name.
  package func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }
}
