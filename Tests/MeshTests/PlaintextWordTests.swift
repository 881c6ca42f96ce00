import TestSupport
import Testing
import WarrenMachine
import WarrenMesh

@Suite("Words in plain text")
struct PlaintextWordTests {
  private func code<Value>(_ body: () throws(PlainError) -> Value) -> PlainError.Code? {
    do throws(PlainError) {
      _ = try body()
      return nil
    } catch {
      #expect(!error.reason.isEmpty)
      return error.code
    }
  }

  @Test(
    "that a text would be are not sent as one",
    arguments: [
      "PING", "PONG", "REQUEST_PEERS", "PEERS:", "PEERS:192.0.2.1:80", "BYTES:4", "BYTES:-1", "BYTES:many",
      " PING", "PING\t",
      "\u{A0}PONG\u{2003}", "\r REQUEST_PEERS\u{85}", "PEERS:\u{301}", "BYTES:\u{20DD}", "hello\nPING", "\n",
    ])
  func forged(text: String) {
    #expect(code { () throws(PlainError) in try PlainWord.text(text).encoded() } == .notAText)
  }

  @Test(
    "that only look like some are texts, and arrive as they are",
    arguments: [
      "", "ping", "PINGS", "say PING", "DUPLICATE", "MAX_PEERS", "LISTEN:here", "PEERS", "BYTES", "a:b", "é",
      "PI\u{301}NG",
      "PING\u{200B}", "\u{1F600}",
    ])
  func texts(text: String) throws {
    var reader = PlainReader(messageLimit: 10)
    reader.append(try PlainWord.text(text).encoded())
    #expect(try reader.next() == .line(text))
    #expect(try PlainWord(text) == .text(text))
  }

  @Test("are the same when they are read as when they were written")
  func words() throws {
    for word in [
      .ping, .pong, .requestPeers, .peers([]), .peers(["192.0.2.1:80", "[2001:db8::1]:8001"]), .bytes(0),
      .bytes(16_777_216),
    ] as [PlainWord] {
      var reader = PlainReader(messageLimit: 10)
      reader.append(try word.encoded())
      guard case .line(let line) = try reader.next() else { throw PlainError(.nonsense, "it is no line") }
      #expect(try PlainWord(line) == word)
    }
  }

  @Test(
    "that announce bytes say how many",
    arguments: [
      ("5", 5, nil), ("+5", 5, nil), ("007", 7, nil), ("-1", -1, nil),
      ("99999999999999999999999", Int.max, nil),
      ("", nil, .nonsense), (" 5", nil, .nonsense), ("5x", nil, .nonsense), ("0x5", nil, .nonsense),
      ("٥", nil, .nonsense),
      ("-99999999999999999999999", nil, .nonsense),
    ] as [(String, Int?, PlainError.Code?)])
  func counts(text: String, count: Int?, expected: PlainError.Code?) throws {
    if let count { #expect(try PlainWord("BYTES:\(text)") == .bytes(count)) }
    #expect(code { () throws(PlainError) in try PlainWord("BYTES:\(text)") } == expected)
  }

  @Test("of who one is cannot be taken for anything else")
  func names() throws {
    #expect(
      String(decoding: try PlainGreeting(id: "00ff", name: "a b").encoded, as: UTF8.self) == "00ff:a b\n")
    let bad = [
      "", "a:b", "a\nb", "a\rb", "\u{1B}[2J", " a", "a\u{A0}", "\u{202E}a", String(repeating: "a", count: 65),
    ]
    for name in bad {
      #expect(
        code { () throws(PlainError) in try PlainGreeting(id: "00ff", name: name) } == .badName, "\(name)")
      #expect(code { () throws(PlainError) in try PlainGreeting(id: name, name: "a") } == .badName, "\(name)")
    }
    for id in ["PING", "PEERS", "DUPLICATE", "MAX_PEERS", "LISTEN", "a b"] {
      #expect(code { () throws(PlainError) in try PlainGreeting(id: id, name: "a") } == .badName, "\(id)")
    }
  }

  @Test("of who another is are taken as what they are")
  func greetings() throws {
    #expect(try PlainGreeting("peer-8002:bob").name == "bob")
    #expect(try PlainGreeting("peer-8002:").name == "peer-8002")
    #expect(try PlainGreeting("peer-8002").name == "peer-8002")
    #expect(try PlainGreeting("a:b:c").name == "b:c")
    #expect(try PlainGreeting("a:\u{1B}[2Jx").name == "\u{FFFD}[2Jx")
    for line in [
      "", ":bob", "PING", "PEERS:192.0.2.1:80", "BYTES:4", "GET / HTTP/1.1", "LISTEN:localhost:80",
      "a\u{1B}b:c",
    ] {
      #expect(code { () throws(PlainError) in try PlainGreeting(line) } == .badName, "\(line)")
    }
  }

  @Test("of where others are name their machine, and no other's")
  func places() throws {
    let ip = try IPAddress("192.0.2.7")
    let place = SocketAddress(ip, port: 8001)
    for host in ["localhost", "127.0.0.1", "198.51.100.1", "", "[::1]", "anything"] {
      #expect(PlainPlace.listening("LISTEN:\(host):8001", at: ip) == place)
    }
    for line in [
      "LISTEN:", "LISTEN:8001", "LISTEN:localhost:0", "LISTEN:localhost:70000", "listen:localhost:80",
      "hello:80",
    ] {
      #expect(PlainPlace.listening(line, at: ip) == nil, "\(line)")
    }
    for text in [
      "localhost:8001", "127.0.0.1:8001", " 127.9.9.9:8001 ", "[::1]:8001", "[::ffff:127.0.0.1]:8001",
    ] {
      #expect(PlainPlace.listed(text, by: ip) == place, "\(text)")
    }
    #expect(PlainPlace.listed("198.51.100.1:80", by: ip)?.description == "198.51.100.1:80")
    #expect(PlainPlace.listed("[2001:db8::1]:80", by: ip)?.description == "[2001:db8::1]:80")
    for text in [
      "", ":", "8001", "198.51.100.1", "198.51.100.1:0", "0.0.0.0:80", "255.255.255.255:80", "224.0.0.1:80",
      "example.org:80",
      "[fe80::1%3]:80", "198.51.100.1:80:80",
    ] {
      #expect(PlainPlace.listed(text, by: ip) == nil, "\(text)")
    }
    #expect(PlainPlace.listing(try SocketAddress("127.0.0.1:80"), from: ip) == "192.0.2.7:80")
    #expect(PlainPlace.listing(try SocketAddress("198.51.100.1:80"), from: ip) == "198.51.100.1:80")
    #expect(PlainPlace.listing(try SocketAddress("[fe80::1%3]:80"), from: ip) == nil)
  }
}
