import WarrenOptions

/// Prints what a shell reads to complete this command's words.
struct Completions: Command {
  private static let shell = Argument<Shell>("SHELL", .choice("SHELL"), "which shell it is for")

  static var description: CommandDescription {
    CommandDescription(
      "completions", "print what a shell needs to complete commands, options and values", group: .itself,
      arguments: [shell],
      examples: [
        Example(
          "warren completions bash > ~/.local/share/bash-completion/completions/warren",
          "have bash complete them in every new shell"),
        Example("source <(warren completions zsh)", "have this zsh complete them, behind compinit"),
        Example(
          "warren completions fish > ~/.config/fish/completions/warren.fish",
          "have fish complete them in every new shell"),
      ])
  }

  private let shell: Shell

  init(_ words: ParsedWords) { shell = words[Self.shell] }

  func run() { print(WarrenCommand.program.completions(for: shell), terminator: "") }
}
