import WarrenMachine

extension IPAddress.Family {
  /// The family that STUN calls by this number (RFC 8489, 14.1).
  package init?(stunNumber number: UInt8) {
    switch number {
    case 1: self = .v4
    case 2: self = .v6
    default: return nil
    }
  }

  /// The number by which STUN calls it.
  package var stunNumber: UInt8 { self == .v4 ? 1 : 2 }
}
