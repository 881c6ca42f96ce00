/// Why a port of somebody else's is not reached.
public struct ForwardError: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Code: UInt8, Hashable, Sendable {
    /// The other side does not share this port, or not with this one.
    case notShared = 1
    /// Nothing answers behind it.
    case notReachable = 2
    /// It has too much to do.
    case busy = 3
    /// What was said makes no sense.
    case badMessage = 4
  }

  /// What went wrong.
  public let code: Code
  /// What a person is told.
  public let reason: String

  init(_ code: Code, _ reason: String) {
    (self.code, self.reason) = (code, reason)
  }
}

extension ForwardError: CustomStringConvertible {
  public var description: String { reason }
}
