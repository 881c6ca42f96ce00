/// Ports from one up to another, every one or every second.
public struct PortRange: Hashable, Sendable {
  /// The first port.
  public let lower: UInt16
  /// No port is beyond this.
  public let upper: UInt16

  /// The ports of a closed range that is not empty.
  public init(_ ports: ClosedRange<UInt16>) {
    lower = ports.lowerBound
    upper = ports.upperBound
  }

  /// All ports that are not reserved: what most NATs use.
  public static let unreserved = PortRange(1024...65_535)
  /// What Linux gives to programs, and some NATs to mappings: 28,232 ports.
  public static let linux = PortRange(32_768...60_999)
  /// The dynamic ports of RFC 6335, 6.
  public static let dynamic = PortRange(49_152...65_535)
  /// Every port there is.
  public static let all = PortRange(1...65_535)

  /// How many ports there are.
  public var count: Int { Int(upper) - Int(lower) + 1 }

  /// Whether a port is among them.
  public func contains(_ port: UInt16) -> Bool { port >= lower && port <= upper }

  /// The port so many steps of one from another in this range, around its ends.
  func port(_ distance: Int, from port: UInt16) -> UInt16 {
    let place = (Int(port) - Int(lower) + distance) % count
    return UInt16(Int(lower) + (place < 0 ? place + count : place))
  }

  /// How far it is from one port of this range to another by the shorter way around.
  func distance(from start: UInt16, to end: UInt16) -> Int {
    var distance = (Int(end) - Int(start)) % count
    if distance < 0 { distance += count }
    return distance > count / 2 ? distance - count : distance
  }

  /// The range on a later pass: twice as large each time, around the same ports.
  func widened(times: Int) -> PortRange {
    guard times > 0 else { return self }
    let size = min(65_535, count << times)
    let middle = Int(lower) + count / 2
    let first = max(1, min(middle - size / 2, 65_536 - size))
    return PortRange(UInt16(first)...UInt16(min(65_535, first + size - 1)))
  }
}

extension PortRange: CustomStringConvertible {
  /// `1024-65535`.
  public var description: String { "\(lower)-\(upper)" }
}
