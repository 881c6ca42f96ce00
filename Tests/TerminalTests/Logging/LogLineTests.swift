import TestSupport
import Testing
import WarrenMachine

@testable import WarrenTerminal

@Suite("Lines of a log")
struct LogLineTests {
  private let line = LogLine(
    level: .warning, message: "it \u{1B}[2J is \"over\"\n",
    fields: [
      ("peer", .text("bob")), ("why", .text("two words")), ("port", .number(7)), ("bad", .text("\u{202E}")),
    ],
    timeSince1970: .seconds(1_700_000_000) + .milliseconds(7))

  @Test("one for a program is JSON in which nothing could disturb a terminal")
  func json() {
    #expect(
      line.json.harmlessText
        == #"{"time":"2023-11-14T22:13:20.007Z","level":"warning","message":"it \u001b[2J is \"over\"\u000a","#
        + #""fields":{"peer":"bob","why":"two words","port":7,"bad":"\u202e"}}"#)
    let bare = LogLine(level: .error, message: "x", fields: [], timeSince1970: .zero)
    #expect(bare.json.harmlessText == #"{"time":"1970-01-01T00:00:00.000Z","level":"error","message":"x"}"#)
  }

  @Test("one for a person is a line, and harmless")
  func text() {
    #expect(
      line.text(onScreen: false).rendered(inColour: false)
        == "2023-11-14T22:13:20.007Z warning  it \u{FFFD}[2J is \"over\"\u{FFFD} peer=bob why=\"two words\" port=7"
        + " bad=\u{FFFD}")
    #expect(line.text(onScreen: true).rendered(inColour: false).dropFirst(12).hasPrefix(" warning  it "))
  }

  @Test("levels have an order")
  func levels() {
    #expect(LogLevel.error < .warning && LogLevel.notice < .info && LogLevel.info < .debug)
    #expect(LogLevel(rawValue: "notice") == .notice && LogFormat(rawValue: "json") == .json)
  }
}
