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

  mutating func asked(at now: Instant, _ chance: inout PortMappingChance) {
    count += 1
    due = now.advanced(by: pause * chance.factor(in: PortMappingLimits.pauseJitter))
    pause = min(pause * 2, longest)
  }
}

/// A core's own chance, drawn from a seed that its machine gave: SplitMix64.
struct PortMappingChance: RandomNumberGenerator, Hashable, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  mutating func factor(in range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &self) }
}
