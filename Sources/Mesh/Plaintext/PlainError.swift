import WarrenMachine

/// Why something does not work in a mesh that speaks the plain protocol.
public struct PlainError: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Code: Hashable, Sendable, CaseIterable {
    /// There is a connection between the two already (`DUPLICATE`).
    case duplicate
    /// Whoever was called has connections enough (`MAX_PEERS`).
    case full
    /// An identity or a name cannot be said as it is.
    case badName
    /// A text would be taken for a command, or for two texts.
    case notAText
    /// A line or a message is longer than is permitted.
    case tooLarge
    /// What the other side says cannot be understood.
    case nonsense
    /// The other side has not said who it is in time.
    case silent
    /// Nothing was heard of it for too long.
    case stale
    /// It takes nothing that is said to it.
    case tooSlow
    /// It has ended the connection.
    case ended
    /// It could not be reached.
    case unreachable
    /// It is this node itself.
    case oneself
    /// There is no connection with it.
    case notFound
    /// The mesh was left, or not started.
    case closed
    /// What was configured cannot be.
    case badConfiguration
  }

  /// What went wrong.
  public var code: Code
  /// What a person is told.
  public var reason: String

  /// An error.
  public init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }
}

extension PlainError: CustomStringConvertible {
  public var description: String { reason }
}
