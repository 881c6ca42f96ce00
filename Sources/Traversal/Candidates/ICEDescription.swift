import WarrenMachine

/// What one side tells the other so that they may find each other: credentials and candidates (RFC 8445, 5.3).
public struct ICEDescription: Hashable, Sendable {
  /// The first half of the name that checks to this side bear.
  public var usernameFragment: String
  /// What checks to this side are signed with.
  public var password: String
  /// Whether this side only answers (RFC 8445, 2.5).
  public var isLite: Bool
  /// How far apart this side wants to send its checks (RFC 8839, 5.8); nil stands for 50 ms.
  public var pacing: Duration?
  /// What this side can besides: `ice2`, `trickle`.
  public var options: [String]
  /// Where this side may be reached, as far as it is known.
  public var candidates: [Candidate]
  /// Whether there will be no more of them (RFC 8838, 8.2).
  public var isComplete: Bool

  /// A description.
  public init(
    usernameFragment: String, password: String, isLite: Bool = false, pacing: Duration? = nil,
    options: [String] = ["ice2", "trickle"], candidates: [Candidate] = [], isComplete: Bool = false
  ) {
    self.usernameFragment = usernameFragment
    self.password = password
    self.isLite = isLite
    self.pacing = pacing
    self.options = options
    self.candidates = candidates
    self.isComplete = isComplete
  }
}

extension ICEDescription {
  /// Whether its name and password are such as RFC 8839, 5.4 allows.
  var isWellFormed: Bool {
    ICECredentials.isUsernameFragment(usernameFragment) && ICECredentials.isPassword(password)
  }
}
