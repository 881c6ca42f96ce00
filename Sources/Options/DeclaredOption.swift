/// An ``Option``, whatever the type of its value.
public protocol DeclaredOption: DeclaredWord {
  var declaration: OptionDeclaration { get }
  /// What it is to these words, whatever its type: as text that differs where that differs.
  func text(in words: ParsedWords) -> String
}
