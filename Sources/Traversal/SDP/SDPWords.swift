/// The words of a line, which stand between spaces.
struct SDPWords {
  private var rest: Substring.UTF8View

  init(_ line: Substring.UTF8View) { rest = line }

  /// The next word.
  mutating func next() -> Substring.UTF8View? {
    let start = rest.drop { $0 == UInt8(ascii: " ") }
    guard !start.isEmpty else { return nil }
    let word = start.prefix { $0 != UInt8(ascii: " ") }
    rest = start[word.endIndex...]
    return word
  }

  /// A number of decimal digits, no larger than `limit`.
  static func number(_ word: Substring.UTF8View, upTo limit: Int) -> Int? {
    guard !word.isEmpty, word.count <= 10 else { return nil }
    var number = 0
    for digit in word {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return number <= limit ? number : nil
  }

  /// Whether a word is this one, in whatever case.
  static func isWord(_ word: Substring.UTF8View, _ name: String) -> Bool {
    word.count == name.utf8.count && zip(word, name.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
  }

  /// Whether there are only characters that names, passwords and foundations may have (RFC 8839, 5.1).
  static func areICECharacters(_ word: Substring.UTF8View) -> Bool {
    !word.isEmpty
      && word.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
          true
        default: false
        }
      }
  }
}
