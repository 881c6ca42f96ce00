import Glibc
import Testing

@testable import WarrenTerminal

@Suite("A terminal, or what stands in its place")
struct TerminalTests {
  /// Lends `body` both sides of a pseudo-terminal 100 columns wide.
  private func withTerminal(_ body: (_ master: CInt, _ slave: CInt) throws -> Void) throws {
    var (master, slave): (CInt, CInt) = (-1, -1)
    var size = winsize(ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0)
    try #require(openpty(&master, &slave, nil, nil, &size) == 0)
    defer {
      close(master)
      close(slave)
    }
    try body(master, slave)
  }

  @Test("there are colours on a terminal, unless it cannot or somebody does not want them")
  func colours() throws {
    try withTerminal { _, slave in
      func terminal(_ environment: [String: String]) -> Terminal {
        Terminal(input: slave, output: slave, errors: slave, environment: { environment[$0] })
      }
      #expect(terminal(["TERM": "xterm"]).hasColours(.results))
      #expect(terminal(["TERM": "xterm", "NO_COLOR": ""]).hasColours(.results))
      #expect(!terminal(["TERM": "xterm", "NO_COLOR": "0"]).hasColours(.results))
      #expect(!terminal(["TERM": "dumb"]).hasColours(.results) && !terminal([:]).hasColours(.results))
      #expect(terminal(["TERM": "xterm"]).width == 100 && terminal([:]).isInputTerminal)
    }
  }

  @Test("each stream is what it is, and results in a file have no colours")
  func streams() throws {
    try withTerminal { master, slave in
      var ends: [CInt] = [0, 0]
      try #require(pipe(&ends) == 0)
      defer { for end in ends { close(end) } }
      let terminal = Terminal(input: ends[0], output: ends[1], errors: slave) { $0 == "TERM" ? "xterm" : nil }
      #expect(!terminal.isTerminal(.results) && terminal.isTerminal(.talk) && !terminal.isInputTerminal)
      terminal.result("\("ten", .good)")
      terminal.talk("\("red", .bad)")
      #expect(text(from: ends[0]) == "ten\n")
      #expect(text(from: master) == "\u{1B}[31mred\u{1B}[0m\r\n")
    }
  }

  @Test("a line is whole also where a descriptor takes only some of it, and does not wait")
  func whole() async throws {
    var ends: [CInt] = [0, 0]
    try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer { close(ends[0]) }
    let (reader, writer) = (ends[0], ends[1])
    try #require(fcntl(writer, F_SETFL, O_NONBLOCK) == 0)
    let text = String(repeating: "0123456789", count: 200_000)
    let writing = Task.detached {
      Terminal(input: writer, output: writer, errors: writer).result(StyledText(text))
      close(writer)
    }
    var bytes = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(reader, &buffer, buffer.count), count > 0 { bytes += count }
    await writing.value
    #expect(bytes == text.utf8.count + 1)
  }

  private func text(from descriptor: CInt) -> String {
    var buffer = [UInt8](repeating: 0, count: 1000)
    let count = read(descriptor, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }
}
