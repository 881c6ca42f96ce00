/// What is wrong with the words on a command line, in one line that says what to do.
public struct OptionsError: Error, Hashable, Sendable {
  public enum Code: String, CaseIterable, Sendable {
    case unknownCommand, unknownOption, missingValue, surplusValue, badValue, repeated
    case missingArgument, surplusArgument, conflict, incomplete
  }

  public let code: Code
  public let text: String
  /// The command whose help tells more, with all its names: `warren mesh`.
  public internal(set) var command: String?

  public init(_ code: Code, _ text: String) {
    self.code = code
    self.text = text
  }
}

extension OptionsError: CustomStringConvertible {
  public var description: String { command.map { "\(text) (\($0) --help tells more)" } ?? text }
}
