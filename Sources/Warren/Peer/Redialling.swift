import WarrenMachine
import WarrenRegistry

/// Whether, and when, a dial that has failed is tried again.
///
/// Who was there a moment ago has withdrawn, perhaps, and is being started anew, or has lost the registry: it is waited for.
struct Redialling {
  /// Whether the handshake was given up because nobody is there any more to answer it.
  var isForsaken = false
  private let began: Instant
  private let patience: Duration
  /// Who waits with a secret has waited once it was asked for: nobody is there for a second question.
  private let isOnce: Bool
  /// What others have taken of the time: their consent, and dials that came first.
  private var waived = Duration.zero
  private var introducedAt: Instant?
  /// How often the other side took the two for connected.
  private var takenForConnected = 0
  /// Since when the registry misses the other side, or has given it up while it was called; and how often it was asked since.
  private var missed: (since: Instant, times: Int)?

  /// A dial that begins.
  init(_ target: RegistryTarget, patience: Duration, at now: Instant) {
    began = now
    self.patience = patience
    if case .pairing = target { isOnce = true } else { isOnce = false }
  }

  /// How much time is left.
  func left(at now: Instant) -> Duration { patience + waived - began.duration(to: now) }

  /// What has passed since then does not count.
  mutating func waive(since: Instant, at now: Instant) { waived += since.duration(to: now) }

  /// The two know of each other.
  mutating func introduced(at now: Instant) { introducedAt = now }

  /// Whether a handshake may be given up for another, as the registry has ended what brought the two together: which it does with each
  /// in its time, and who has looked for a way for so long shall not begin anew.
  func mayForsake(at now: Instant) -> Bool {
    guard !isOnce, let introducedAt, left(at: now) > PeerLimits.longestRetryPause else { return false }
    return introducedAt.duration(to: now) + PeerLimits.absence < RegistryLimits.introductionPatience
  }

  /// How long to wait before the next try; nil where that would be in vain.
  mutating func pause(after error: RegistryError, at now: Instant) -> Duration? {
    guard let pause = wish(after: error, at: now), pause < left(at: now) else { return nil }
    return pause
  }

  private mutating func wish(after error: RegistryError, at now: Instant) -> Duration? {
    // Its last connection with this peer seems alive to the other side: a moment later it knows better.
    if error.isAboutLastConnection {
      takenForConnected += 1
      return takenForConnected <= PeerLimits.retries ? PeerLimits.retryPause : nil
    }
    if isForsaken {
      isForsaken = false
      missed = (now, 0)
      return .zero
    }
    guard !isOnce, error.code == .away || error.code == .notRegistered && missed != nil else { return nil }
    let (since, times) = missed ?? (now, 0)
    let pause = min(PeerLimits.retryPause * (1 << min(times, 8)), PeerLimits.longestRetryPause)
    guard since.duration(to: now) + pause <= PeerLimits.absence else { return nil }
    missed = (since, times + 1)
    return pause
  }
}
