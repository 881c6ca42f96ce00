import Testing

@testable import WarrenMachine

@Suite("Texts that mean no good")
struct HostileTextTests {
  @Test(
    "are named whole when they are no socket's address",
    arguments: [
      ":80", "localhost:80", "1.2.3:80", "[]:80", "[:80", "]:80", "[::1:80", "[::1]x:80", "[1.2.3.4]:80",
      "[[::1]]:80", "[::1 ]:80", "1.2.3.4\0:80",
    ])
  func socketAddress(text: String) {
    #expect(throws: AddressError.notAnAddress(text)) { try SocketAddress(text) }
  }

  @Test(
    "are told from addresses that only lack a port",
    arguments: ["[::1]", "[2001:db8::1]", "::1", "1.2.3.4", "[]", ""])
  func noPort(text: String) {
    #expect(throws: AddressError.missingPort(text)) { try SocketAddress(text) }
  }

  @Test(
    "have a port that others could read otherwise",
    arguments: ["1.2.3.4:080", "[::1]:00", "1.2.3.4:0x50", "1.2.3.4:٨٠", "1.2.3.4:99999999999999999999"])
  func port(text: String) {
    #expect(throws: AddressError.badPort(text)) { try SocketAddress(text) }
  }

  @Test(
    "are named whole when they are no block",
    arguments: ["", "/", "/8", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0/8", "::g/64", "[::]/64", "::/0x40"])
  func prefix(text: String) {
    #expect(throws: AddressError.badPrefix(text)) { try IPPrefix(text) }
  }

  @Test("have no zone that others could read otherwise")
  func zone() {
    #expect(throws: AddressError.notAnAddress("fe80::1%07")) { try IPAddress("fe80::1%07") }
  }

  @Test("cannot reach the terminal through an error, nor fill it")
  func quoting() {
    // An escape, its eight-bit twin, a change of direction, and letters that pile up on one another.
    let text = "\u{1B}[2J\u{9B}2J\u{202E}1.2.3.4" + String(repeating: "\u{301}", count: 5_000)
    for shown in [
      AddressError.notAnAddress(text).description, AddressError.badPrefix(text).description,
      NetworkError.noSuchInterface(text).description, NetworkError.nameNotFound(text).description,
      NetworkError.lookUpFailed(text, reason: "none").description,
    ] {
      #expect(!shown.unicodeScalars.contains { ["\u{1B}", "\u{9B}", "\u{202E}"].contains($0) })
      #expect(shown.contains(#"\u{1B}[2J\u{009B}2J\u{202E}1.2.3."#))
      #expect(shown.utf8.count < 1_000)
    }
    #expect(quoted("bücher.example") == "\"bücher.example\"")
    #expect(quoted("fe80::1%eth0") == "\"fe80::1%eth0\"")
    #expect(quoted(String(repeating: "x", count: 80)).hasSuffix("x\""))
    #expect(quoted(String(repeating: "x", count: 81)).hasSuffix("x\"…"))
  }
}
