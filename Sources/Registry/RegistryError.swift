/// Why a registry does not do what it was asked for.
public struct RegistryError: Error, Hashable, Sendable {
  /// What is wrong.
  public enum Code: Hashable, Sendable, CaseIterable {
    /// This is no name.
    case badName
    /// The name is somebody else's.
    case nameTaken
    /// This is nobody's address, or there are too many.
    case badAddress
    /// Nobody is registered so.
    case notRegistered
    /// This is no key to pair with.
    case badKey
    /// Somebody else waits with this key.
    case keyInUse
    /// Nobody waits with this key.
    case nobodyWaits
    /// Nobody has asked with this key in time.
    case nobodyAsked
    /// The registry takes no more.
    case full
    /// The other side does not want it.
    case denied
    /// It is registered, and does not answer.
    case notReachable
    /// It is registered, and the registry has lost it just now: it comes back in a moment, or not at all.
    case away
    /// Too much was asked for in too short a time.
    case tooFast
    /// What was said makes no sense to the other side.
    case badMessage
    /// The registry cannot be reached now.
    case noRegistry
    /// Something that a newer program knows.
    case other
  }

  /// What is wrong.
  public var code: Code
  /// What a person is told.
  public var reason: String

  /// An error.
  public init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }
}

extension RegistryError: CustomStringConvertible {
  public var description: String { reason }
}
