import WarrenMachine

/// Lets so many through at once, and so many a second in the long run.
package struct TokenBucket: Sendable {
  private var tokens: Double
  private var filledAt: Instant

  /// A bucket that is full.
  package init(of rate: RequestRate, at now: Instant) {
    tokens = rate.atOnce
    filledAt = now
  }

  /// Takes a token.
  ///
  /// - Returns: nil if there was one; else when there is one again.
  package mutating func take(at rate: RequestRate, _ now: Instant) -> Duration? {
    tokens = min(rate.atOnce, tokens + rate.perSecond * (filledAt.duration(to: now) / .seconds(1)))
    filledAt = now
    guard tokens >= 1 else { return .seconds((1 - tokens) / rate.perSecond) }
    tokens -= 1
    return nil
  }
}
