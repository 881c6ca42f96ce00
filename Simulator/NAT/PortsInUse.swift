import WarrenMachine

/// Which ports of one outside address are somebody's, a bit each: where nearly all are, the free ones are found without asking for each.
struct PortsInUse: Sendable {
  private var words = [UInt64](repeating: 0, count: 65_536 / 64)

  mutating func insert(_ port: UInt16) { words[Int(port) / 64] |= 1 << (port % 64) }

  mutating func remove(_ port: UInt16) { words[Int(port) / 64] &= ~(1 << (port % 64)) }

  /// The first from `port` on, and up to `last`, that is nobody's.
  func firstFree(from port: Int, upTo last: Int) -> Int? {
    guard port <= last else { return nil }
    var place = port / 64
    // Those below it count as taken.
    var taken = words[place] | (1 << UInt64(port % 64) - 1)
    while taken == .max {
      place += 1
      guard place * 64 <= last else { return nil }
      taken = words[place]
    }
    let free = place * 64 + (~taken).trailingZeroBitCount
    return free <= last ? free : nil
  }
}
