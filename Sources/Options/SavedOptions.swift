/// Options from a file: a line each, without dashes; empty lines and those that begin with # are passed over.
///
///     # who brings us together
///     registry warren://registry.example.org
///     no-relay
///
/// They count where the command line does not say otherwise, and for the commands that have them.
public struct SavedOptions: Sendable {
  struct Line: Sendable {
    let number: Int
    let name: String
    let value: String?
  }

  /// What the file is called in errors.
  let place: String
  let lines: [Line]

  /// - Parameter place: what the file is called in errors.
  public init(_ text: String, from place: String) {
    self.place = place
    lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap
    {
      (place, line) in
      let words = line.split(maxSplits: 1, whereSeparator: \.isWhitespace)
      guard let name = words.first, !name.hasPrefix("#") else { return nil }
      var value = words.dropFirst().first?[...]
      while value?.last?.isWhitespace == true { value?.removeLast() }
      return Line(number: place + 1, name: String(name), value: value.map(String.init))
    }
  }

  /// Adds to `words` what was not given for this command.
  func add(to words: inout ParsedWords, of node: CommandNode, in root: CommandNode) throws(OptionsError) {
    let given = words
    for line in lines {
      do throws(OptionsError) { try add(line, to: &words, given, node, root) } catch {
        throw OptionsError(error.code, "\(place), line \(line.number): \(error.text)")
      }
    }
  }

  private func add(
    _ line: Line, to words: inout ParsedWords, _ given: ParsedWords, _ node: CommandNode, _ root: CommandNode
  ) throws(OptionsError) {
    let spelling = "--" + line.name
    guard let (option, isNegated) = node.option(spelling) else {
      // Others have it.
      if root.all.contains(where: { $0.option(spelling) != nil }) { return }
      let hint = nearestOption(to: line.name, among: root.all.flatMap(\.options))
      throw OptionsError(
        .unknownOption, "there is no option \(quoted(line.name))\(hint.map { "; did you mean \($0)?" } ?? "")"
      )
    }
    let value: any Sendable
    if let kind = option.kind {
      guard let word = line.value else {
        throw OptionsError(
          .missingValue, "\(line.name) wants \(kind.expected), such as \(kind.example): write it behind it")
      }
      value = try kind.value(of: word, for: line.name)
    } else {
      if let word = line.value {
        throw OptionsError(.surplusValue, "\(line.name) takes no value: leave \(quoted(word)) out")
      }
      value = !isNegated
    }
    guard given.count(option.label) == 0, !node.rules.contains(where: { $0.excludes(option.label, given) })
    else { return }
    if option.use != .repeated, option.use != .counted, words.count(option.label) > 0 {
      throw OptionsError(.repeated, "\(line.name) is there twice: write it once")
    }
    words.add(value, for: option.label)
  }
}
