/// An argument for those who do not know the type of its value.
public struct ArgumentDeclaration: Sendable {
  enum Use: Hashable, Sendable {
    case one
    case optional
    /// All that are left, at least so many.
    case rest(atLeast: Int)
  }

  let name: String
  let summary: String
  let use: Use
  let kind: ErasedValueKind

  var takesRest: Bool { if case .rest = use { true } else { false } }
}
