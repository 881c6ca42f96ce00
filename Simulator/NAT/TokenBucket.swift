import WarrenMachine

/// A limit on how often something may happen: so often in a second, and as often at once after a rest.
struct TokenBucket: Sendable {
  private let interval: Int64
  private let depth: Int64
  /// When the bucket would be full if nothing more were taken.
  private var fullAt = Instant(nanoseconds: .min)

  init(perSecond: Int) {
    interval = 1_000_000_000 / Int64(max(1, perSecond))
    depth = Int64(perSecond)
  }

  /// Takes a token if there is one.
  mutating func take(at now: Instant) -> Bool {
    let base = max(fullAt, now)
    guard base.nanoseconds - now.nanoseconds <= interval * (depth - 1) else { return false }
    fullAt = base.after(interval)
    return true
  }
}
