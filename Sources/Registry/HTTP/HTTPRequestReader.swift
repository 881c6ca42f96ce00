/// Finds the requests in what a client sends: bytes in, at most one request out at a time.
///
/// What it refuses ends the connection: nobody knows where the next request would begin.
package struct HTTPRequestReader: Sendable {
  private var bytes: [UInt8] = []
  /// How many at the beginning are of requests that were handed out.
  private var taken = 0
  /// Where looking for the end of the head goes on, and where the line that it is on begins.
  private var place = 0
  private var lineStart = 0
  private var lines = 0
  /// The request whose body has not arrived yet, and how many bytes that has.
  private var pending: HTTPRequest?
  private var bodyBytes = 0
  private var owesContinue = false

  /// A reader at the beginning of a connection.
  package init() {}

  /// Whether nothing of another request has arrived.
  package var isIdle: Bool { pending == nil && taken == bytes.count }

  /// Adds what has arrived. To be called only once ``next()`` has returned nil: so it never holds more than one request.
  package mutating func append(_ more: [UInt8]) {
    bytes.removeFirst(taken)
    place -= taken
    lineStart -= taken
    taken = 0
    bytes += more
  }

  /// The next request, if all of it is there.
  package mutating func next() throws(HTTPError) -> HTTPRequest? {
    if pending == nil {
      guard let head = try nextHead() else { return nil }
      try expectBody(of: head)
    }
    guard var request = pending, bytes.count - taken >= bodyBytes else { return nil }
    request.body = Array(bytes[taken..<taken + bodyBytes])
    pending = nil
    owesContinue = false
    begin(at: taken + bodyBytes)
    return request
  }

  /// Whether the client is to be told, once, that it may send the body (RFC 9110, 10.1.1).
  package mutating func takeContinue() -> Bool {
    defer { owesContinue = false }
    return owesContinue
  }

  private mutating func begin(at start: Int) {
    (taken, place, lineStart, lines) = (start, start, start, 0)
  }

  /// The body comes next.
  private mutating func expectBody(of head: HTTPHead) throws(HTTPError) {
    let request = try HTTPRequest(head)
    for expectation in head.fields.values(of: "expect") {
      guard expectation.lowercased() == "100-continue" else {
        throw HTTPError(.expectationFailed, "this server knows no other expectation than 100-continue")
      }
      owesContinue = head.minorVersion > 0
    }
    pending = request
    bodyBytes = Int(head.contentLength ?? 0)
  }

  /// The next head, once its empty line is there. Each line is looked at as soon as it has ended.
  private mutating func nextHead() throws(HTTPError) -> HTTPHead? {
    while place < bytes.count {
      let byte = bytes[place]
      let followsReturn = place > lineStart && bytes[place - 1] == returns
      guard byte == feeds ? followsReturn : !followsReturn else {
        throw HTTPError(
          .badRequest, "a line ends with a carriage return and a line feed, and has neither of them within")
      }
      place += 1
      guard place - taken <= HTTPLimits.headBytes else {
        throw HTTPError(.headTooLarge, "a request's head has at most \(HTTPLimits.headBytes) bytes")
      }
      if byte == feeds, let head = try endLine() { return head }
    }
    return nil
  }

  private mutating func endLine() throws(HTTPError) -> HTTPHead? {
    let line = bytes[lineStart..<place - 2]
    lineStart = place
    guard !line.isEmpty else {
      guard lines > 0 else {
        // Some send an empty line after a body, where none belongs: it may be left out (RFC 9112, 2.2).
        begin(at: place)
        return nil
      }
      let head = try HTTPHead(bytes[taken..<place])
      begin(at: place)
      return head
    }
    lines += 1
    guard lines <= 1 + HTTPLimits.fields else {
      throw HTTPError(.headTooLarge, "a request's head has at most \(HTTPLimits.fields) fields")
    }
    if lines == 1 { try HTTPLineCheck.requestLine(line) } else { try HTTPLineCheck.field(line) }
    return nil
  }
}

private let returns = UInt8(ascii: "\r")
private let feeds = UInt8(ascii: "\n")
