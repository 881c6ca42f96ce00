/// A program with commands: all that is made from their declarations.
public struct Program: Sendable {
  public let version: String
  let root: CommandNode
  private let settings: Option<String?>?

  /// - Parameter settings: the root's option that names a file with ``SavedOptions``.
  public init(_ root: any Command.Type, version: String, settings: Option<String?>? = nil) {
    self.version = version
    self.settings = settings
    self.root = CommandNode(root: root)
    assert(mistakes.isEmpty, "the commands' declarations are wrong: \(mistakes.joined(separator: "; "))")
  }

  /// Its name, and that of the version.
  public var title: String { "\(root.name) \(version)" }

  /// What the words behind the program's name ask for. The command has been made ready.
  ///
  /// - Parameter saved: reads the file with this path, or, where nobody has named one, that of the person who runs this.
  public func request(
    _ words: [String],
    saved: @escaping (String?) throws(OptionsError) -> SavedOptions? = { _ throws(OptionsError) in nil }
  ) throws -> Request {
    let outcome = try WordParser.parse(words, for: root) { words throws(OptionsError) in
      try settings.flatMap { settings throws(OptionsError) in try saved(words[settings]) }
    }
    switch outcome {
    case .help(let node): return .help(node.path)
    case .version: return .version
    case .run(let node, let words):
      do { return .run(try node.type.init(words)) } catch var error as OptionsError {
        error.command = error.command ?? node.name
        throw error
      }
    }
  }

  /// The help of the command with these names, the program's first, for a terminal of this width.
  public func help(for path: [String] = [], width: Int = OptionsLimits.width) -> String {
    let node = path.dropFirst().reduce(root) { $0.child($1) ?? $0 }
    return HelpText(
      node, width: min(max(width, OptionsLimits.widths.lowerBound), OptionsLimits.widths.upperBound)
    )
    .text
  }

  /// What a shell has to read to complete this program's words.
  public func completions(for shell: Shell) -> String {
    switch shell {
    case .bash: BashCompletions(root).text
    case .zsh: ZshCompletions(root).text
    case .fish: FishCompletions(root).text
    }
  }

  /// The manual page, in mdoc.
  ///
  /// - Parameter date: of the version, such as `November 22, 2026`.
  public func manual(date: String) -> String { ManualPage(self, date: date).text }
}
