/// One of a program's commands: what it is called and takes, and what it does.
public protocol Command: SendableMetatype {
  /// What parsing, help, completions and the manual are made from.
  static var description: CommandDescription { get }

  /// Made ready with what was given. What is wrong with it only together is an ``OptionsError`` as well.
  init(_ words: ParsedWords) throws

  func run() async throws
}
