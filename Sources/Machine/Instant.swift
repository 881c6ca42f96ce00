/// A moment on a machine's own clock, which never goes back and says nothing about the time of day.
///
/// Two machines' instants cannot be compared: each counts from a start of its own.
public struct Instant: Hashable, Sendable {
  /// Nanoseconds since the clock's start.
  public let nanoseconds: Int64

  /// The moment so many nanoseconds after the clock's start.
  @inlinable
  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// A moment that no clock reaches.
  public static let distantFuture = Instant(nanoseconds: .max)
}

extension Instant: InstantProtocol {
  @inlinable
  public static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The moment `duration` later; the distant future where that cannot be counted.
  @inlinable
  public func advanced(by duration: Duration) -> Instant {
    advanced(byNanoseconds: duration.wholeNanoseconds)
  }

  /// The same, where the duration is a number already.
  @inlinable
  package func advanced(byNanoseconds duration: Int64) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(duration)
    guard overflow else { return Instant(nanoseconds: sum) }
    return Instant(nanoseconds: duration < 0 ? .min : .max)
  }

  /// The earlier of two; of one that is there and one that is not, that one.
  @inlinable
  package static func earliest(_ one: Instant?, _ other: Instant?) -> Instant? {
    guard let one, let other else { return one ?? other }
    return Swift.min(one, other)
  }

  /// How long it is until `other`; negative when it is past.
  @inlinable
  public func duration(to other: Instant) -> Duration {
    let (difference, overflow) = other.nanoseconds.subtractingReportingOverflow(nanoseconds)
    return overflow ? .nanoseconds(other.nanoseconds) - .nanoseconds(nanoseconds) : .nanoseconds(difference)
  }
}

extension Instant: CustomStringConvertible {
  /// Seconds since the clock's start, to the microsecond: `12.000350 s`.
  public var description: String {
    let magnitude = nanoseconds.magnitude / 1000
    let fraction = String(magnitude % 1_000_000)
    let padding = String(repeating: "0", count: 6 - fraction.count)
    return "\(nanoseconds < 0 ? "-" : "")\(magnitude / 1_000_000).\(padding)\(fraction) s"
  }
}

extension Duration {
  /// The duration in nanoseconds, rounded towards zero, held to what 64 bits can count (292 years).
  @inlinable
  public var wholeNanoseconds: Int64 {
    // Most are shorter than nine seconds: 64 bits do, where 128 take several times as long.
    if let attoseconds = Int64(exactly: attoseconds) { return attoseconds / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }

  // Those of the standard library are for every kind of number, and cost a hundred times as much.

  /// So many times as long.
  @inlinable
  package static func * (duration: Duration, count: Int) -> Duration {
    Duration(attoseconds: duration.attoseconds * Int128(count))
  }

  /// One of so many parts.
  @inlinable
  package static func / (duration: Duration, count: Int) -> Duration {
    Duration(attoseconds: duration.attoseconds / Int128(count))
  }

  /// The duration in milliseconds, to a tenth: as a person is told it.
  package var milliseconds: Double { (self / .microseconds(100)).rounded() / 10 }
}
