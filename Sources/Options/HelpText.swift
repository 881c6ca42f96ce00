/// What `--help` shows of a command.
struct HelpText {
  private let node: CommandNode
  private let width: Int

  init(_ node: CommandNode, width: Int) {
    self.node = node
    self.width = width
  }

  var text: String {
    if node.children.isEmpty { return Self.joined([usage] + about + details) }
    // What lists commands is to fit a screen, and does without empty lines where it must.
    let roomy = overview(separator: "\n\n")
    let lines = roomy.count { $0 == "\n" }
    return lines < OptionsLimits.height ? roomy : overview(separator: "\n")
  }

  private static func joined(_ parts: [String]) -> String { parts.joined(separator: "\n\n") + "\n" }

  private var usage: String {
    let beginning = "Usage: \(node.name) "
    return beginning
      + wrapped(Usage(node).brief, width: width, indent: beginning.count, firstColumn: beginning.count)
  }

  private var about: [String] {
    ([sentence(node.description.summary)] + paragraphs(node.description.discussion)).map {
      wrapped($0, width: width)
    }
  }

  // MARK: A command that does something

  private var details: [String] {
    let arguments = node.arguments.enumerated().map { place, argument in
      // Two of one kind have one list.
      let isNew = !node.arguments[..<place].contains { $0.kind.completion == argument.kind.completion }
      return (argument.name, argument.summary + (isNew ? choices(argument.kind) : ""))
    }
    let help = node.options.drop { $0.name != OptionDeclaration.help.name }
    let common = node.options[node.ownOptions...].dropLast(help.count)
    return [
      table("Arguments:", arguments), table("Options:", rows(node.options.prefix(node.ownOptions) + help)),
      table("Options of every command:", rows(common)), examples, exitCodes,
    ].compactMap { $0 }
  }

  private func rows(_ options: ArraySlice<OptionDeclaration>) -> [(label: String, text: String)] {
    options.map { (label(of: $0), description(of: $0)) }
  }

  private func label(of option: OptionDeclaration) -> String {
    let short = option.short.map { "-\($0), " } ?? "    "
    let long = option.use == .flag(isNegatable: true) ? "--[no-]\(option.name)" : option.label
    return short + long + (option.kind.map { " \($0.name)" } ?? "")
  }

  private func description(of option: OptionDeclaration) -> String {
    var text = option.summary + choices(option.kind)
    if option.isRequired { text += " (required)" }
    if option.use == .repeated { text += " (as often as you like)" }
    if option.use == .counted { text += " (more often for more)" }
    if let assumed = option.assumed { text += " (default: \(assumed))" }
    return text
  }

  private func choices(_ kind: ErasedValueKind?) -> String {
    guard let list = kind?.completion.list, !list.isEmpty else { return "" }
    return ": \(list)"
  }

  private func table(_ title: String, _ rows: [(label: String, text: String)]) -> String? {
    rows.isEmpty ? nil : title + "\n" + rows.map { row($0.label, $0.text) }.joined(separator: "\n")
  }

  private func row(_ label: String, _ text: String, column: Int = OptionsLimits.column) -> String {
    let label = "  " + label
    let fits = label.count + 2 <= column
    let beginning = fits ? label + String(repeating: " ", count: column - label.count) : label + "\n"
    return beginning + wrapped(text, width: width, indent: column, firstColumn: fits ? column : nil)
  }

  private var examples: String? {
    guard !node.description.examples.isEmpty else { return nil }
    return "Examples:\n"
      + node.description.examples.map { example in
        "  \(example.line)\n" + wrapped(example.effect, width: width, indent: 6)
      }.joined(separator: "\n")
  }

  private var exitCodes: String? {
    // Those that every command has are in the manual.
    guard !node.description.exitCodes.isEmpty else { return nil }
    let codes = node.exitCodes.map { row("\($0.number)", $0.meaning, column: 6) }
    return "Exit codes:\n" + codes.joined(separator: "\n")
  }

  // MARK: One that has others

  private func overview(separator: String) -> String {
    var groups: [CommandGroup] = []
    for child in node.children where !groups.contains(child.description.group) {
      groups.append(child.description.group)
    }
    let lists = groups.map { list($0) }
    let common = node.options.prefix { $0.name != OptionDeclaration.help.name }
    let end = wrapped(
      "'\(node.path[0]) help COMMAND' explains one"
        + (node.path.count == 1 ? "; '\(node.name) --version' says which this is." : "."), width: width)
    let tables = lists + [table("Options of every command:", rows(common))].compactMap { $0 } + [end]
    return Self.joined([usage] + about + [tables.joined(separator: separator)])
  }

  private func list(_ group: CommandGroup) -> String {
    let members = node.children.filter { $0.description.group == group }
    let title = wrapped(group.title + ":", width: width) + "\n"
    if group.isCompact {
      return title + wrapped(members.map(\.description.name).joined(separator: ", "), width: width, indent: 2)
    }
    // All lists have one.
    let listed = node.children.filter { !$0.description.group.isCompact }
    let column = 4 + (listed.map(\.description.name.count).max() ?? 0)
    return title
      + members.map { row($0.description.name, $0.description.summary, column: column) }.joined(
        separator: "\n")
  }
}
