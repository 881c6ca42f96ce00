/// An ``Option``, whatever the type of its value.
public protocol DeclaredOption: DeclaredWord {
  var declaration: OptionDeclaration { get }
}
