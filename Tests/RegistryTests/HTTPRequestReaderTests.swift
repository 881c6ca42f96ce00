import TestSupport
import Testing
import WarrenMachine

@testable import WarrenRegistry

@Suite("A reader of HTTP requests")
struct HTTPRequestReaderTests {
  private static let host = "Host: registry.example\r\n"

  private func read(_ text: String) throws -> HTTPRequest? {
    var reader = HTTPRequestReader()
    reader.append(Array(text.utf8))
    return try reader.next()
  }

  private func refusal(_ bytes: [UInt8]) -> HTTPStatus? {
    var reader = HTTPRequestReader()
    reader.append(bytes)
    do {
      let request = try reader.next()
      Issue.record("it was read as \(String(describing: request))")
      return nil
    } catch {
      #expect(!error.reason.isEmpty)
      return error.status
    }
  }

  private func refusal(_ text: String) -> HTTPStatus? { refusal(Array(text.utf8)) }

  @Test("tells what is asked for, with what, and in which words")
  func reads() throws {
    let request = try #require(
      try read(
        "POST /regist%65r?a=1&b=x%20y+z&c&d=%C3%AB HTTP/1.1\r\n\(Self.host)X-A:  b c \t\r\nContent-Length: 3\r\n\r\n{ }"
      ))
    #expect(request.method == "POST" && request.path == "/register")
    #expect(
      request.query == [
        HTTPField("a", "1"), HTTPField("b", "x y z"), HTTPField("c", ""), HTTPField("d", "ë"),
      ])
    #expect(request.fields.values(of: "x-a") == ["b c"])
    #expect(request.body == Array("{ }".utf8) && request.hasBody && request.keepsAlive)
    let simple = try #require(try read("GET / HTTP/1.1\r\n\(Self.host)\r\n"))
    #expect(simple.method == "GET" && simple.path == "/" && simple.query.isEmpty && !simple.hasBody)
  }

  @Test(
    "takes a target with a host before it, and one that is not written as it should",
    arguments: [
      ("http://registry.example:8080/peer?id=a", "/peer", "a"), ("http://registry.example", "/", nil),
      ("/peer?id=zoë", "/peer", "zoë"), ("/peer?x=1&id=a=b", "/peer", "a=b"), ("*", "*", nil),
    ] as [(String, String, String?)])
  func targets(target: String, path: String, id: String?) throws {
    let request = try #require(try read("GET \(target) HTTP/1.1\r\n\(Self.host)\r\n"))
    #expect(request.path == path && request.parameter("id") == id)
  }

  @Test("says whether the connection stays open")
  func keepAlive() throws {
    #expect(try read("GET / HTTP/1.1\r\n\(Self.host)\r\n")?.keepsAlive == true)
    #expect(try read("GET / HTTP/1.1\r\n\(Self.host)Connection: close\r\n\r\n")?.keepsAlive == false)
    #expect(try read("GET / HTTP/1.1\r\n\(Self.host)Connection: x, Close\r\n\r\n")?.keepsAlive == false)
    #expect(try read("GET / HTTP/1.0\r\n\r\n")?.keepsAlive == false)
    #expect(try read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")?.keepsAlive == false)
  }

  @Test(
    "refuses what two readers may take for two things",
    arguments: [
      ("a space before a colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
      ("a tab before a colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"),
      ("lines without a carriage return", "GET / HTTP/1.1\nHost: a\n\n"),
      ("one line without a carriage return", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
      ("an end without a carriage return", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
      ("a carriage return alone", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
      ("a carriage return before another", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
      ("a carriage return in the first line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
      ("a field folded with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"),
      ("a folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
      ("a space at the beginning", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("a space at the end of the first line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
      ("a tab for a space", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
      ("no version", "GET /\r\n\r\n"),
      ("no target", "GET HTTP/1.1\r\n\r\n"),
      ("another protocol", "GET / RTSP/1.0\r\nHost: a\r\n\r\n"),
      ("another protocol's method", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"),
      ("no Host", "GET / HTTP/1.1\r\n\r\n"),
      ("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
      ("the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
      ("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
      ("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
      ("a length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
      ("a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na"),
      ("a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"),
      ("a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\na"),
      ("a length in hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na"),
      ("no length at all", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\na"),
      (
        "a length that no number holds",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\na"
      ),
      (
        "a length and an encoding",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
      ),
      ("an encoding of no name", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{0B}chunked\r\n\r\n"),
      ("a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
      ("a field without a name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"),
      ("a field's name with a slash", "GET / HTTP/1.1\r\nHost: a\r\nX/Y: x\r\n\r\n"),
      ("a zero in a value", "GET / HTTP/1.1\r\nHost: a\u{00}\r\n\r\n"),
      ("an escape in a value", "GET / HTTP/1.1\r\nHost: a\u{1B}[2J\r\n\r\n"),
      ("a zero in the target", "GET /\u{00} HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("a fragment", "GET /peers#x HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("a target that is neither", "GET peers HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("a percent sign alone", "GET /peer?id=% HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("one digit", "GET /peer?id=%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("what is no digit", "GET /peer?id=%4g HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("a sign for a digit", "GET /peer?id=%+4 HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("what is no text", "GET /peer?id=%C3 HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("what is no text in the path", "GET /%FF HTTP/1.1\r\nHost: a\r\n\r\n"),
      ("TLS", "\u{16}\u{03}\u{01}\u{02}\r\n\r\n"),
    ])
  func refuses(what: String, text: String) { #expect(refusal(text) == .badRequest) }

  @Test(
    "refuses what it does not know, and says that",
    arguments: [
      ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", .versionNotSupported),
      ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionNotSupported),
      ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .versionNotSupported),
      ("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", .notImplemented),
      ("get / HTTP/1.1\r\nHost: a\r\n\r\n", .notImplemented),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .notImplemented),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .notImplemented),
      ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\nContent-Length: 1\r\n\r\n", .expectationFailed),
    ] as [(String, HTTPStatus)])
  func unknown(text: String, status: HTTPStatus) { #expect(refusal(text) == status) }

  @Test("says that a line is wrong when it ends, and does not wait for the others")
  func early() {
    #expect(refusal("GET / HTTP/1.1\r\nHost : a\r\n") == .badRequest)
    #expect(refusal("hello\n") == .badRequest)
  }

  @Test("takes no more than it must hold")
  func limits() throws {
    let long = "X: " + String(repeating: "a", count: HTTPLimits.headBytes)
    #expect(refusal("GET / HTTP/1.1\r\n" + long) == .headTooLarge)
    #expect(refusal("GET /" + String(repeating: "a", count: HTTPLimits.headBytes)) == .headTooLarge)
    let rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
    let fits = rest.replacing(
      "X: ", with: "X: " + String(repeating: "a", count: HTTPLimits.headBytes - rest.utf8.count))
    #expect(try read(fits) != nil)
    #expect(refusal(fits.replacing("X: ", with: "X: a")) == .headTooLarge)

    let many = String(repeating: "X: 1\r\n", count: HTTPLimits.fields - 1)
    #expect(try read("GET / HTTP/1.1\r\nHost: a\r\n" + many + "\r\n") != nil)
    #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\n" + many + "X: 1\r\n\r\n") == .headTooLarge)

    let large = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
    #expect(refusal(large + "\(HTTPLimits.bodyBytes + 1)\r\n\r\n") == .contentTooLarge)
    #expect(refusal(large + "100000000\r\nExpect: 100-continue\r\n\r\n") == .contentTooLarge)
    #expect(refusal(large + "9223372036854775808\r\n\r\n") == .contentTooLarge, "no number of ours holds it")
    let body = String(repeating: "b", count: HTTPLimits.bodyBytes)
    #expect(try read(large + "\(HTTPLimits.bodyBytes)\r\n\r\n" + body)?.body.count == HTTPLimits.bodyBytes)
  }

  @Test("says once that the body may come, where that is waited for")
  func continues() throws {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
    var reader = HTTPRequestReader()
    reader.append(Array(head.utf8))
    #expect(try reader.next() == nil)
    #expect(reader.takeContinue() == true)
    #expect(reader.takeContinue() == false)
    reader.append(Array("ab".utf8))
    #expect(try reader.next()?.body == Array("ab".utf8))
    reader.append(Array((head + "ab").utf8))
    #expect(try reader.next() != nil)
    #expect(reader.takeContinue() == false, "it is there already")
    reader.append(Array(head.replacing("HTTP/1.1", with: "HTTP/1.0").utf8))
    #expect(try reader.next() == nil)
    #expect(reader.takeContinue() == false, "HTTP/1.0 has no such answer")
  }

  @Test("lets empty lines between requests be, and knows when nothing has begun")
  func idle() throws {
    var reader = HTTPRequestReader()
    #expect(reader.isIdle)
    reader.append(Array("\r\n\r\n".utf8))
    #expect(try reader.next() == nil)
    #expect(reader.isIdle)
    reader.append(Array("G".utf8))
    #expect(try reader.next() == nil)
    #expect(!reader.isIdle)
    reader.append(Array("ET / HTTP/1.1\r\n\(Self.host)Content-Length: 1\r\n\r\n".utf8))
    #expect(try reader.next() == nil)
    #expect(!reader.isIdle)
    reader.append(Array("x\r\n".utf8))
    #expect(try reader.next() != nil)
    #expect(try reader.next() == nil)
    #expect(reader.isIdle)
  }

  /// Some requests, one after the other, and what they are.
  private static let several = [
    "GET /peers HTTP/1.1\r\n\(host)\r\n",
    "POST /register HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\n\r\n\r\n{",
    "\r\nGET /peer?id=%C3%AB HTTP/1.1\r\n\(host)X: y\r\n\r\n",
    "POST /a HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n", "HEAD http://a/b?c=d HTTP/1.0\r\n\r\n",
  ]

  private func readAll(_ pieces: [ArraySlice<UInt8>]) throws -> [HTTPRequest] {
    var reader = HTTPRequestReader()
    var requests: [HTTPRequest] = []
    for piece in pieces {
      reader.append(Array(piece))
      while let request = try reader.next() { requests.append(request) }
    }
    #expect(reader.isIdle)
    return requests
  }

  @Test("finds the same requests in whatever pieces they arrive")
  func pieces() throws {
    let bytes = Array(Self.several.joined().utf8)
    let whole = try readAll([bytes[...]])
    #expect(whole.map(\.path) == ["/peers", "/register", "/peer", "/a", "/b"])
    #expect(whole[1].body == Array("\r\n\r\n{".utf8))
    #expect(try readAll(bytes.indices.map { bytes[$0...$0] }) == whole)
    for seed in 0..<200 {
      var random = SeededRandom(UInt64(seed))
      var pieces: [ArraySlice<UInt8>] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...min(40, rest.count), using: &random)
        pieces.append(rest.prefix(count))
        rest = rest.dropFirst(count)
      }
      #expect(try readAll(pieces) == whole, "seed \(seed)")
    }
  }

  @Test("refuses the same in whatever pieces it arrives, or takes it for the same")
  func damaged() throws {
    let bytes = Array(Self.several.joined().utf8)
    func outcome(_ pieces: [ArraySlice<UInt8>]) -> ([HTTPRequest], HTTPError?) {
      var reader = HTTPRequestReader()
      var requests: [HTTPRequest] = []
      for piece in pieces {
        reader.append(Array(piece))
        do throws(HTTPError) {
          while let request = try reader.next() { requests.append(request) }
        } catch {
          return (requests, error)
        }
      }
      return (requests, nil)
    }
    var refused = 0
    for seed in 0..<500 {
      var random = SeededRandom(UInt64(seed))
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<damaged.count, using: &random)
        damaged[place] = [0, 9, 10, 13, 32, 58, 127, 255, UInt8(truncatingIfNeeded: random.next())]
          .randomElement(using: &random)!
      }
      let whole = outcome([damaged[...]])
      let single = outcome(damaged.indices.map { damaged[$0...$0] })
      #expect(whole == single, "seed \(seed)")
      if whole.1 != nil { refused += 1 }
    }
    #expect(refused > 250)
  }
}
