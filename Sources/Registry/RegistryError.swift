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
    /// This is no question, or one that lacks something.
    case badRequest
    /// So many questions are more than one may ask.
    case tooMany
    /// The registry takes no more.
    case full
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
