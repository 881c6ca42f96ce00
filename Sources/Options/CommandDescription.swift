/// What there is to know about a command before it runs.
public struct CommandDescription: Sendable {
  /// The word that calls it.
  public var name: String
  /// What it does, in some words that go on "this command is there to": without a capital letter and a full stop.
  public var summary: String
  /// What else there is to say: paragraphs with an empty line between them.
  public var discussion: String
  /// Under which heading its parent lists it.
  public var group: CommandGroup
  public var arguments: [any DeclaredArgument]
  /// What the words behind the arguments are called where they are another program's: it and its words.
  public var passedOn: String?
  /// Commands below this one take these as well.
  public var options: [any DeclaredOption]
  /// What goes together and what does not.
  public var rules: [OptionRule]
  public var examples: [Example]
  /// A command has these or arguments, never both.
  public var subcommands: [any Command.Type]
  /// With what it can end. Commands below this one can as well.
  public var exitCodes: [ExitCode]

  public init(
    _ name: String, _ summary: String, discussion: String = "", group: CommandGroup = .others,
    arguments: [any DeclaredArgument] = [], passedOn: String? = nil, options: [any DeclaredOption] = [],
    rules: [OptionRule] = [], examples: [Example] = [], subcommands: [any Command.Type] = [],
    exitCodes: [ExitCode] = []
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.group = group
    self.arguments = arguments
    self.passedOn = passedOn
    self.options = options
    self.rules = rules
    self.examples = examples
    self.subcommands = subcommands
    self.exitCodes = exitCodes
  }
}
