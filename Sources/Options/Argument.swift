/// A word that a command takes by its place, and what it gives: `words[Self.name]`.
public struct Argument<Value: Sendable>: DeclaredArgument {
  public let declaration: ArgumentDeclaration
  let assemble: @Sendable ([any Sendable]) -> Value

  public var label: String { declaration.name }

  private init(_ declaration: ArgumentDeclaration, _ assemble: @escaping @Sendable ([any Sendable]) -> Value)
  {
    self.declaration = declaration
    self.assemble = assemble
  }

  /// One that has to be given.
  public init(_ name: String, _ kind: ValueKind<Value>, _ summary: String) {
    self.init(ArgumentDeclaration(name: name, summary: summary, use: .one, kind: kind.erased)) { values in
      guard let value: Value = ParsedWords.last(values) else {
        preconditionFailure("\(name) is required, and no command runs without it")
      }
      return value
    }
  }

  /// One that need not be given.
  public static func optional<One>(_ name: String, _ kind: ValueKind<One>, _ summary: String) -> Argument
  where Value == One? {
    Argument(ArgumentDeclaration(name: name, summary: summary, use: .optional, kind: kind.erased)) {
      ParsedWords.last($0)
    }
  }

  /// All the words that are left.
  public static func rest<One>(
    _ name: String, _ kind: ValueKind<One>, _ summary: String, atLeast least: Int = 0
  ) -> Argument where Value == [One] {
    Argument(
      ArgumentDeclaration(name: name, summary: summary, use: .rest(atLeast: least), kind: kind.erased)
    ) { ParsedWords.all($0) }
  }
}
