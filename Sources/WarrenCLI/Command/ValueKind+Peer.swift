import Warren
import WarrenOptions

extension ValueKind where Value == PeerID {
  /// Somebody's key.
  static var key: ValueKind {
    ValueKind("KEY", expected: "a key as 'warren key' prints it", example: PeerID.example) {
      try PeerID(reading: $0)
    }
  }
}

extension PeerID {
  /// A key that nobody has the private half of, for examples: RFC 8032, 7.1, test 1.
  static let example = "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkena"
}
