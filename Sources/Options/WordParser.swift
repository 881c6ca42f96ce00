/// Reads the words of a command line, from left to right.
struct WordParser {
  /// What they ask for.
  enum Outcome {
    case run(CommandNode, ParsedWords)
    case help(CommandNode)
    case version
  }

  private var node: CommandNode
  private var rest: ArraySlice<String>
  /// Options with what they mean, as they came.
  private var given: [(option: OptionDeclaration, value: any Sendable)] = []
  private var arguments: [String] = []
  private var passedOn: [String] = []
  private var optionsAreOver = false
  private let root: CommandNode
  /// What is assumed besides, once it is known what was given.
  private let saved: (ParsedWords) throws(OptionsError) -> SavedOptions?

  static func parse(
    _ words: [String], for root: CommandNode,
    saved: @escaping (ParsedWords) throws(OptionsError) -> SavedOptions? = { _ throws(OptionsError) in nil }
  ) throws(OptionsError) -> Outcome {
    var parser = WordParser(node: root, rest: words[...], saved: saved)
    do throws(OptionsError) { return try parser.outcome() } catch {
      var error = error
      error.command = error.command ?? parser.node.name
      throw error
    }
  }

  private init(
    node: CommandNode, rest: ArraySlice<String>,
    saved: @escaping (ParsedWords) throws(OptionsError) -> SavedOptions?
  ) {
    self.node = node
    root = node
    self.rest = rest
    self.saved = saved
  }

  private mutating func outcome() throws(OptionsError) -> Outcome {
    while let word = rest.popFirst() {
      if optionsAreOver || word == "-" || !word.hasPrefix("-") {
        if let help = try takeWord(word) { return .help(help) }
      } else if word == "--" {
        optionsAreOver = true
      } else if word.hasPrefix("--") {
        if let outcome = try takeLong(word) { return outcome }
      } else if let outcome = try takeShort(word) {
        return outcome
      }
    }
    guard node.children.isEmpty else { return .help(node) }
    return .run(node, try checked())
  }

  // MARK: Words by their place

  /// - Returns: the command whose help is asked for, if any is.
  private mutating func takeWord(_ word: String) throws(OptionsError) -> CommandNode? {
    if !node.children.isEmpty {
      if word == "help" { return try namedByRest() }
      node = try child(word)
    } else if node.description.passedOn != nil, arguments.count == node.arguments.count {
      passedOn = [word] + rest
      rest = []
    } else {
      arguments.append(word)
    }
    return nil
  }

  private func child(_ word: String) throws(OptionsError) -> CommandNode {
    if let child = node.child(word) { return child }
    let hint = nearest(to: word, among: node.children.map(\.description.name))
    throw OptionsError(
      .unknownCommand, "there is no command \(quoted(word))\(hint.map { "; did you mean \($0)?" } ?? "")")
  }

  /// The command that the words behind `help` name.
  private mutating func namedByRest() throws(OptionsError) -> CommandNode {
    while let word = rest.popFirst() {
      if word.hasPrefix("-") { continue }
      guard !node.children.isEmpty else {
        throw OptionsError(.surplusArgument, "\(node.name) has no command \(quoted(word))")
      }
      node = try child(word)
    }
    return node
  }

  // MARK: Options

  private mutating func takeLong(_ word: String) throws(OptionsError) -> Outcome? {
    let (spelling, attached) = Self.parts(of: word)
    guard let (option, isNegated) = node.option(spelling) else { throw unknown(spelling) }
    if option.kind == nil, let attached {
      throw OptionsError(
        .surplusValue, "\(spelling) takes no value: leave =\(quoted(attached).dropFirst().dropLast()) out")
    }
    return try take(option, as: spelling, attached, isNegated: isNegated)
  }

  /// `-p80`, `-p 80`, or several letters without values, of which the last may have one.
  private mutating func takeShort(_ word: String) throws(OptionsError) -> Outcome? {
    // Who writes -port means --port, and not the port "ort".
    let long = "-" + Self.parts(of: word).spelling
    if long.count > 3, node.option(long) != nil { throw unknown(Self.parts(of: word).spelling) }
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      guard let option = node.option(short: letter) else {
        throw unknown(word.count == 2 ? word : "-\(letter)", in: word)
      }
      let attached = option.kind == nil || letters.isEmpty ? nil : String(letters)
      if attached != nil { letters = "" }
      if let outcome = try take(option, as: "-\(letter)", attached, isNegated: false) { return outcome }
    }
    return nil
  }

  private mutating func take(
    _ option: OptionDeclaration, as spelling: String, _ attached: String?, isNegated: Bool
  ) throws(OptionsError) -> Outcome? {
    if option.name == OptionDeclaration.help.name { return .help(helped()) }
    if option.name == OptionDeclaration.version.name, node.path.count == 1 { return .version }
    guard let kind = option.kind else {
      given.append((option, !isNegated))
      return nil
    }
    let word: String
    if let attached { word = attached } else { word = try value(for: option, as: spelling) }
    given.append((option, try kind.value(of: word, for: spelling)))
    return nil
  }

  /// The next word, unless that is plainly an option itself.
  private mutating func value(for option: OptionDeclaration, as spelling: String) throws(OptionsError)
    -> String
  {
    let kind = option.kind.map { "\($0.expected), such as \($0.example)" } ?? "a value"
    guard let word = rest.first else {
      throw OptionsError(.missingValue, "\(spelling) wants \(kind): write it behind \(spelling)")
    }
    let (next, attached) = Self.parts(of: word)
    let isLetter = word.count == 2 && word.first == "-" && node.option(short: word.last ?? "-") != nil
    guard word != "--", node.option(next) == nil, !isLetter else {
      let meant = "\(option.label)=\(next)" + (attached == nil ? "" : "=…")
      throw OptionsError(
        .missingValue, "\(spelling) wants \(kind), and \(next) is an option; if it is meant: \(meant)")
    }
    rest.removeFirst()
    return word
  }

  /// The command that is meant where help is asked for before all of its names.
  private func helped() -> CommandNode {
    var node = node
    for word in rest { if let child = node.child(word) { node = child } else { break } }
    return node
  }

  private func unknown(_ spelling: String, in word: String? = nil) -> OptionsError {
    let meant = String((word ?? spelling).drop { $0 == "-" })
    // Without the dashes, which all options have in common.
    let near = meant.count > 1 ? nearestOption(to: meant, among: node.options) : nil
    let isBelow = node.all.dropFirst().contains { $0.option(spelling) != nil }
    let hint =
      isBelow ? "; it stands behind the command that it is for" : near.map { "; did you mean --\($0)?" } ?? ""
    return OptionsError(
      .unknownOption, "there is no option \(quoted(spelling))\(isBelow ? " here" : "")\(hint)")
  }

  /// `--name=value` taken apart.
  private static func parts(of word: String) -> (spelling: String, attached: String?) {
    // To a String, an equals sign with an accent is another letter.
    guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (word, nil) }
    return (String(word[..<equals]), String(word[word.utf8.index(after: equals)...]))
  }

  // MARK: All together

  private func checked() throws(OptionsError) -> ParsedWords {
    var words = ParsedWords(declared: node.options.map(\.label) + node.arguments.map(\.name))
    words.passedOn = passedOn
    for (option, value) in given {
      switch option.use {
      case .value where words.count(option.label) > 0:
        throw OptionsError(.repeated, "\(option.label) is there twice: give it once")
      case .flag(isNegatable: true)
      where words.first(option.label).map { $0 as? Bool != value as? Bool } == true:
        throw OptionsError(
          .repeated, "\(option.label) and --no-\(option.name) exclude each other: give one of them")
      default: words.add(value, for: option.label)
      }
    }
    if let saved = try saved(words) { try saved.add(to: &words, of: node, in: root) }
    try readArguments(into: &words)
    for option in node.options where option.isRequired && words.count(option.label) == 0 {
      throw OptionsError(
        .incomplete, "\(option.label) \(option.kind?.name ?? "") is missing: \(option.summary)")
    }
    for rule in node.rules { try rule.check(words) }
    return words
  }

  private func readArguments(into words: inout ParsedWords) throws(OptionsError) {
    var left = arguments[...]
    for (place, argument) in node.arguments.enumerated() {
      // Those that have to be there come first, wherever they stand.
      let reserved = node.arguments[(place + 1)...].count { $0.use == .one }
      var count = 0
      let most =
        switch argument.use {
        case .one: 1
        case .optional: min(1, left.count - reserved)
        case .rest: left.count - reserved
        }
      while count < most, let word = left.popFirst() {
        words.add(try argument.kind.value(of: word, for: argument.name), for: argument.name)
        count += 1
      }
      let isMissing =
        switch argument.use {
        case .one: count == 0
        case .optional: false
        case .rest(let least): count < least
        }
      if isMissing {
        throw OptionsError(.missingArgument, "\(argument.name) is missing: \(argument.summary)")
      }
    }
    if let surplus = left.first {
      let taken = node.arguments.map(\.name).joined(separator: " ")
      throw OptionsError(
        .surplusArgument,
        "\(quoted(surplus)) is too much: \(node.name) takes \(taken.isEmpty ? "options alone" : taken + " and options")"
      )
    }
    if let name = node.description.passedOn, passedOn.isEmpty {
      throw OptionsError(.missingArgument, "\(name) is missing: the program to run, with its own words")
    }
  }
}
