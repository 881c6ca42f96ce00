import Testing

@testable import WarrenOptions

@Suite("Declarations")
struct DeclarationTests {
  /// A program of one command that a test declares.
  private struct Told: Command {
    @TaskLocal static var told = CommandDescription("told", "do as one is told")
    static var description: CommandDescription { told }
    init(_ words: ParsedWords) {}
    func run() {}
  }

  private func mistakes(_ change: (inout CommandDescription) -> Void) -> [String] {
    var description = CommandDescription("told", "do as one is told")
    change(&description)
    return Told.$told.withValue(description) { CommandNode(root: Told.self).mistakes }
  }

  @Test("that are right are taken")
  func right() {
    #expect(Burrow.program.mistakes.isEmpty)
    #expect(mistakes { _ in }.isEmpty)
  }

  @Test("that cannot be meant are refused")
  func wrong() {
    let one = Option.flag("one", short: "o", "the first")
    let all = Argument<[String]>.rest("ALL", .text, "everything")
    let wrong: [(inout CommandDescription) -> Void] = [
      { $0.name = "two words" }, { $0.name = "" }, { $0.name = "-x" }, { $0.summary = "it ends." },
      { $0.summary = "" }, { $0.summary = "a\nb" },
      { $0.options = [one, one] }, { $0.options = [one, Option.flag("other", short: "o", "the second")] },
      { $0.options = [Option.flag("help", "help")] },
      { $0.options = [Option.flag("here", short: "h", "here")] },
      { $0.options = [Option.flag("a b", "it has a space")] },
      { $0.options = [Option.flag("a", short: "é", "a letter")] },
      { $0.options = [Option.flag("x", "x", default: true), Option.flag("no-x", "no x")] },
      { $0.arguments = [all, Argument<[String]>.rest("MORE", .text, "more")] },
      { $0.arguments = [Argument("A", .text, "a"), Argument("A", .file, "a")] },
      { ($0.arguments, $0.passedOn) = ([all], "PROGRAM") },
      { $0.rules = [.atMostOne(of: [one])] },
      { $0.examples = [Example("tell it", "call something else")] },
      { $0.examples = [Example("told --wrong", "be wrong")] },
      { $0.examples = [Example("echo | told 'a", "be wrong")] },
    ]
    for (number, change) in wrong.enumerated() {
      #expect(mistakes(change).count == 1, "\(number): \(mistakes(change))")
    }
  }

  @Test("examples are read as a shell reads them")
  func examples() {
    let line = "a | told 'x y'\"z\"\\ w \"\" >told 2 && told;told -a=b <(told c)"
    #expect(Example(line, "").calls(of: "told") == [["x yz w", ""], ["2"], [], ["-a=b"], ["c"]])
  }
}
