/// Every port of a range once, in an order that is spread evenly from the first few on.
///
/// A walk by a stride that has no divisor in common with the number of ports visits each of them before it comes
/// back. A stride of the golden part is the one that is never near a simple fraction, so that no block of ports is
/// left out for long: where the NAT prefers some that nobody knows of, they are met more surely than by chance.
struct RangeWalk {
  let range: PortRange
  /// How likely each port is.
  let density: Double
  private let spacing: Int
  private let first: Int
  private let count: Int
  private let stride: Int
  private var place: Int
  private var remaining: Int

  /// - Parameter parity: whether only even (0) or odd (1) ports are wanted.
  init(_ range: PortRange, parity: UInt16?, weight: Double, using random: inout SeededChance) {
    self.range = range
    spacing = parity == nil ? 1 : 2
    first = Int(range.lower) + (parity == nil || range.lower % 2 == parity ? 0 : 1)
    // A range of one port has none of the other parity.
    count = first > Int(range.upper) ? 0 : (Int(range.upper) - first) / spacing + 1
    density = weight / Double(max(1, count))
    place = count == 0 ? 0 : Int(random.next() % UInt64(count))
    var stride = max(1, Int(Double(count) * 0.618_033_988_749_895))
    while Self.greatestDivisor(stride, count) > 1 { stride += 1 }
    self.stride = stride
    remaining = count
  }

  mutating func next() -> UInt16? {
    guard remaining > 0 else { return nil }
    remaining -= 1
    place += stride
    if place >= count { place %= count }
    return UInt16(first + place * spacing)
  }

  private static func greatestDivisor(_ one: Int, _ other: Int) -> Int {
    var (one, other) = (one, other)
    while other != 0 { (one, other) = (other, one % other) }
    return one
  }
}
