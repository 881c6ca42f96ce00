import Glibc
import TestSupport
import Testing

@testable import WarrenTerminal

@Suite("A file of what was typed")
struct HistoryFileTests {
  @Test("lines come back in their order, from a file and folders that are their owner's alone")
  func keeping() async throws {
    try await Folder.with { folder in
      let file = HistoryFile("\(folder)/state/warren/history")
      #expect(try file.load() == [])
      for line in ["one", "größe", "in\nthree\nlines"] { try file.add(line) }
      #expect(try file.load() == ["one", "größe", "in three lines"])
      var info = stat()
      #expect(stat(file.path, &info) == 0 && info.st_mode & 0o777 == 0o600)
      #expect(stat("\(folder)/state", &info) == 0 && info.st_mode & 0o777 == 0o700)
    }
  }

  @Test("one that others could read is closed to them")
  func closing() async throws {
    try await Folder.with { folder in
      Folder.put("old\n", at: "\(folder)/history", mode: 0o644)
      try HistoryFile("\(folder)/history").add("new")
      var info = stat()
      #expect(stat("\(folder)/history", &info) == 0 && info.st_mode & 0o777 == 0o600)
      #expect(try HistoryFile("\(folder)/history").load() == ["old", "new"])
    }
  }

  @Test("one that has grown long becomes short, and keeps its end")
  func growing() async throws {
    try await Folder.with { folder in
      let all = (0..<(2 * TerminalLimits.historyLines + 1)).map { "line \($0)" }
      Folder.put(all.joined(separator: "\n") + "\n", at: "\(folder)/history")
      let last = Array(all.suffix(TerminalLimits.historyLines))
      let loaded = try HistoryFile("\(folder)/history").load()
      #expect(loaded == last)
      #expect(Folder.text(of: "\(folder)/history") == last.joined(separator: "\n") + "\n")
      #expect(Folder.names(in: folder) == ["history"])
    }
  }

  @Test("what is no file holds nobody up")
  func noFile() async throws {
    try await Folder.with { folder in
      #expect(mkfifo("\(folder)/history", 0o600) == 0)
      #expect(throws: HistoryError.self) { try HistoryFile("\(folder)/history").load() }
      #expect(throws: HistoryError.self) { try HistoryFile("\(folder)/history").add("x") }
      #expect(throws: HistoryError.self) { try HistoryFile("\(folder)/history/below").add("x") }
    }
  }
}
