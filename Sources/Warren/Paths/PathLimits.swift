import WarrenRegistry

/// The limits of a connection's paths, each with its reason.
public enum PathLimits {
  /// Paths of a connection that are known: two families and a relay on each side make a dozen.
  public static let paths = 16
  /// How many ways are learnt because the other side asks there: a change of networks on both sides brings a dozen at once.
  public static let learning = RequestRate(perSecond: 1, atOnce: 16)
  /// How many of a kind are kept alive, the one in use among them: each costs a question now and then.
  public static let pathsOfKind = 2
  /// How long a path that does not answer is asked now and then.
  public static let hope: Duration = .seconds(300)
  /// The same for a direct path that has answered once, where there is nothing but a relay or TCP since: whatever cut it may be mended,
  /// and a search for a new one is seldom by then.
  public static let longestHope: Duration = .seconds(3600)
  /// After how long without an answer the way is looked at, besides a round trip; and after how long it is taken for dead, besides
  /// two: what a queue of half a second holds back is late and not lost.
  public static let suspicion: Duration = .milliseconds(250)
  public static let silence: Duration = .milliseconds(500)
  /// How long packets wait in queues at most: a longer round trip is not believed.
  public static let longestQueue: Duration = .seconds(1)
  /// How often all paths are asked meanwhile: each that lives has answered a few times before it is decided.
  public static let urgentPings: Duration = .milliseconds(100)
  /// How many questions are asked in that time at most, on all paths: each of a dozen, and a few times when something changes.
  public static let questions = 64
  /// How long an answer is waited for, which may be late for other reasons than that the path is lost: the longest ways take that long.
  public static let longestRoundTrip: Duration = .seconds(4)
  /// How many questions may be without an answer on one path: as many as are asked in that time when it is urgent.
  public static let openQuestions = 40
  /// The same where none has answered for long: whoever drives out of a tunnel is found at once.
  public static let hopefulPings: Duration = .milliseconds(500)
  /// For how long they are urgent.
  public static let urgency: Duration = .seconds(3)
  /// The round trip of a path that is not known, for a ping to be taken for lost.
  public static let unknownRoundTrip: Duration = .seconds(1)
  /// How often a path that is new, or has not answered, is asked before it is taken for silent; the pause doubles.
  public static let tries = 6
  public static let firstPause: Duration = .milliseconds(100)
  /// How often silent ones are asked: from the first pause, which doubles, to the last.
  public static let firstRest: Duration = .seconds(1)
  public static let lastRest: Duration = .seconds(60)
  /// Where a path has fallen silent, one of its kind is used again once it has answered for so long; each time twice as long, up to
  /// the last.
  public static let firstProbation: Duration = .seconds(1)
  public static let lastProbation: Duration = .seconds(60)
  /// How long after the last time that is forgiven.
  public static let forgiveness: Duration = .seconds(60)
  /// Of two paths of one kind, the other must be shorter by this part, and this much, in so many measurements one after another, and
  /// so long after the last change: two that are equally good never alternate.
  public static let betterShare = 0.3
  public static let betterTime: Duration = .milliseconds(5)
  public static let betterTimes = 3
  public static let betterPause: Duration = .seconds(10)
  /// For how long a way is used as often as if nothing were known of mappings: a NAT such as Linux' gives those a short life that
  /// have not been used for a while in both directions.
  public static let settling: Duration = .seconds(60)
  /// Which part more of that time the called side waits before it says that it is alive, and at most how long: what the caller says
  /// is enough for both, as the answer to it opens the way as well, and it has come by then.
  public static let yieldingShare = 1.0 / 16
  public static let longestYielding: Duration = .seconds(1)
  /// How long a change may take before it is tried again.
  public static let changing: Duration = .seconds(1)
  /// How often the other side is told of a relay before it is given up; the pause doubles.
  public static let relayOffers = 6
  /// How long a way of a kind that somebody wants is looked for: what opening a TCP connection through two NATs takes.
  public static let wish: Duration = .seconds(15)
  /// Changes that wait for a slow reader, who loses the oldest.
  public static let waitingChanges = 64
}
