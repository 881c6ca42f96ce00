import TestSupport
import Testing

extension ScreenTests {
  /// The program without a terminal.
  @Suite("Programs in a pipe")
  struct PipeTests {
    private let program = Folder.repository + "/.build/debug/TerminalProgram"

    @Test("lines of a pipe come as they are, without a prompt")
    func lines() throws {
      #expect(
        try Screen.shell(#"printf 'one\n\ntwo  \nlast' | \#(program) lines"#)
          == "typed: one\ntyped: \ntyped: two  \ntyped: last\nended\n")
      #expect(try Screen.shell("\(program) lines </dev/null") == "ended\n")
    }

    @Test("who takes no more ends the program as the system does, and nothing is said of it")
    func brokenPipe() throws {
      let all = try Screen.shell(
        "{ { \(program) results 100000; echo code $? >&3; } 2>&3 | head -n 1; } 3>&1")
      #expect(all.split(separator: "\n").sorted() == ["code 141", "line 0"])
    }

    @Test("results that cannot be written are no success")
    func fullDisk() throws {
      let all = try Screen.shell("{ \(program) results 10 >/dev/full; echo code $?; } 2>&1")
      #expect(all == "results cannot be written: No space left on device\ncode 74\n")
    }

    @Test("a log in a pipe is text with the day, or JSON")
    func logs() throws {
      #expect(
        try Screen.shell("\(program) log text 2>&1")
          == "2023-11-14T22:13:20.000Z error    it \u{FFFD}[2Jfails peer=\"two words\" port=7\n")
      #expect(
        try Screen.shell("\(program) log json 2>&1")
          == #"{"time":"2023-11-14T22:13:20.000Z","level":"error","message":"it \u001b[2Jfails","#
          + #""fields":{"peer":"two words","port":7}}"# + "\n")
    }
  }
}
