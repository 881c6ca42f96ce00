/// What something in a folder is.
public struct FileInfo: Hashable, Sendable {
  /// What kind of thing.
  public enum Kind: Hashable, Sendable {
    case file
    case folder
    /// A symbolic link, wherever it leads.
    case link
    /// A device, a pipe, a socket.
    case other
  }

  /// What kind of thing it is.
  public var kind: Kind
  /// How many bytes it has, where it is a file.
  public var size: UInt64
  /// Whether its owner may run it.
  public var isExecutable: Bool
  /// When it was changed last, as the machine's time of day was then.
  public var modified: Duration

  /// Something.
  public init(_ kind: Kind, size: UInt64 = 0, isExecutable: Bool = false, modified: Duration = .zero) {
    self.kind = kind
    self.size = size
    self.isExecutable = isExecutable
    self.modified = modified
  }
}
