extension Program {
  /// What is wrong with the declarations: nothing, in a program that works.
  public var mistakes: [String] { root.mistakes }
}

extension CommandNode {
  /// What is wrong with the declarations from here on down, where this is a program.
  var mistakes: [String] {
    all.flatMap { node in (node.ownMistakes + node.wrongExamples(of: self)).map { "\(node.name): \($0)" } }
  }

  private func wrongExamples(of root: CommandNode) -> [String] {
    description.examples.flatMap { example -> [String] in
      let calls = example.calls(of: root.name)
      if calls.isEmpty { return ["an example does not call \(root.name): \(example.line)"] }
      return calls.compactMap { words in
        do throws(OptionsError) {
          _ = try WordParser.parse(words, for: root)
          return nil
        } catch {
          return "the example \(example.line) is refused: \(error)"
        }
      }
    }
  }

  private var ownMistakes: [String] {
    var mistakes: [String] = []
    func demand(_ isRight: Bool, _ text: @autoclosure () -> String) {
      if !isRight { mistakes.append(text()) }
    }

    demand(Self.isName(description.name), "its name has letters, digits and dashes, and begins with a letter")
    demand(Self.isSummary(description.summary), "its summary is one line without a full stop")
    demand(
      children.isEmpty || arguments.isEmpty && description.passedOn == nil, "it has arguments or commands")
    let names = children.map(\.description.name)
    demand(Set(names).count == names.count && !names.contains("help"), "two of its commands have one name")

    let spellings = options.flatMap(\.spellings)
    demand(Set(spellings).count == spellings.count, "two of its options are spelled alike: \(spellings)")
    for option in options {
      demand(Self.isName(option.name), "\(option.label): a name has letters, digits and dashes")
      demand(
        option.short.map { $0.isASCII && $0.isLetter } ?? true, "\(option.label): a short name is a letter")
      demand(Self.isSummary(option.summary), "\(option.label): a summary is one line without a full stop")
    }
    demand(Set(arguments.map(\.name)).count == arguments.count, "two of its arguments have one name")
    demand(arguments.count(where: \.takesRest) < 2, "two of its arguments take all that is left")
    for argument in arguments {
      demand(Self.isSummary(argument.summary), "\(argument.name): a summary is one line without a full stop")
      demand(
        description.passedOn == nil || argument.use == .one, "\(argument.name) cannot be told from a program")
    }
    let labels = Set(options.map(\.label) + arguments.map(\.name))
    for rule in rules {
      demand(labels.isSuperset(of: rule.labels), "a rule names what is not declared: \(rule.labels)")
    }
    return mistakes
  }

  private static func isName(_ text: String) -> Bool {
    text.first?.isLetter == true
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
  }

  private static func isSummary(_ text: String) -> Bool {
    !text.isEmpty && !text.hasSuffix(".") && !text.contains("\n")
  }
}
