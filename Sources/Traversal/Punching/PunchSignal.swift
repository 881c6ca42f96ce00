/// What one side of a punch has to tell the other, by whatever way they have.
public struct PunchSignal: Hashable, Sendable {
  /// What is told.
  public enum Content: Hashable, Sendable {
    /// Its credentials, and the candidates that are known already. This comes first.
    case description(ICEDescription)
    /// Another candidate.
    case candidate(Candidate)
    /// There will be no more.
    case complete
    /// How the NATs before it choose ports.
    case ports(PortReport)
    /// Both are to search for a port in this way, which follows from their reports of this round.
    case search(SearchPlan, round: UInt8)
  }

  /// What is told.
  public var content: Content
  /// The name that the sender had: what it said under an earlier one comes late, and is not taken for its own (the
  /// `ufrag` of RFC 8840, 4.1). Nil where it was not said.
  public var usernameFragment: String?

  /// Of a description: the other side's name that made its sender begin anew; nil where it did so by itself. Two that
  /// begin anew at once would else answer each other for ever.
  public var answering: String?

  /// A signal.
  public init(_ content: Content, of usernameFragment: String? = nil, answering: String? = nil) {
    self.content = content
    self.usernameFragment = usernameFragment
    self.answering = answering
  }
}
