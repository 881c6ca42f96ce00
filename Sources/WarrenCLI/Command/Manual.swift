import WarrenOptions

/// Prints the manual page.
struct Manual: Command {
  static var description: CommandDescription {
    CommandDescription(
      "man", "print the manual page, in mdoc", group: .itself,
      examples: [
        Example("warren man | man -l -", "read it"),
        Example("warren man > /usr/local/share/man/man1/warren.1", "have man find it, as root"),
      ])
  }

  init(_ words: ParsedWords) {}

  func run() { print(WarrenCommand.program.manual(date: WarrenCommand.date), terminator: "") }
}
