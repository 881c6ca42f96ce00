import Warren

/// What must come of a scenario.
public enum Expectation: Hashable, Sendable {
  /// What becomes of the first connection that one peer asks for with another.
  case connection(String, to: String, Wishes)
  /// The first connection that one peer asks for with another does not come about.
  case refusal(String, to: String)
  /// A machine sends so many packets at most.
  case packets(of: String, atMost: Int)

  /// What becomes of a connection.
  public struct Wishes: Hashable, Sendable {
    /// In which time after it was asked for both have heard of each other.
    public var within: Duration?
    /// On which kind of way it goes at the end.
    public var lastKind: Path.Kind?
    /// For how long nothing may come, at either side.
    public var silence: Duration?
    /// How often the kind of way may change.
    public var changes: Int?

    /// It comes about.
    public init(
      within: Duration? = nil, over lastKind: Path.Kind? = nil, silence: Duration? = nil, changes: Int? = nil
    ) {
      (self.within, self.lastKind, self.silence, self.changes) = (within, lastKind, silence, changes)
    }
  }
}
