import Testing
import WarrenMachine

@testable import WarrenTerminal

@Suite("Text for a person")
struct StyledTextTests {
  @Test("what is put in is made harmless, and what the program says is not touched")
  func harmless() {
    let name = "bob\n\u{1B}[31m\u{202E}"
    let text: StyledText = "two\nlines of \(name)"
    #expect(text.rendered(inColour: false) == "two\nlines of bob\u{FFFD}\u{FFFD}[31m\u{FFFD}")
    #expect(StyledText(name).rendered(inColour: true) == "bob\u{FFFD}\u{FFFD}[31m\u{FFFD}")
  }

  @Test("there are colours only where somebody sees them")
  func colours() {
    let text = "it is \("good", .good), \("bad", .bad)" as StyledText + StyledText("!", .strong)
    #expect(text.rendered(inColour: false) == "it is good, bad!")
    #expect(
      text.rendered(inColour: true)
        == "it is \u{1B}[32mgood\u{1B}[0m, \u{1B}[31mbad\u{1B}[0m\u{1B}[1m!\u{1B}[0m")
  }

  @Test("JSON has no character that could disturb, and says the same")
  func json() {
    let value: JSONValue = [
      "a": .text("\u{7F}\u{9B}31m\u{1F600}\u{E0001}"),
      "b": .list([.real(1.5), .real(.infinity), .flag(true), .nothing]),
    ]
    #expect(
      value.harmlessText == #"{"a":"\u007f\u009b31m😀\udb40\udc01","b":[1.5,null,true,null]}"#)
  }

  @Test("a text that is too wide loses its middle, and words stand in columns")
  func widths() {
    #expect("abcdefghij".shortened(to: 7) == "abc…hij" || "abcdefghij".shortened(to: 7) == "abcd…ij")
    #expect("日本日本日本".shortened(to: 7).columns <= 7 && "abc".shortened(to: 3) == "abc")
    #expect("e\u{301}".columns == 1 && "日".columns == 2 && "\u{1B}".columns == 0)
    #expect(arranged(["a", "bb", "c", "d", "e"], width: 12) == ["a   c   e", "bb  d"])
    #expect(arranged([], width: 12) == [] && arranged(["much too wide"], width: 3) == ["much too wide"])
  }
}
