/// A heading under which commands are listed.
public struct CommandGroup: Hashable, Sendable {
  public static let others = CommandGroup("Commands")

  public let title: String
  /// Whether only the names are listed: for what few need, and those know.
  public let isCompact: Bool

  public init(_ title: String, isCompact: Bool = false) {
    self.title = title
    self.isCompact = isCompact
  }
}
