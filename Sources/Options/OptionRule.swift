/// What of a command's words goes together, and what does not.
public struct OptionRule: Sendable {
  enum Kind: Sendable {
    case atMostOne
    case together
    case needs
  }

  let kind: Kind
  /// Of `needs`, the first needs one of the others.
  let labels: [String]

  /// They exclude each other.
  public static func atMostOne(of words: [any DeclaredWord]) -> OptionRule {
    OptionRule(kind: .atMostOne, labels: words.map(\.label))
  }

  /// All are given, or none.
  public static func together(_ words: [any DeclaredWord]) -> OptionRule {
    OptionRule(kind: .together, labels: words.map(\.label))
  }

  /// The first is given only with one of the others.
  public static func needs(_ word: any DeclaredWord, oneOf others: [any DeclaredWord]) -> OptionRule {
    OptionRule(kind: .needs, labels: [word.label] + others.map(\.label))
  }

  /// Whether what was given leaves no room for this one.
  func excludes(_ label: String, _ given: ParsedWords) -> Bool {
    kind == .atMostOne && labels.contains(label)
      && labels.contains { $0 != label && given.count($0) > 0 }
  }

  func check(_ words: ParsedWords) throws(OptionsError) {
    let given = labels.filter { words.count($0) > 0 }
    switch kind {
    case .atMostOne where given.count > 1:
      throw OptionsError(.conflict, "\(given[0]) and \(given[1]) exclude each other: give one of them")
    case .together where !given.isEmpty && given.count < labels.count:
      let missing = labels.filter { !given.contains($0) }
      throw OptionsError(
        .incomplete, "\(given[0]) goes with \(missing.joined(separator: " and ")): give both, or neither")
    case .needs where given.first == labels[0] && given.count == 1:
      throw OptionsError(
        .incomplete,
        "\(labels[0]) goes only with \(labels.dropFirst().joined(separator: " or ")): give that too")
    default: return
    }
  }
}
