/// An ``Argument``, whatever the type of its value.
public protocol DeclaredArgument: DeclaredWord {
  var declaration: ArgumentDeclaration { get }
}
