import TestSupport
import Testing

@testable import Warren

@Suite("Names of files that others send")
struct SafeNameTests {
  /// What somebody sends, and what it is called here.
  private static let spellings: [(String, String)] = [
    // Plain ones stay.
    ("a", "a"), ("a.txt", "a.txt"), ("a b.txt", "a b.txt"), (".profile", ".profile"), ("a..b", "a..b"),
    ("...", "..."),
    ("a.tar.gz", "a.tar.gz"), ("-rf", "-rf"), ("~", "~"), ("$HOME", "$HOME"), ("`id`", "`id`"),
    ("a;b", "a;b"),
    ("*", "*"), ("?", "?"), ("a:b", "a:b"), ("C:", "C:"), ("CON", "CON"), ("a|b", "a|b"), ("<a>", "<a>"),
    ("\"a\"", "\"a\""),
    ("%2e%2e%2f", "%2e%2e%2f"), ("%00", "%00"), ("&amp;", "&amp;"), ("a#b", "a#b"), ("@", "@"), ("'", "'"),
    // Ways to elsewhere.
    ("", "unnamed"), (".", "_"), ("..", "__"), ("/", "_"), ("//", "__"), ("/etc/passwd", "_etc_passwd"),
    ("../../etc/passwd", ".._.._etc_passwd"), ("..\\..\\boot.ini", ".._.._boot.ini"), ("a/", "a_"),
    ("./a", "._a"),
    ("a/../b", "a_.._b"), ("C:\\Windows", "C:_Windows"), ("\\\\host\\share", "__host_share"), ("\\", "_"),
    ("/.", "_."), ("/..", "_.."), ("../", ".._"), ("..//..", "..__.."), ("~/../root", "~_.._root"),
    // What a terminal or a program would stumble over.
    ("a\0", "a_"), ("\0", "_"), ("a\0.txt", "a_.txt"), ("../\0", "..__"), ("a\nb", "a_b"), ("a\r\nb", "a__b"),
    ("a\tb", "a_b"),
    ("\u{1B}[2J", "_[2J"), ("a\u{7F}", "a_"), ("a\u{85}b", "a_b"), ("\u{9B}31m", "_31m"), ("a\u{0B}", "a_"),
    ("a\u{0C}b", "a_b"),
    ("\u{1}\u{2}\u{1F}", "___"), ("a\u{2028}b", "a_b"), ("a\u{2029}b", "a_b"), ("\u{FEFF}a", "_a"),
    ("a\u{AD}b", "a_b"),
    ("a\u{2060}b", "a_b"), ("a\u{200B}b", "a_b"), ("\u{FFF9}a", "_a"), ("a\u{180E}", "a_"),
    // What turns the direction of writing: `exe.fdp` would look like `pdf.exe`.
    ("a\u{202E}fdp.exe", "a_fdp.exe"), ("\u{202A}a", "_a"), ("\u{202B}a", "_a"), ("\u{202C}a", "_a"),
    ("\u{202D}a", "_a"),
    ("\u{2066}a", "_a"), ("\u{2067}a", "_a"), ("\u{2068}a", "_a"), ("\u{2069}a", "_a"), ("\u{200E}a", "_a"),
    ("\u{200F}a", "_a"), ("\u{61C}a", "_a"),
    // Space at the ends.
    (" a", "a"), ("a ", "a"), (" ", "unnamed"), ("   ", "unnamed"), (" . ", "_"), (" .. ", "__"),
    ("\u{A0}", "unnamed"),
    ("\u{3000}a\u{3000}", "a"), ("a \n", "a _"), (" / ", "_"),
    // Our own.
    ("a.part", "a.part_"), ("a.PART", "a.PART_"), (".part", ".part_"), ("a.part.part", "a.part.part_"),
    ("part", "part"),
    ("a.partly", "a.partly"), ("a.part ", "a.part_"), (".warren-00", "_.warren-00"),
    (".warren-", "_.warren-"),
    (".warren", ".warren"), (".Warren-1", "_.Warren-1"), (" .warren-1", "_.warren-1"),
    ("a.part\0", "a.part_"),
    // All scripts, and what joins their letters.
    ("Grüße.txt", "Grüße.txt"), ("日本語.txt", "日本語.txt"), ("עברית", "עברית"), ("العربية", "العربية"),
    ("می\u{200C}خواهم", "می\u{200C}خواهم"),
    ("ශ්\u{200D}රී", "ශ්\u{200D}රී"), ("👨‍👩‍👧.jpg", "👨‍👩‍👧.jpg"), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"), ("e\u{301}", "e\u{301}"), ("ﬁ", "ﬁ"),
    ("𝕏", "𝕏"),
    ("\u{E000}", "\u{E000}"), ("\u{FFFD}", "\u{FFFD}"),
  ]

  @Test("a name is made one name, and stays what it was as far as it can")
  func spellings() {
    #expect(Self.spellings.count >= 100)
    for (sent, expected) in Self.spellings {
      let made = SafeName.made(of: sent)
      #expect(
        Array(made.utf8) == Array(expected.utf8), "\(sent.debugDescription) is made \(made.debugDescription)")
    }
  }

  @Test("a name that is made safe is safe, whatever was sent, and making it so again changes nothing")
  func anything() {
    var random = SeededRandom(1)
    let pieces =
      Self.spellings.map(\.0) + [
        "/", "..", "\0", ".part", "\u{202E}", "é", "👨‍👩‍👧", " ", String(repeating: "x", count: 100),
      ]
    for _ in 0..<3000 {
      let count = Int.random(in: 0...8, using: &random)
      let sent = (0..<count).map { _ in pieces.randomElement(using: &random)! }.joined()
      let made = SafeName.made(of: sent)
      #expect(isSafe(made), "\(sent.debugDescription) is made \(made.debugDescription)")
      #expect(SafeName.made(of: made) == made)
      for number in [1, 17, 9999] {
        let numbered = SafeName.numbered(made, number, isFolder: number == 17)
        #expect(isSafe(numbered) && numbered.contains(" (\(number))"))
      }
    }
  }

  private func isSafe(_ name: String) -> Bool {
    let scalars = name.unicodeScalars
    return !name.isEmpty && name != "." && name != ".." && name.utf8.count <= FileLimits.nameBytes
      && !scalars.contains { $0 == "/" || $0 == "\\" || $0.value < 32 || (127..<160).contains($0.value) }
      && !scalars.contains { (0x202A...0x202E).contains($0.value) || (0x2066...0x2069).contains($0.value) }
      && !name.lowercased().hasSuffix(".part") && !name.lowercased().hasPrefix(".warren-")
      && (name + SafeName.part).utf8.count <= MachineLimits.nameBytes
  }

  @Test("a long name is cut between characters, and keeps its extension")
  func long() {
    let cases: [(String, String)] = [
      (String(repeating: "a", count: 300) + ".txt", String(repeating: "a", count: 246) + ".txt"),
      (String(repeating: "ü", count: 300) + ".txt", String(repeating: "ü", count: 123) + ".txt"),
      (String(repeating: "👨‍👩‍👧", count: 30) + ".jpeg", String(repeating: "👨‍👩‍👧", count: 13) + ".jpeg"),
      (String(repeating: "a", count: 300), String(repeating: "a", count: 250)),
      ("a." + String(repeating: "b", count: 300), "a." + String(repeating: "b", count: 248)),
      ("." + String(repeating: "b", count: 300), "." + String(repeating: "b", count: 249)),
      (String(repeating: "a", count: 300) + ". b c", String(repeating: "a", count: 250)),
      ("e" + String(repeating: "\u{301}", count: 300), "e" + String(repeating: "\u{301}", count: 124)),
    ]
    for (sent, expected) in cases {
      let made = SafeName.made(of: sent)
      #expect(made == expected, "\(made.utf8.count) bytes: \(made)")
      #expect(isSafe(made))
    }
    let longest = String(repeating: "a", count: 246) + ".txt"
    #expect(
      SafeName.numbered(longest, 12, isFolder: false) == String(repeating: "a", count: 241) + " (12).txt")
    #expect(SafeName.numbered("a.b", 1, isFolder: true) == "a.b (1)")
    #expect(SafeName.numbered("a.b", 1, isFolder: false) == "a (1).b")
    #expect(SafeName.numbered(".b", 1, isFolder: false) == ".b (1)")
  }

  @Test("names that have become equal are told apart, each in its folder")
  func clashes() throws {
    func file(_ name: String, _ parent: Int) -> FileManifest.Entry {
      FileManifest.Entry(name: name, parent: parent, kind: .file(size: 0, isExecutable: false))
    }
    let manifest = try FileManifest([
      FileManifest.Entry(name: "..", kind: .folder), file("a/b", 0), file("a_b", 0), file("a\0b", 0),
      FileManifest.Entry(name: "a\nb", parent: 0, kind: .folder), file("a_b", 4), file("x.part", 4),
      file("x.part_", 4),
      file("e\u{301}", 4), file("é", 4), file("A", 4), file("a", 4),
    ])
    #expect(
      SafeName.names(of: manifest) == [
        "__", "a_b", "a_b (1)", "a_b (2)", "a_b (3)", "a_b", "x.part_", "x (1).part_", "e\u{301}", "é (1)",
        "A", "a",
      ])
  }
}
