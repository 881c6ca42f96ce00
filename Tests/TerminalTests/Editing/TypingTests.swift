import Glibc
import TestSupport
import Testing

extension ScreenTests {
  /// What somebody types into a real terminal.
  @Suite("Somebody who types")
  struct TypingTests {
    @Test("a line is edited with the arrows, and is there when Enter is pressed")
    func editing() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("helo")
        try screen.press("Left")
        try screen.type("l")
        try screen.press("End")
        try screen.type("!")
        try await screen.wait(forEnd: "> hello!")
        try screen.press("Home")
        try screen.type("o, ")
        try screen.press("DC")
        try screen.type("H")
        try screen.press("Enter")
        try await screen.wait(forEnd: "> o, Hello!", "typed: o, Hello!", ">")
        try screen.type("what two words")
        try screen.press("C-w")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: what two", ">")
      }
    }

    @Test("letters of all alphabets are edited, and bytes that are none are shown as such")
    func alphabets() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("größe 日本 😀x")
        try screen.press("Left", times: 2)
        try screen.press("BSpace", times: 2)
        try screen.press("Enter")
        try await screen.wait(forEnd: "> größe 日😀x", "typed: größe 日😀x", ">")
        try screen.press("-H c3 41")
        try await screen.wait(forEnd: "> \u{FFFD}A")
      }
    }

    @Test("what was typed before comes back, also in the next program, from a file that is its owner's alone")
    func history() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders state/warren/history")
        for line in ["first", "second", " a secret", "third"] {
          try screen.type(line)
          try screen.press("Enter")
          try await screen.wait(forEnd: "typed: \(line)", ">")
        }
        try screen.press("Up", times: 2)
        try await screen.wait(forEnd: "> second")
        try screen.press("Up Down")
        try screen.type(" again")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: second again", ">")
        try screen.press("C-d")
        try await screen.end(code: 0)
        let file = screen.folder + "/state/warren/history"
        #expect(Folder.text(of: file) == "first\nsecond\nthird\nsecond again\n")
        var info = stat()
        #expect(stat(file, &info) == 0 && info.st_mode & 0o777 == 0o600)
        try await screen.start("edit orders state/warren/history")
        try screen.press("Up", times: 4)
        try await screen.wait(forEnd: "> first")
        try screen.press("C-u Enter")
        try await screen.wait(forEnd: "typed:", ">")
        try screen.press("C-r")
        try screen.type("thi")
        try await screen.wait("what was looked for") { $0.suffix(2) == ["> third", "bck:thi"] }
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: third", ">")
      }
    }

    @Test("Tab completes a word, or as much as is certain, or shows what there is")
    func completion() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("se")
        try screen.press("Tab")
        try await screen.wait(forEnd: "send     serve    service", "> se")
        try screen.type("r")
        try screen.press("Tab")
        try await screen.wait(forEnd: "> serv")
        try screen.press("C-u")
        try screen.type("grö")
        try screen.press("Tab")
        try screen.type("x")
        try await screen.wait(forEnd: "> größer x")
        try screen.press("C-u")
        try screen.type("send ")
        // Another one has a name that could disturb the terminal.
        try screen.press("Tab Enter")
        try await screen.wait(forEnd: "typed: send bob", ">")
      }
    }

    @Test("the prompt changes while somebody types")
    func prompt() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("hello")
        try screen.order("prompt [Anna][UDP 192.0.2.1:5]\u{1B}[31m> ")
        try await screen.wait(forEnd: "[Anna][UDP 192.0.2.1:5]\u{FFFD}[31m> hello")
        try screen.type("!")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: hello!", "[Anna][UDP 192.0.2.1:5]\u{FFFD}[31m>")
      }
    }

    @Test("many lines at once, as from a clipboard, come one after the other")
    func pasting() async throws {
      try await Screen.with(columns: 80, rows: 30) { screen in
        let lines = (0..<100).map { "\($0) " + String(repeating: "abcdefgh ", count: 7) }
        try await screen.start("edit orders >typed")
        try screen.paste(lines.joined(separator: "\n") + "\n")
        try await screen.wait("the last of them") { $0.suffix(2) == ["> " + lines[99].dropLast(), ">"] }
        try screen.press("C-d")
        let shown = try await screen.end(code: 0)
        #expect(shown.suffix(20).dropLast() == lines.suffix(19).map { "> " + $0.dropLast() }[...])
        #expect(
          Folder.text(of: screen.folder + "/typed")
            == lines.reduce("") { $0 + "typed: \($1)\n" } + "ended\n")
      }
    }

    @Test("what is typed while nobody asks for a line is not shown twice, and not lost")
    func ahead() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("slow")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: slow")
        try screen.type("one")
        try screen.press("Enter")
        try screen.type("tw")
        try screen.order("say meanwhile")
        try await screen.wait(forEnd: "typed: slow", "meanwhile")
        try screen.order("go")
        try await screen.wait(forEnd: "meanwhile", "> one", "typed: one", "> tw")
        try screen.type("o")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: two", ">")
      }
    }
  }
}
