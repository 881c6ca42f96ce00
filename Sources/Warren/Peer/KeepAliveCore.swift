import WarrenMachine
import WarrenTraversal

/// How often a peer's connections say that they are alive, without I/O: as often as is safe anywhere to begin with, and once it is
/// known for how long mappings live here, as seldom as these permit.
///
/// ```
///   unknown ──connected for a minute──► measuring ──measured──► known
///      ▲───────────────────another network────────────────────────┘
/// ```
struct KeepAliveCore {
  private enum Knowledge: Hashable {
    case unknown, measuring
    /// Nil where it cannot be found out.
    case known(Duration?)
  }

  private let beginning: Duration
  private var v4 = Knowledge.unknown
  private var v6 = Knowledge.unknown
  /// Since when there is a connection.
  private var connectedSince: Instant?

  init(beginning: Duration) { self.beginning = beginning }

  private subscript(family: IPAddress.Family) -> Knowledge {
    get { family == .v4 ? v4 : v6 }
    set { if family == .v4 { v4 = newValue } else { v6 = newValue } }
  }

  /// Looks whether it is worth knowing more: what is over soon needs no sign of life.
  mutating func look(isConnected: Bool, at now: Instant) {
    connectedSince = isConnected ? connectedSince ?? now : nil
  }

  /// Whether it is time to measure a family for which there is somebody to ask.
  mutating func beginsMeasuring(_ family: IPAddress.Family, at now: Instant) -> Bool {
    guard self[family] == .unknown, let connectedSince,
      connectedSince.duration(to: now) >= PeerLimits.measuringDelay
    else { return false }
    self[family] = .measuring
    return true
  }

  /// It was measured.
  mutating func measured(_ outcome: MappingLifetimeCore.Outcome, _ family: IPAddress.Family) {
    guard self[family] == .measuring else { return }
    switch outcome {
    case .atLeast(let life): self[family] = .known(interval(for: life))
    case .unknown: self[family] = .known(nil)
    }
  }

  /// What was known was of another network.
  mutating func networkChanged(at now: Instant) {
    (v4, v6) = (.unknown, .unknown)
    if connectedSince != nil { connectedSince = now }
  }

  /// As seldom as a mapping's life permits, and not more often than without knowing it, unless it is shorter than that.
  private func interval(for life: Duration) -> Duration {
    let used = life * PeerLimits.unusedLife
    return life < beginning ? used : max(beginning, used)
  }

  /// How often something is to be sent.
  var intervals: KeepAliveIntervals {
    func known(_ knowledge: Knowledge) -> Duration? {
      if case .known(let interval) = knowledge { interval } else { nil }
    }
    return KeepAliveIntervals(beginning: beginning, v4: known(v4), v6: known(v6))
  }
}
