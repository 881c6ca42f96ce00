import Testing

@testable import WarrenTerminal

@Suite("Lines at the bottom of a screen")
struct LinesBelowTests {
  @Test("new ones take the place of those that are there")
  func replacing() {
    var below = LinesBelow()
    #expect(below.replaced(by: ["one", "two"], width: 80, height: 24) == "one\ntwo\n")
    #expect(below.replaced(by: ["three"], width: 80, height: 24) == "\r\u{1B}[2A\u{1B}[Jthree\n")
    #expect(below.replaced(by: [], width: 80, height: 24) == "\r\u{1B}[1A\u{1B}[J")
    #expect(below.replaced(by: [], width: 80, height: 24) == "")
  }

  @Test("none is wider than the screen, nor are there more than it has rows; a narrower one has broken them")
  func sizes() {
    var below = LinesBelow()
    #expect(below.replaced(by: ["0123456789", "b", "c"], width: 8, height: 3) == "0123456\nb\n")
    #expect(below.replaced(by: [], width: 4, height: 9) == "\r\u{1B}[3A\u{1B}[J")
  }
}
