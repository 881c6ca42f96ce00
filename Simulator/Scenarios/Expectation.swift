import Warren

/// What must come of a scenario.
public enum Expectation: Hashable, Sendable {
  /// What becomes of the first connection that one peer asks for with another.
  case connection(String, to: String, Wishes)
  /// The first connection that one peer asks for with another does not come about.
  case refusal(String, to: String)
  /// A machine sends so many packets at most.
  case packets(of: String, atMost: Int)
  /// So many packets reach a machine at most, whether something there takes them or not.
  case arrivals(at: String, atMost: Int)
  /// A machine that asks an echo is answered; or not.
  case echo(String, of: String, over: TransportProtocol, within: Duration?)
  case noEcho(String, of: String, over: TransportProtocol)
  /// All nodes of a mesh know each other, in which time after they were started.
  case mesh(String, within: Duration)
  /// What a node first says to all of its mesh is heard by all others, in which time.
  case heard(String, within: Duration)

  /// What becomes of a connection.
  public struct Wishes: Hashable, Sendable {
    /// In which time after it was asked for both have heard of each other.
    public var within: Duration?
    /// In which time after it was asked for both have heard all that is said.
    public var done: Duration?
    /// On which kind of way it goes at the end.
    public var lastKind: Path.Kind?
    /// For how long nothing may come, at either side.
    public var silence: Duration?
    /// How often the kind of way may change.
    public var changes: Int?

    /// It comes about.
    public init(
      within: Duration? = nil, over lastKind: Path.Kind? = nil, silence: Duration? = nil, changes: Int? = nil,
      done: Duration? = nil
    ) {
      (self.within, self.lastKind, self.silence, self.changes) = (within, lastKind, silence, changes)
      self.done = done
    }
  }
}
