import WarrenMachine

/// How far a UDP flow has come from a question to a stream, which lives longer.
struct Conversation: Sendable {
  /// Whether it is a stream.
  private(set) var isAssured = false
  private var isAnswered = false
  /// After when it can become one; nil where the first answer is enough.
  private let earliest: Instant?

  /// One to which time makes no difference.
  init() { earliest = nil }

  init(begunAt now: Instant, _ times: NATTimes) { earliest = times.streamAge.map { now.after($0) } }

  /// A packet has come from a side. The answer itself does not count as the packet after it.
  @inline(__always)
  mutating func saw(from side: NATSide, at now: Instant) {
    guard !isAssured else { return }
    if let earliest {
      isAssured = isAnswered && now > earliest
      if side == .outside { isAnswered = true }
    } else {
      isAssured = side == .outside
    }
  }
}
