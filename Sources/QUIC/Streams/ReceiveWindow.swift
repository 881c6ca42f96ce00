import WarrenMachine

/// How much of a stream the other side may send: as much more as was taken, and more than that where the way is long and
/// the reader quick.
///
/// The library can widen windows by itself. But ngtcp2 0.12 tells the other side of a window that it does not know of itself
/// where a packet has no room for the telling, and then ends the connection of whoever uses it.
struct ReceiveWindow {
  private var size: Int
  private let largest: Int
  /// What was taken since the other side was told.
  private var taken = 0
  private var toldAt: Instant

  init(_ size: Int, atMost largest: Int, at now: Instant) {
    self.size = size
    self.largest = largest
    toldAt = now
  }

  /// So many bytes were taken.
  ///
  /// - Returns: how many more the other side is to be told that it may send; 0 for none yet.
  mutating func take(_ count: Int, at now: Instant, roundTrip: @autoclosure () -> Duration) -> Int {
    taken += count
    // A quarter: whoever sends is told long before it must wait.
    guard taken * 4 >= size else { return 0 }
    // All of it was used within four round trips: perhaps it is what holds the other side up.
    let wider = toldAt.duration(to: now) < roundTrip() ? min(size, max(0, largest - size)) : 0
    defer { (taken, toldAt) = (0, now) }
    size += wider
    return taken + wider
  }
}
