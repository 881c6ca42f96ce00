/// A command that only has others below it, and does nothing itself.
public protocol CommandFamily: Command {}

extension CommandFamily {
  public init(_ words: ParsedWords) throws {
    throw OptionsError(.missingArgument, "a command is missing behind \(Self.description.name)")
  }

  public func run() async throws {}
}
