import Testing

@testable import WarrenTerminal

@Suite("Where libedit puts the cursor")
struct CursorPlaceTests {
  private func place(
    _ text: String, before next: Unicode.Scalar? = nil, width: Int
  ) -> [Int] {
    let place = CursorPlace(after: text.unicodeScalars, before: next, width: width)
    return [place.row, place.column]
  }

  @Test("a row that is full is followed by another")
  func rows() {
    #expect(place("", width: 10) == [0, 0])
    #expect(place("123456789", width: 10) == [0, 9])
    #expect(place("1234567890", width: 10) == [1, 0])
    #expect(place("12345678901", width: 10) == [1, 1])
  }

  @Test("what takes two columns is not torn, also where the cursor stands on it")
  func wide() {
    #expect(place("12345678日", width: 10) == [1, 0])
    #expect(place("123456789日", width: 10) == [1, 2])
    #expect(place("123456789", before: "日", width: 10) == [1, 0])
    #expect(place("12345678", before: "日", width: 10) == [0, 8])
  }

  @Test("accents take no room, tabs up to the next stop, and what is not to be seen as much as its name")
  func special() {
    #expect(place("e\u{301}x", width: 10) == [0, 2])
    #expect(place("a\tb", width: 20) == [0, 9])
    #expect(place("a\u{1}b", width: 20) == [0, 4])
    #expect(place("a\nb", width: 20) == [1, 1])
  }
}
