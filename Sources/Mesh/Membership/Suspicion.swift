import WarrenCrypto
import WarrenMachine

/// Somebody does not answer: how long it has to contradict. The more suspect it, the shorter (as Lifeguard does).
struct Suspicion {
  private let since: Instant
  private let shortest: Duration
  private let longest: Duration
  /// How many others could say the same, at most those that count.
  private let needed: Int
  private(set) var accusers: [PeerID]
  /// When others are asked about it last.
  private var lastQuestion: Instant

  /// - Parameter members: how many there are.
  init(by accuser: PeerID, members: Int, at now: Instant) {
    since = now
    lastQuestion = now
    accusers = [accuser]
    let digits = Self.digits(members)
    shortest = MeshLimits.shortestSuspicion * digits
    longest = MeshLimits.longestSuspicion * digits
    needed = min(MeshLimits.confirmations, max(members - 3, 0))
  }

  /// The longer the way round, the more time it takes.
  static func digits(_ members: Int) -> Double {
    var (rest, digits) = (Double(members), 0.0)
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    return max(digits + (rest - 1) / 9, 1)
  }

  /// - Returns: whether that is news.
  mutating func confirm(by accuser: PeerID) -> Bool {
    guard !accusers.contains(accuser), accusers.count <= MeshLimits.confirmations else { return false }
    accusers.append(accuser)
    return true
  }

  /// Others have been asked whether they know better.
  mutating func asked(at now: Instant) { lastQuestion = now }

  /// When others are asked whether they know better: in the middle of what is left, as what is new needs time to come round; and
  /// seldom enough at the end.
  var question: Instant {
    let rest = lastQuestion.duration(to: end)
    return lastQuestion.advanced(by: max(rest / 2, min(MeshLimits.urgentPause, rest)))
  }

  /// When something is to be done about it.
  var next: Instant { min(question, end) }

  var end: Instant {
    let confirmed = min(accusers.count - 1, needed)
    let share = needed == 0 ? 1 : Double(confirmed) / Double(needed)
    return since.advanced(by: longest - (longest - shortest) * share)
  }
}
