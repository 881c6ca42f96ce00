/// An option of a command, and what it gives: `words[Self.port]` is the value of `--port`.
public struct Option<Value: Sendable>: DeclaredOption {
  public let declaration: OptionDeclaration
  let assemble: @Sendable ([any Sendable]) -> Value

  public var label: String { declaration.label }

  public func text(in words: ParsedWords) -> String { String(reflecting: words[self]) }

  private init(_ declaration: OptionDeclaration, _ assemble: @escaping @Sendable ([any Sendable]) -> Value) {
    self.declaration = declaration
    self.assemble = assemble
  }

  /// One with a value, and what is assumed without it.
  public init(
    _ name: String, short: Character? = nil, _ kind: ValueKind<Value>, _ summary: String, default value: Value
  ) {
    self.init(
      OptionDeclaration(
        name: name, short: short, summary: summary, use: .value, kind: kind.erased, assumed: kind.show(value))
    ) { ParsedWords.last($0) ?? value }
  }

  /// One with a value that need not be given.
  public init<One>(_ name: String, short: Character? = nil, _ kind: ValueKind<One>, _ summary: String)
  where Value == One? {
    self.init(
      OptionDeclaration(name: name, short: short, summary: summary, use: .value, kind: kind.erased)
    ) { ParsedWords.last($0) }
  }

  /// One with a value that has to be given.
  public static func required(
    _ name: String, short: Character? = nil, _ kind: ValueKind<Value>, _ summary: String
  ) -> Option {
    Option(
      OptionDeclaration(
        name: name, short: short, summary: summary, use: .value, kind: kind.erased, isRequired: true)
    ) { values in
      guard let value: Value = ParsedWords.last(values) else {
        preconditionFailure("--\(name) is required, and no command runs without it")
      }
      return value
    }
  }

  /// One with a value, as often as one likes.
  public static func repeated<One>(
    _ name: String, short: Character? = nil, _ kind: ValueKind<One>, _ summary: String
  ) -> Option where Value == [One] {
    Option(OptionDeclaration(name: name, short: short, summary: summary, use: .repeated, kind: kind.erased)) {
      ParsedWords.all($0)
    }
  }
}

extension Option where Value == Bool {
  /// One that is there or not.
  public static func flag(_ name: String, short: Character? = nil, _ summary: String) -> Option {
    Option(
      OptionDeclaration(name: name, short: short, summary: summary, use: .flag(isNegatable: false))
    ) { !$0.isEmpty }
  }

  /// One that is assumed or not, and can be said either way: `--name`, `--no-name`.
  public static func flag(
    _ name: String, short: Character? = nil, _ summary: String, default value: Bool
  ) -> Option {
    Option(
      OptionDeclaration(
        name: name, short: short, summary: summary, use: .flag(isNegatable: true),
        assumed: value ? "--\(name)" : "--no-\(name)")
    ) { ParsedWords.last($0) ?? value }
  }
}

extension Option where Value == Int {
  /// One that means more the more often it is there: `-vv`.
  public static func counted(_ name: String, short: Character? = nil, _ summary: String) -> Option {
    Option(OptionDeclaration(name: name, short: short, summary: summary, use: .counted)) { $0.count }
  }
}
