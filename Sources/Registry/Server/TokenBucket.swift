import WarrenMachine

/// Lets so many through at once, and so many a second in the long run.
struct TokenBucket: Sendable {
  private let perSecond: Double
  private let capacity: Double
  private var tokens: Double
  private var filledAt: Instant

  init(perSecond: Double, atOnce: Double, at now: Instant) {
    self.perSecond = perSecond
    capacity = atOnce
    tokens = atOnce
    filledAt = now
  }

  /// - Returns: whether one more may go through.
  mutating func take(at now: Instant) -> Bool {
    tokens = min(capacity, tokens + filledAt.duration(to: now) / .seconds(1) * perSecond)
    filledAt = now
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}
