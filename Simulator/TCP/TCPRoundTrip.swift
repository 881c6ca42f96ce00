import WarrenMachine

/// How long to wait for an acknowledgement (RFC 6298).
struct TCPRoundTrip {
  private var smoothed: Int64?
  private var variation: Int64 = 0
  private var timeout: Int64
  private let shortest: Int64
  private let longest: Int64
  /// How often the wait was doubled; only a new measurement undoes it (Karn's algorithm, RFC 6298, 5.7).
  private var doublings = 0
  /// What is being measured: one thing at a time, never one that was sent twice (RFC 6298, 3).
  private var timed: (position: Int, sentAt: Instant)?

  init(limits: TCPLimits) {
    timeout = limits.initialTimeout.wholeNanoseconds
    shortest = limits.shortestTimeout.wholeNanoseconds
    longest = limits.longestTimeout.wholeNanoseconds
  }

  /// When to give up waiting for what is sent now.
  func deadline(from now: Instant) -> Instant {
    // Nothing is doubled more often than its limit of retransmissions; a shift too far would be 0.
    let doubled = doublings < 32 ? timeout << doublings : longest
    return now.advanced(by: .nanoseconds(min(doubled, longest)))
  }

  /// Notes that `position` was sent for the first time.
  mutating func sent(_ position: Int, at now: Instant) {
    if timed == nil { timed = (position, now) }
  }

  /// Notes that something is sent again: what is being measured would prove nothing.
  mutating func sendingAgain() { timed = nil }

  /// Notes that everything before `position` has arrived.
  mutating func acknowledged(upTo position: Int, at now: Instant) {
    guard let timed, timed.position < position else { return }
    self.timed = nil
    measured(now.nanoseconds - timed.sentAt.nanoseconds)
  }

  /// Doubles the wait (RFC 6298, 5.5).
  mutating func backOff() { doublings += 1 }

  /// Undoes the doublings of probes that were answered.
  mutating func endBackOff() { doublings = 0 }

  /// Begins with data after the SYN was sent more than once (RFC 6298, 5.7).
  mutating func lostSYN(limits: TCPLimits) {
    timeout = limits.timeoutAfterLostSYN.wholeNanoseconds
    doublings = 0
  }

  /// RFC 6298, 2.2 and 2.3. The clock's grain is a nanosecond.
  private mutating func measured(_ sample: Int64) {
    if let old = smoothed {
      variation = (3 * variation + abs(old - sample)) / 4
      smoothed = (7 * old + sample) / 8
    } else {
      smoothed = sample
      variation = sample / 2
    }
    timeout = min(max(smoothed! + max(4 * variation, 1), shortest), longest)
    doublings = 0
  }
}
