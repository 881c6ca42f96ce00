import WarrenMachine

/// What pairs an answer with its question: 96 bits of chance (RFC 8489, 5).
public struct TransactionID: Hashable, Sendable {
  /// Its first 32 bits, and the others.
  public let high: UInt32
  public let low: UInt64

  /// The id of these bits.
  public init(_ high: UInt32, _ low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new one.
  public init(using random: inout some RandomNumberGenerator) {
    high = random.next()
    low = random.next()
  }
}
