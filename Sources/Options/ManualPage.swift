/// The manual page of a program, in mdoc (mdoc(7)).
struct ManualPage {
  private let program: Program
  private let date: String
  private var root: CommandNode { program.root }

  init(_ program: Program, date: String) {
    self.program = program
    self.date = date
  }

  var text: String { lines.joined(separator: "\n") + "\n" }

  private var lines: [String] {
    let name = root.description.name
    let commands = root.all.dropFirst().filter { $0.children.isEmpty || $0.ownOptions > 0 }
    let head = [
      ".Dd \(date)", ".Dt \(name.uppercased()) 1", ".Os", ".Sh NAME", ".Nm \(name)",
      ".Nd \(Self.inMacro(root.description.summary))", ".Sh SYNOPSIS",
    ]
    let calls = [
      ".Nm", ".Ar COMMAND", ".Op Ar OPTION ...", ".Op Ar WORD ...", ".Nm", ".Cm help", ".Op Ar COMMAND",
      ".Nm",
      ".Fl \\-version",
    ]
    return head + (root.children.isEmpty ? [".Nm"] + synopsis(of: root) : calls) + [".Sh DESCRIPTION"]
      + about(root) + words(of: root)
      + (commands.isEmpty ? [] : [".Sh COMMANDS"] + commands.flatMap(section))
      + exitStatus + examples(of: commands)
  }

  // MARK: Commands

  private func section(of node: CommandNode) -> [String] {
    let heading = ".Ss \(Self.inMacro(node.name))"
    let call =
      [".Nm", ".Cm \(Self.inMacro(node.path.dropFirst().joined(separator: " ")))"] + synopsis(of: node)
    return [heading] + call + [".Pp"] + about(node) + words(of: node)
  }

  private func about(_ node: CommandNode) -> [String] {
    let all = [sentence(node.description.summary)] + paragraphs(node.description.discussion)
    return Array(all.map(Self.paragraph).joined(separator: [".Pp"]))
  }

  private func synopsis(of node: CommandNode) -> [String] {
    let options = node.options.prefix(node.ownOptions).map { option in
      let short = option.short.map { "Fl \($0) | " } ?? ""
      let negated = option.use == .flag(isNegatable: true) ? " | Fl \(Self.dashed("no-\(option.name)"))" : ""
      let word = "\(short)Fl \(Self.dashed(option.name))\(negated)" + Self.value(option)
      return option.isRequired ? ".\(word)" : ".Op \(word)" + (option.use == .repeated ? " ..." : "")
    }
    let places = Usage(node).places.map { place in
      let bare = Self.inMacro(String(place.filter { $0 != "[" && $0 != "]" && $0 != "." }))
      let dots = place.hasSuffix("...") ? " ..." : ""
      return place.hasPrefix("[") ? ".Op Ar \(bare)\(dots)" : ".Ar \(bare)\(dots)"
    }
    return options + places
  }

  private func words(of node: CommandNode) -> [String] {
    let arguments = node.arguments.map { argument in
      (".It Ar \(Self.inMacro(argument.name))", sentence(argument.summary) + Self.choices(argument.kind))
    }
    let options = node.options.prefix(node.ownOptions).map { option in
      let short = option.short.map { "Fl \($0) , " } ?? ""
      let negated = option.use == .flag(isNegatable: true) ? " , Fl \(Self.dashed("no-\(option.name)"))" : ""
      return (
        ".It \(short)Fl \(Self.dashed(option.name))\(negated)" + Self.value(option),
        Self.description(of: option)
      )
    }
    guard !arguments.isEmpty || !options.isEmpty else { return [] }
    return [".Bl -tag -width Ds"] + (arguments + options).flatMap { [$0.0] + Self.paragraph($0.1) } + [".El"]
  }

  private static func value(_ option: OptionDeclaration) -> String {
    option.kind.map { " Ar \(inMacro($0.name))" } ?? ""
  }

  private static func description(of option: OptionDeclaration) -> String {
    var text = sentence(option.summary) + choices(option.kind)
    if option.use == .repeated { text += " It may be given as often as you like." }
    if option.use == .counted { text += " More often means more." }
    if let assumed = option.assumed { text += " The default is \(assumed)." }
    return text
  }

  private static func choices(_ kind: ErasedValueKind?) -> String {
    guard let list = kind?.completion.list, !list.isEmpty else { return "" }
    return " One of: \(list)."
  }

  // MARK: What holds for all

  private var exitStatus: [String] {
    var codes: [ExitCode] = []
    for code in root.all.flatMap(\.exitCodes) where !codes.contains(code) { codes.append(code) }
    guard !codes.isEmpty else { return [] }
    let items = codes.sorted { $0.number < $1.number }.flatMap {
      [".It \($0.number)"] + Self.paragraph(sentence($0.meaning))
    }
    return [".Sh EXIT STATUS", ".Bl -tag -width Ds"] + items + [".El"]
  }

  private func examples(of commands: [CommandNode]) -> [String] {
    let examples = ([root] + commands).flatMap(\.description.examples)
    guard !examples.isEmpty else { return [] }
    let all = examples.map { example in
      Self.paragraph(sentence(example.effect)) + [
        ".Bd -literal -offset indent", Self.inText(example.line), ".Ed",
      ]
    }
    return [".Sh EXAMPLES"] + all.joined(separator: [".Pp"])
  }

  // MARK: Letters

  /// A long option's name behind `Fl`, which gives it its first dash.
  private static func dashed(_ name: String) -> String { escaped("-" + name) }

  /// Lines of text, with one for each sentence at least.
  private static func paragraph(_ text: String) -> [String] {
    var lines: [String] = []
    var words: [String] = []
    for word in text.split(separator: " ").map(String.init) {
      words.append(word)
      if let last = word.last, ".?!".contains(last) || word.hasSuffix(".)") {
        lines.append(words.joined(separator: " "))
        words = []
      }
    }
    lines.append(words.joined(separator: " "))
    return lines.filter { !$0.isEmpty }.flatMap { line in
      wrapped(line, width: OptionsLimits.manualWidth).split(separator: "\n").map { inText(String($0)) }
    }
  }

  /// A line of text: neither a macro nor an escape.
  private static func inText(_ line: String) -> String {
    let text = escaped(line)
    return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
  }

  /// A text behind a macro, where short words could be macros and single marks punctuation.
  private static func inMacro(_ text: String) -> String {
    text.split(separator: " ").map { word in
      (word.count < 4 ? "\\&" : "") + escaped(String(word)).replacing("\"", with: "\\(dq")
    }.joined(separator: " ")
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\e").replacing("`", with: "\\(ga").replacing("~", with: "\\(ti")
      .replacing("^", with: "\\(ha").replacing("-", with: "\\-")
  }
}
