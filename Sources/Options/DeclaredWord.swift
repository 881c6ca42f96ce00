/// What can be given to a command.
public protocol DeclaredWord: Sendable {
  /// What help and errors call it: `--port`, `NAME`.
  var label: String { get }
}
