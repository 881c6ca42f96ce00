/// The limits of an ICE agent, each with its reason.
public enum ICELimits {
  /// Pairs that are checked: the RFC's own (RFC 8445, 6.1.2.5).
  public static let pairs = 100
  /// Candidates of the other side: machines have up to some 30 addresses; a lying one could name thousands, and
  /// each is somebody whom we would send to.
  public static let remoteCandidates = 64
  /// Addresses learnt from checks that arrive: each is proven by a signature, but the peer may still lie.
  public static let reflexiveCandidates = 32
  /// Checks that arrive before the other side's description: they are answered, and remembered up to this many.
  public static let earlyChecks = 16
  /// The least time between two new checks that the RFC allows (RFC 8445, 14.2).
  public static let leastPacing: Duration = .milliseconds(5)
  /// What an agent that says nothing of its pacing means (RFC 8839, 5.8).
  public static let pacingOfOthers: Duration = .milliseconds(50)
  /// The longest pacing that the other side can ask for: with more, no check would ever leave.
  public static let longestPacing: Duration = .milliseconds(500)
  /// How long ways from relay to relay wait, among our own kind, where one of both can be seen without: a round trip across an ocean
  /// by way of one relay.
  public static let lastResort: Duration = .milliseconds(250)
  /// How much of a wait is left to chance, so that two sides do not keep step.
  public static let jitter = 0.1
  /// After how long pairs that failed are tried once more, among our own kind; then twice as long, and so on.
  public static let firstRound: Duration = .seconds(5)
  /// The longest wait between two such rounds.
  public static let longestRound: Duration = .seconds(60)
  /// Questions of whose answers a pair still knows: checks that are triggered again and again wait
  /// twice as long each time, so that eight cover the longest round trip.
  public static let transactionsPerPair = 8
}
