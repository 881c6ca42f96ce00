import Glibc
import TestSupport
import Testing

extension ScreenTests {
  /// However a program ends that edits lines, the terminal is as it was. `Screen.end` looks.
  @Suite("Programs that end while somebody types")
  struct EndingTests {
    @Test("Ctrl-D ends the lines where there is nothing on the line, and else takes a letter away")
    func endOfInput() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("ab")
        try screen.press("Home C-d")
        try await screen.wait(forEnd: "> b")
        try screen.press("C-d C-d")
        #expect(try await screen.end(code: 0).last == "ended")
      }
    }

    @Test("Ctrl-C and requests to end, the lines", arguments: ["C-c", "TERM", "INT", "HUP"])
    func request(_ way: String) async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("half a line")
        try await screen.wait(forEnd: "> half a line")
        if way == "C-c" { try screen.press(way) } else { try send(way, in: screen) }
        #expect(try await screen.end(code: 0).suffix(2) == ["> half a line", "ended"])
      }
    }

    @Test("a second request ends a program that does not end", arguments: [("HUP", 129), ("TERM", 143)])
    func secondRequest(_ name: String, code: Int) async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders stuck")
        try send(name, in: screen)
        try await screen.wait("the lines to end") { $0.last == "ended" }
        try send(name, in: screen)
        try await screen.end(code: code)
      }
    }

    @Test("a second request ends a program that nobody asks for a line meanwhile")
    func busy() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("slow")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: slow")
        let modes = try screen.modes()
        try screen.press("C-c")
        // Two at once would be one.
        try await screen.wait("the lines to end") { _ in try screen.modes() != modes }
        try screen.press("C-c")
        // The shell takes it for its own as well, and leaves the rest of its line out.
        try await screen.wait("the shell") { $0.last == "$" }
        try screen.run("stty -a > after; echo code 130; echo over")
        try await screen.end(code: 130)
      }
    }

    @Test(
      "a broken program, one that somebody kills, and one that leaves",
      arguments: ["crash", "SEGV", "QUIT", "exit"])
    func crash(_ way: String) async throws {
      try await Screen.with(columns: 100, rows: 50) { screen in
        try await screen.start("edit orders")
        try screen.type("half a line")
        try await screen.wait(forEnd: "> half a line")
        let code: Int
        switch way {
        case "exit":
          try screen.order("exit")
          code = 3
        case "crash":
          try screen.order("crash on purpose")
          code = 128 + Int(brokenBySwift)
        default:
          try send(way, in: screen)
          code = 128 + Int(way == "SEGV" ? SIGSEGV : SIGQUIT)
        }
        #expect(try await screen.end(code: code).contains { $0.hasPrefix("> half a line") })
      }
    }

    @Test("Ctrl-Z leaves the terminal to the shell, and the line is there again after fg")
    func stopping() async throws {
      try await Screen.with { screen in
        try screen.run("stty -a > before")
        try await screen.start("edit orders")
        try screen.type("half a l")
        try await screen.wait(forEnd: "> half a l")
        try screen.press("C-z")
        try await screen.wait("the shell") { $0.last == "$" }
        try screen.run("stty -a > meanwhile; echo looked")
        try await screen.wait(forEnd: "looked", "$")
        #expect(Folder.text(of: screen.folder + "/meanwhile") == Folder.text(of: screen.folder + "/before"))
        try screen.run("fg")
        try await screen.wait("the line") { $0.last == "> half a l" }
        try screen.type("ine")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: half a line", ">")
        try screen.press("C-d")
        try await screen.wait(forEnd: "ended", "$")
        try screen.run("stty -a > after; echo looked again")
        try await screen.wait(forEnd: "looked again", "$")
        #expect(Folder.text(of: screen.folder + "/after") == Folder.text(of: screen.folder + "/before"))
      }
    }

    /// What a Swift program ends by that cannot go on.
    private var brokenBySwift: CInt {
      #if arch(x86_64)
        SIGILL
      #else
        SIGTRAP
      #endif
    }

    /// Sends the program a signal, from elsewhere.
    private func send(_ name: String, in screen: Screen) throws {
      let pid = try #require(Folder.text(of: screen.folder + "/pid")?.split(separator: "\n").first)
      _ = try Screen.shell("kill -\(name) \(pid)")
    }
  }
}
