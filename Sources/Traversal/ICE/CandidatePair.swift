import WarrenMachine
import WarrenSTUN

/// A socket of ours and an address of the other side's, and whether packets pass between them (RFC 8445, 6.1.2).
struct CandidatePair {
  /// How far its checks have come (RFC 8445, 6.1.2.6).
  enum State: Hashable {
    /// It waits until another of its foundation has succeeded.
    case frozen
    /// Its check may be sent.
    case waiting
    /// Its check is under way.
    case inProgress
    /// A check was answered: packets pass both ways.
    case succeeded
    /// No check was answered, or consent has gone.
    case failed
  }

  let base: Int
  let remote: Int
  var state: State
  var priority: UInt64
  /// Whether the controlling side has taken this pair, or would have, had it worked already.
  var isNominated = false
  /// Whether the next success is to nominate it: the controlling side has asked, or been asked.
  var nominatesOnSuccess = false
  /// Whether its check stands in the queue of triggered ones.
  var isTriggered = false
  /// When a check that is under way may be triggered again, and after how long: twice as long each time.
  var mayTriggerAt: Instant?
  var triggerWait: Duration?
  /// Whether the other side hears this way, and is heard on another: see ``ICECore/heardElsewhere(_:at:)``.
  var isOneWay = false
  /// Whether its connection has ended, for good.
  var isGone = false
  /// Whether nothing but a hint says that the other side is there: see ``ICECore/suspect(_:on:at:)``.
  var isHint = false
  /// Whether the other side has checked it.
  var wasChecked = false
  /// How long an answer took, at last.
  var roundTrip: Duration?
  /// What it took at most, where it is not known which sending was answered.
  var longestRoundTrip: Duration?
  /// The address under which the other side saw us.
  var mapped: SocketAddress?
  /// Until when we may send without another answer.
  var consentUntil: Instant?
  /// When to ask for consent, or keep the way open, next.
  var nextConsent: Instant?

  init(base: Int, remote: Int, priority: UInt64, state: State) {
    self.base = base
    self.remote = remote
    self.priority = priority
    self.state = state
  }

  /// Which of those that nobody needs gives way first: what has ended, then the worst.
  var standing: UInt64 { isGone ? 0 : priority }

  /// RFC 8445, 6.1.2.3.
  static func priority(controlling: UInt32, controlled: UInt32) -> UInt64 {
    let (g, d) = (UInt64(controlling), UInt64(controlled))
    return min(g, d) << 32 + 2 * max(g, d) + (g > d ? 1 : 0)
  }
}

/// A check that waits for its answer.
struct CheckTransaction {
  /// What it is for.
  enum Purpose: Hashable {
    /// To find out whether packets pass.
    case connectivity
    /// To ask whether we may go on sending.
    case consent
  }

  let id: TransactionID
  let pair: Int
  let purpose: Purpose
  let nominates: Bool
  /// The role that it claims.
  let role: ICECore.Role
  let sentAt: Instant
  var timer: STUNRequestTimer
  var transmissions = 1
  /// Whether it is not sent again, though an answer still counts (RFC 8445, 7.3.1.4).
  var isCancelled = false
}
