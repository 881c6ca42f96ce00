/// A command where it stands: with its names from the program's on, and what those above it have declared.
struct CommandNode: Sendable {
  /// `["warren", "mesh"]`.
  let path: [String]
  let type: any Command.Type
  let description: CommandDescription
  let arguments: [ArgumentDeclaration]
  /// Its own, and after them those of the commands above it, and those that every command has.
  let options: [OptionDeclaration]
  /// How many of these are its own.
  let ownOptions: Int
  let rules: [OptionRule]
  let exitCodes: [ExitCode]
  let children: [CommandNode]

  /// The whole tree of a program's commands.
  init(root: any Command.Type) { self.init(root, path: [], options: [], rules: [], exitCodes: []) }

  private init(
    _ type: any Command.Type, path: [String], options: [OptionDeclaration], rules: [OptionRule],
    exitCodes: [ExitCode]
  ) {
    let description = type.description
    let names = path + [description.name]
    let own = description.options.map(\.declaration)
    let builtIn = [OptionDeclaration.help] + (path.isEmpty ? [.version] : [])
    let allRules = description.rules + rules
    let codes = exitCodes + description.exitCodes
    self.type = type
    self.description = description
    self.path = names
    arguments = description.arguments.map(\.declaration)
    self.options = own + options + builtIn
    ownOptions = own.count
    self.rules = allRules
    self.exitCodes = codes
    children = description.subcommands.map { child in
      CommandNode(child, path: names, options: own + options, rules: allRules, exitCodes: codes)
    }
  }

  /// `warren mesh`.
  var name: String { path.joined(separator: " ") }

  /// This one and all below it, from above.
  var all: [CommandNode] { [self] + children.flatMap(\.all) }

  func child(_ name: String) -> CommandNode? { children.first { $0.description.name == name } }

  /// The option that is spelled so, and whether it is said not to be.
  func option(_ spelling: String) -> (declaration: OptionDeclaration, isNegated: Bool)? {
    for option in options {
      if option.label == spelling { return (option, false) }
      if option.use == .flag(isNegatable: true), spelling == "--no-\(option.name)" { return (option, true) }
    }
    return nil
  }

  func option(short letter: Character) -> OptionDeclaration? { options.first { $0.short == letter } }
}
