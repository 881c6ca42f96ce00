/// How a command is called, in words that stay together.
struct Usage {
  private let node: CommandNode

  init(_ node: CommandNode) { self.node = node }

  /// In short: `[OPTION]...` stands for all that need not be given.
  var brief: [String] {
    let required = node.options.filter(\.isRequired).map { "\($0.label) \($0.kind?.name ?? "")" }
    let builtIn = [OptionDeclaration.help.name, OptionDeclaration.version.name]
    let hasOptions = node.children.isEmpty || node.options.contains { !builtIn.contains($0.name) }
    return (hasOptions ? ["[OPTION]..."] : []) + required + places
  }

  /// The words that are told by their place.
  var places: [String] {
    if !node.children.isEmpty { return ["COMMAND", "[WORD]..."] }
    let together = node.rules.filter { $0.kind == .together }.map(\.labels)
    var words: [String] = []
    var told: Set<String> = []
    for argument in node.arguments where !told.contains(argument.name) {
      let group = together.first { $0.contains(argument.name) } ?? [argument.name]
      let isGroup =
        argument.use == .optional && group.allSatisfy { name in node.arguments.contains { $0.name == name } }
      words.append(isGroup ? "[\(group.joined(separator: " "))]" : Self.word(argument))
      told.formUnion(isGroup ? group : [argument.name])
    }
    if let name = node.description.passedOn { words += [name, "[WORD]..."] }
    return words
  }

  private static func word(_ argument: ArgumentDeclaration) -> String {
    switch argument.use {
    case .one: argument.name
    case .optional: "[\(argument.name)]"
    case .rest(let least): least == 0 ? "[\(argument.name)]..." : "\(argument.name)..."
    }
  }
}
