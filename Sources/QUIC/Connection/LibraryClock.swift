import WarrenMachine

/// The time as the library is told it: it stands still where a handshake waits for a way.
///
/// What was sent before is sent again as it was when a way is found. The library would take all that time for the length of the
/// way, and wait for losses far longer than there is patience.
struct LibraryClock {
  private var lag: Int64 = 0
  /// What it said when something came or went last: before that it does not go back.
  private var floor: UInt64 = 0

  /// What it says now.
  func coded(_ now: Instant) -> UInt64 { UInt64(max(0, now.nanoseconds - lag)) }

  /// When it will say this.
  func instant(_ coded: UInt64) -> Instant { Instant(nanoseconds: Int64(coded) + lag) }

  /// Something comes or goes.
  mutating func moved(at now: Instant) { floor = coded(now) }

  /// It says no more than `limit` now.
  mutating func hold(at now: Instant, notLaterThan limit: UInt64) {
    lag = max(lag, now.nanoseconds - Int64(max(limit, floor)))
  }
}
