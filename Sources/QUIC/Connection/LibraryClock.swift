import WarrenMachine

/// The time as the library is told it: it stands still where a handshake waits for a way.
///
/// What was sent before is sent again as it was when a way is found. The library would take all that time for the length of the
/// way, and wait for losses far longer than there is patience.
///
/// ```
///   goes ──a client has begun──► stands still ──the first word of the other side──► goes
/// ```
struct LibraryClock {
  private var lag: Int64 = 0
  /// What it says as long as it stands still.
  private var stopped: UInt64?
  /// What it said when something came or went last: before that it does not go back.
  private var floor: UInt64 = 0

  /// What it says now.
  func coded(_ now: Instant) -> UInt64 { stopped ?? UInt64(max(0, now.nanoseconds - lag)) }

  var standsStill: Bool { stopped != nil }

  /// It stands still from now on.
  mutating func stop(at now: Instant) { stopped = coded(now) }

  /// It goes on, and so much later than it has stopped.
  mutating func resume(at now: Instant, after time: Duration) {
    guard let stopped else { return }
    self.stopped = nil
    lag = max(lag, now.nanoseconds - Int64(stopped) - time.wholeNanoseconds)
    moved(at: now)
  }

  /// When it will say this; nil for never.
  func instant(_ coded: UInt64) -> Instant? {
    coded <= UInt64(Int64.max) ? Instant(nanoseconds: Int64(coded) + lag) : nil
  }

  /// Something comes or goes.
  mutating func moved(at now: Instant) { floor = coded(now) }

  /// It says this now, which it would have said later.
  mutating func skip(to coded: UInt64, at now: Instant) {
    guard stopped == nil else { return }
    lag = min(lag, now.nanoseconds - Int64(coded))
    moved(at: now)
  }

  /// It says no more than `limit` now.
  mutating func hold(at now: Instant, notLaterThan limit: UInt64) {
    lag = max(lag, now.nanoseconds - Int64(max(limit, floor)))
  }
}
