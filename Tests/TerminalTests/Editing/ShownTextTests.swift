import TestSupport
import Testing

extension ScreenTests {
  /// What is shown to somebody who is typing.
  @Suite("Text that comes while somebody types")
  struct ShownTextTests {
    @Test("it stands above the line, which is as it was")
    func above() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("half a l")
        try await screen.wait(forEnd: "> half a l")
        try screen.order("say news\u{1B}[2J")
        try await screen.wait(forEnd: "news\u{FFFD}[2J", "> half a l")
        try screen.order("result an answer")
        try await screen.wait(forEnd: "news\u{FFFD}[2J", "an answer", "> half a l")
        try screen.order("warn look out")
        try await screen.wait("a log") { seen in
          seen.last == "> half a l" && seen.dropLast().last!.hasSuffix(" warning  look out from=\"a test\"")
        }
        try screen.type("ine")
        try screen.press("Enter")
        try await screen.wait(forEnd: "typed: half a line", ">")
      }
    }

    @Test(
      "a line of several rows is drawn anew, with the cursor where it was",
      arguments: [0, 3, 20, 39, 40, 41, 79])
    func rows(back: Int) async throws {
      try await Screen.with(columns: 40, rows: 16) { screen in
        try await screen.start("edit orders")
        let text = "0123456789 日本日本 " + String(repeating: "abcdefghi ", count: 6) + "日本日本"
        try screen.type(text)
        try await screen.wait("the line") { $0.last!.hasSuffix("日本日本") }
        try screen.press("Left", times: max(1, back))
        if back == 0 { try screen.press("End") }
        try screen.type("!")
        let drawn = try await screen.wait("the cursor to be behind a mark") {
          try $0.joined().contains("!") && screen.cursor() == behindMark($0)
        }
        try screen.order("say news")
        try await screen.wait("the same below the news") {
          try $0 == ["news"] + drawn && screen.cursor() == behindMark($0)
        }
        try screen.press("Enter")
        let marked = Array(text)
        let split = max(0, marked.count - back)
        let line = back == 0 ? text + "!" : String(marked[..<split]) + "!" + String(marked[split...])
        try await screen.wait("the line") {
          $0.joined().replacing(" ", with: "").contains("typed:\(line)".replacing(" ", with: ""))
        }
      }
    }

    /// Where the cursor is to be on a screen of 40 columns: behind a mark that stands on it, as `column,row`.
    private func behindMark(_ lines: [String]) -> String {
      let row = lines.firstIndex { $0.contains("!") }!
      let before = lines[row].prefix { $0 != "!" }
      // Where nothing else stands in the row, and something below, the next character had no room.
      let isLast = lines[row].hasSuffix("!") && row + 1 < lines.count
      let column = before.unicodeScalars.reduce(1) { $0 + ($1.value < 0x1000 ? 1 : 2) }
      return isLast || column == 40 ? "0,\(row + 1)" : "\(column),\(row)"
    }

    @Test("a thousand lines at once leave the line as it was, at the bottom of a screen that is full")
    func many() async throws {
      try await Screen.with(columns: 30, rows: 8) { screen in
        try await screen.start("edit orders")
        // What is wiped away from the first row of all, tmux keeps above it.
        try screen.order("say first")
        try await screen.wait(forEnd: "first", ">")
        try screen.type("a line of more than thirty columns")
        try await screen.wait(forEnd: "> a line of more than thirty c", "olumns")
        try screen.order("many 900")
        try await screen.wait(
          forEnd: "number 897", "number 898", "number 899", "> a line of more than thirty c", "olumns")
        try screen.type("!")
        try await screen.wait(forEnd: "number 899", "> a line of more than thirty c", "olumns!")
        #expect(try screen.history().filter { $0.hasPrefix("> a") }.count == 1)
      }
    }

    @Test("no result is left out, however many there are")
    func results() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.order("many 20000")
        try await screen.wait(forEnd: "number 19998", "number 19999", ">")
        #expect(try screen.history().filter { $0.hasPrefix("number ") } == (0..<20000).map { "number \($0)" })
      }
    }

    @Test("on a terminal that stands still talk is left out in the end, and that is said")
    func stillness() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders >results")
        try screen.type("half")
        try await screen.wait(forEnd: "> half")
        try screen.press("C-s")
        try screen.type("?")
        try screen.order("say first")
        try screen.order("talk 3000")
        try screen.order("result taken")
        try await screen.wait("the orders to be taken") { _ in
          Folder.text(of: screen.folder + "/results") == "taken\n"
        }
        #expect(try screen.lines().last == "> half")
        try screen.press("C-q")
        try await screen.wait("how many were left out") { seen in
          seen.last == "> half?" && seen.dropLast().last?.hasSuffix(" lines were not shown)") == true
        }
      }
    }

    @Test("a line goes on when the window changes its size")
    func resizing() async throws {
      try await Screen.with(columns: 60, rows: 16) { screen in
        try await screen.start("edit orders")
        try screen.type("some words that are wider than the window will be soon")
        try await screen.wait(forEnd: "> some words that are wider than the window will be soon")
        try screen.resize(columns: 40, rows: 16)
        try await screen.wait(forEnd: "> some words that are wider than the win", "dow will be soon")
        try screen.order("say news")
        let below = ["> some words that are wider than the win", "dow will be soon"]
        try await screen.wait("nothing to be left of what was drawn before") { $0 == ["news"] + below }
        try screen.press("Enter")
        try await screen.wait(
          forEnd: "typed: some words that are wider than th", "e window will be soon", ">")
      }
    }

    @Test("what is looked for in the history goes on being looked for")
    func searching() async throws {
      try await Screen.with { screen in
        try await screen.start("edit orders")
        try screen.type("a needle")
        try screen.press("Enter C-r")
        try screen.type("nee")
        try await screen.wait("the search") { $0.last == "bck:nee" }
        try screen.order("say news")
        try await screen.wait(forEnd: "news", "> a needle", "bck:nee")
      }
    }
  }
}
