import Testing

@testable import WarrenTerminal

@Suite("Lines from a pipe")
struct LineSplitterTests {
  private func lines(_ pieces: [String]) -> [String] {
    var splitter = LineSplitter()
    var lines: [String] = []
    for piece in pieces {
      splitter.take(piece.utf8)
      while let line = splitter.next() { lines.append(line) }
    }
    if let rest = splitter.takeRest() { lines.append(rest) }
    return lines
  }

  @Test("they are the same however they come, and the last one needs no end")
  func pieces() {
    #expect(lines(["one\ntwo\n\nthree"]) == ["one", "two", "", "three"])
    #expect(lines(["o", "ne", "\ntwo", "\n", "\nth", "ree"]) == ["one", "two", "", "three"])
    #expect(lines(["one\n"]) == ["one"])
    #expect(lines([]) == [])
  }

  @Test("one that does not end comes in pieces")
  func long() {
    let long = String(repeating: "x", count: TerminalLimits.lineBytes + 5)
    #expect(lines([long + "\nshort\n"]).map(\.count) == [TerminalLimits.lineBytes, 5, 5])
  }
}
