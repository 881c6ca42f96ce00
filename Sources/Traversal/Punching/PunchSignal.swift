/// What one side of a punch has to tell the other, by whatever way they have.
public enum PunchSignal: Hashable, Sendable {
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
