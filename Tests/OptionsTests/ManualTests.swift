import Testing

@testable import WarrenOptions

@Suite("The manual")
struct ManualTests {
  static let obstacle = ForeignShell.obstacle("mandoc")

  /// All that mdoc could take for something else.
  private struct Odd: Command {
    static let word = Argument<[String]>.rest("No", .text, "a macro's name, a ~ and a ^")
    static let path = Option(
      "path", short: "P", .text.named("An"), ".Sh is `here'; 'there'", default: "\\fB.\\")

    static var description: CommandDescription {
      CommandDescription(
        "odd", "Nm is no macro here, \"quoted\" \\(aq",
        discussion: ".Dd begins this. It ends? Yes!\n\n'Tis -- so (or not). "
          + String(repeating: "long ", count: 40),
        arguments: [word], options: [path],
        examples: [Example("odd \"a  b\" 'Fl' -- . , \\\\x", "be odd. Or not")],
        exitCodes: [.usage])
    }
    init(_ words: ParsedWords) {}
    func run() {}
  }

  @Test(
    "has nothing that mandoc's linter warns of",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func lint() async throws {
    for program in [Burrow.program, Program(Odd.self, version: "1")] {
      let page = program.manual(date: "November 22, 2026")
      let result = try await ForeignShell.run("mandoc -T lint -W warning page.1", with: [("page.1", page)])
      #expect(result.all == "" && result.code == 0, "\(page)")
    }
  }

  @Test("shows words as they are written", .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func words() async throws {
    let page = Program(Odd.self, version: "1").manual(date: "November 22, 2026")
    let text = try await ForeignShell.run(
      "mandoc -T ascii page.1 | sed 's/.\\x08//g'", with: [("page.1", page)]
    ).out
    for line in [
      "     odd - Nm is no macro here, \"quoted\" \\(aq", "     odd [-P | --path An] [No ...]",
      "     .Dd begins this.  It ends?  Yes!", "     'Tis -- so (or not).",
      "     No      A macro's name, a ~ and a ^.",
      "     -P, --path An", ".Sh is `here'; 'there'.  The default is \\fB.\\.",
      "           odd \"a  b\" 'Fl' -- . , \\\\x",
      "     Be odd.  Or not.", "     64      The words on the command line are wrong.",
    ] {
      #expect(text.contains(line), "\(line) is not in \(text)")
    }
  }

  @Test("has each command with its words")
  func commands() {
    let page = Burrow.program.manual(date: "November 22, 2026")
    for line in [
      ".Dd November 22, 2026", ".Dt BURROW 1", ".Nd \\&dig tunnels between gardens", ".Ss burrow \\&dig",
      ".Op Fl p | Fl \\-port Ar PORT",
      ".Op Fl a | Fl \\-also Ar NAME ...", ".Ar GARDEN", ".Op Ar HEDGE", ".Ar FILE ...",
      ".It Fl b , Fl \\-by Ar \\&N", ".Op Ar FROM \\&TO",
      ".It Fl v , Fl \\-verbose", ".It Fl \\-colour , Fl \\-no\\-colour", "burrow dig rose", ".It 3",
      "There is a stone.",
    ] {
      #expect(page.contains(line), "\(line) is not in \(page)")
    }
  }
}
