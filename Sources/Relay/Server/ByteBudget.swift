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

  private mutating func fill(_ rate: Int, at now: Instant) {
    guard now > filledAt else { return }
    let seconds = Double(now.nanoseconds - filledAt.nanoseconds) / 1e9
    left = min(Self.most(rate), left + Double(rate) * seconds)
    filledAt = now
  }

  /// How long until so many may pass: what comes over TCP is not lost, but waits. Of more than there ever is at once, until all
  /// that there can be is there; what comes next waits for the rest.
  mutating func delay(_ count: Int, of rate: Int?, at now: Instant) -> Duration {
    guard let rate else { return .zero }
    fill(rate, at: now)
    let missing = min(Double(count), Self.most(rate)) - left
    return missing <= 0 ? .zero : .nanoseconds(Int64(missing / Double(max(rate, 1)) * 1e9) + 1)
  }

  /// So many pass now, which have waited.
  mutating func take(_ count: Int, of rate: Int?) { if rate != nil { left -= Double(count) } }

  /// Whether so many may pass now, which then counts.
  mutating func spend(_ count: Int, of rate: Int?, at now: Instant) -> Bool {
    guard let rate else { return true }
    fill(rate, at: now)
    guard left >= Double(count) else { return false }
    left -= Double(count)
    return true
  }
}
