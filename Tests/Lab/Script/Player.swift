import WarrenMachine

/// The sockets that scripts are about: those of X2 have the ports of X1's, where the profile allows it.
enum Player: UInt8, CaseIterable, CustomStringConvertible {
  case x1a, x1b, x1c, x2a, x2b
  case y1, y2, z1

  static let inside: [Player] = [.x1a, .x1b, .x1c, .x2a, .x2b]
  static let outside: [Player] = [.y1, .y2, .z1]

  var host: Host {
    switch self {
    case .x1a, .x1b, .x1c: .x1
    case .x2a, .x2b: .x2
    case .y1, .y2: .y
    case .z1: .z
    }
  }

  /// Which of its host's sockets it is.
  private var place: UInt16 {
    switch self {
    case .x1a, .x2a, .y1, .z1: 0
    case .x1b, .x2b, .y2: 1
    case .x1c: 2
    }
  }

  /// Where it is.
  func address(in profile: Profile) -> SocketAddress {
    let first: UInt16 =
      switch host {
      case .x1: Profile.firstPort
      case .x2: profile.portsDiffer ? Profile.firstPort + Profile.portsOfAHost : Profile.firstPort
      case .y, .z: 1111
      }
    return SocketAddress(host.address, port: first + place)
  }

  var description: String {
    switch self {
    case .x1a: "x1a"
    case .x1b: "x1b"
    case .x1c: "x1c"
    case .x2a: "x2a"
    case .x2b: "x2b"
    case .y1: "y1"
    case .y2: "y2"
    case .z1: "z1"
    }
  }
}
