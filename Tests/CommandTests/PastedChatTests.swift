import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren chat --manual on two screens", .serialized, .needsScreen, .needsWarren)
struct PastedChatTests {
  @Test("each pastes what the other prints; what is no SDP is refused with its line, and asked for again")
  func pasting() async throws {
    try await Screen.with(WarrenProgram.path, columns: 100, rows: 50) { one in
      try await Screen.with(WarrenProgram.path, columns: 100, rows: 50) { other in
        let last = "Paste what the other side gives you here, and end it with an empty line:"
        try await one.start("chat --manual --loopback", first: last)
        try await other.start("chat --manual --loopback", first: last)
        try one.paste("v=0\no=- 0 1 IN IP4 0.0.0.0\nDear friend,\nhere it is\n\n")
        try await one.wait("the line that is wrong") {
          $0.contains(
            "line 3: this is not SDP, whose lines begin with a letter and '=': paste all of it, and nothing else"
          )
            && $0.contains("Paste it once more:")
        }
        try one.paste("v=0\na=ice-ufrag:abcd\n\n")
        try await one.wait("what is missing") {
          $0.contains("there is no a=ice-pwd: paste the whole text of the other side")
        }
        let (first, second) = (try description(on: one), try description(on: other))
        try one.paste(second)
        try await one.wait("a search") { $0.contains("Looking for a way …") }
        try other.paste(first)
        for screen in [one, other] {
          try await screen.wait("the way in the prompt") {
            $0.last!.hasPrefix("[UDP ") && $0.last!.hasSuffix("]>")
          }
        }
        try one.run("hello")
        try await other.wait("what was said") { $0.contains("hello") }
        try other.run("/path")
        try await other.wait("the ways") { $0.contains { $0.hasSuffix(", in use") } }
        try other.run("/exit")
        try await other.end(code: 0)
        #expect(try await one.end(code: 0).contains("The other side has ended the conversation."))
      }
    }
  }

  @Test("Ctrl-C ends it before anything was pasted, and while a way is looked for")
  func interruption() async throws {
    try await Screen.with(WarrenProgram.path, columns: 100, rows: 50) { screen in
      let last = "Paste what the other side gives you here, and end it with an empty line:"
      try await screen.start("chat --manual --loopback", first: last)
      let text = try description(on: screen)
      try screen.press("C-c")
      try await screen.end(code: 0)
      try await screen.start("chat --manual --loopback", first: last)
      try screen.paste(text)
      try await screen.wait("a search") { $0.contains("Looking for a way …") }
      try screen.press("C-c")
      try await screen.end(code: 0)
    }
  }

  /// What the program on a screen has printed for the other side.
  private func description(on screen: Screen) throws -> String {
    let lines = try screen.lines().drop { $0 != "Give this to the other side, all of it:" }.dropFirst()
    let end = try #require(lines.firstIndex(of: "a=end-of-candidates"))
    return lines[...end].joined(separator: "\n") + "\n"
  }
}
