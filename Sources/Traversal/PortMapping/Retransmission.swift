import WarrenMachine

/// When a question is asked next: after a pause that doubles, with chance in it (RFC 6887, 8.1.1).
struct Retransmission: Hashable, Sendable {
  /// When to ask.
  private(set) var due: Instant
  /// How often it was asked.
  private(set) var count = 0
  private var pause: Duration
  private let longest: Duration

  /// Due at once.
  init(at now: Instant, first: Duration, longest: Duration) {
    due = now
    pause = first
    self.longest = longest
  }

  mutating func asked(at now: Instant, _ chance: inout SeededChance) {
    count += 1
    due = now.advanced(by: pause * chance.factor(in: PortMappingLimits.pauseJitter))
    pause = min(pause * 2, longest)
  }
}
