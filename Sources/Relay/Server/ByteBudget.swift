import WarrenMachine

/// How many bytes may pass, in the long run so many a second, and at once those of a quarter of a second.
struct ByteBudget: Sendable {
  private var left: Double
  private var filledAt: Instant

  init(_ rate: Int?, at now: Instant) {
    left = rate.map(Self.most) ?? 0
    filledAt = now
  }

  /// No datagram is too large for any rate.
  private static func most(_ rate: Int) -> Double {
    max(Double(rate) / 4, Double(MachineLimits.largestDatagram))
  }

  /// Whether so many may pass now, which then counts.
  mutating func spend(_ count: Int, of rate: Int?, at now: Instant) -> Bool {
    guard let rate else { return true }
    if now > filledAt {
      let seconds = Double(now.nanoseconds - filledAt.nanoseconds) / 1e9
      left = min(Self.most(rate), left + Double(rate) * seconds)
      filledAt = now
    }
    guard left >= Double(count) else { return false }
    left -= Double(count)
    return true
  }
}
