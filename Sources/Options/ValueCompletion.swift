/// What a shell offers where a value is to be typed.
public enum ValueCompletion: Hashable, Sendable {
  case nothing
  case file
  case folder
  case choices([String])

  var choices: [String] { if case .choices(let choices) = self { choices } else { [] } }

  /// What there is to choose from, as a person reads it; empty where there is nothing.
  var list: String { choices.joined(separator: choices.contains { $0.contains(",") } ? "; " : ", ") }
}
