/// An option for those who do not know the type of its value.
public struct OptionDeclaration: Sendable {
  enum Use: Hashable, Sendable {
    /// It is there or not; or may be said not to be.
    case flag(isNegatable: Bool)
    /// How often it is there counts.
    case counted
    /// It has a value, once.
    case value
    /// It has a value, as often as one likes.
    case repeated
  }

  /// Without its dashes.
  public let name: String
  let short: Character?
  let summary: String
  let use: Use
  var kind: ErasedValueKind?
  /// What is assumed where it is not given.
  var assumed: String?
  var isRequired = false

  static let help = OptionDeclaration(
    name: "help", short: "h", summary: "show this", use: .flag(isNegatable: false))
  static let version = OptionDeclaration(
    name: "version", short: nil, summary: "show which version this is", use: .flag(isNegatable: false))

  /// What errors and rules call it.
  var label: String { "--\(name)" }

  /// All the ways to write it.
  var spellings: [String] {
    (short.map { ["-\($0)"] } ?? []) + [label] + (use == .flag(isNegatable: true) ? ["--no-\(name)"] : [])
  }
}
