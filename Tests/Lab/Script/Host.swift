import WarrenMachine

/// The hosts, with the same addresses in both worlds.
enum Host: UInt8, CaseIterable {
  case x1, x2, y, z

  /// The outside address of the box between them.
  static let box = IPAddress(203, 0, 113, 1)

  var address: IPAddress {
    switch self {
    case .x1: IPAddress(192, 168, 1, 2)
    case .x2: IPAddress(192, 168, 1, 3)
    case .y: IPAddress(203, 0, 113, 2)
    case .z: IPAddress(203, 0, 113, 3)
    }
  }

  var isInside: Bool { self == .x1 || self == .x2 }
}
