import Testing
import Warren

@testable import WarrenScenarios

@Suite("Markup")
struct MarkupTests {
  @Test("what is put in between is text, within elements and attributes")
  func escapes() {
    let name = "<script>alert(\"it's\")</script> & more"
    let markup: Markup = "<b title=\"\(name)\">\(name)</b>"
    let page = Page("<!DOCTYPE html>" + markup.text)
    #expect(page.mistakes.isEmpty && page.elements == ["b"])
    #expect(page.text == name && page.values(of: "title") == [name])
    #expect(!markup.text.contains("<script") && !markup.text.contains("it's"))
  }

  @Test("what moves or hides what stands beside it does not")
  func disturbing() {
    let markup: Markup = "<i>\("a\u{202E}b\u{0}c\u{1B}d\u{FFFF}e")</i>"
    #expect(markup.text == "<i>a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e</i>")
  }

  @Test("numbers and pieces are put in as they are, lengths to a tenth")
  func pieces() {
    let piece: Markup = "<br/>"
    let markup: Markup = "\(piece)\([piece, piece])\(12) \(12.0) \(0.25) \(-0.04) \(-1.26)"
    #expect(markup.text == "<br/><br/><br/>12 12 0.3 0 -1.3")
  }

  @Test(
    "times are read as one says them",
    arguments: [
      (Duration.zero, "0 ms"), (.microseconds(430), "0.4 ms"), (.microseconds(12_500), "12.5 ms"),
      (.milliseconds(125), "125 ms"),
      (.microseconds(999_600), "1 s"), (.milliseconds(1250), "1.25 s"), (.milliseconds(9996), "10 s"),
      (.seconds(30), "30 s"),
      (.seconds(125), "2 min 5 s"), (.seconds(3600), "1 h"), (.seconds(12_000), "3 h 20 min"),
      (.seconds(180_000), "2 days 2 h"), (.milliseconds(-20), "-20 ms"),
    ])
  func times(time: Duration, text: String) { #expect(time.reading == text) }

  @Test("numbers are parted at their thousands")
  func numbers() {
    #expect(
      [7, 999, 12_345, -1_000_000].map(\.reading) == [
        "7", "999", "12\u{202F}345", "-1\u{202F}000\u{202F}000",
      ])
  }

  @Test("text is cut where it does not fit, and says so")
  func fitting() {
    let name = "a machine with a name that goes on"
    let whole = Lettering.width(of: name, size: 12)
    #expect(Lettering.fitting(name, in: whole, size: 12) == name)
    let cut = Lettering.fitting(name, in: whole / 2, size: 12)
    #expect(cut.hasSuffix("…") && name.hasPrefix(cut.dropLast()) && cut.count > 5)
    #expect(Lettering.width(of: cut, size: 12) <= whole / 2)
    #expect(Lettering.width(of: "兎兎", size: 10) > Lettering.width(of: "il", size: 10))
  }
}
