import WarrenCrypto
import WarrenMachine

/// Where members stand on rings: all find the same order, and on each ring another one.
enum RingPlace {
  static func of(_ id: PeerID, in ring: Int) -> UInt64 {
    id.withBytes { bytes in
      var hash = UInt64(ring + 1) &* 0x9E37_79B9_7F4A_7C15
      for place in stride(from: 0, to: PeerID.byteCount, by: 8) {
        hash = mixed(hash ^ bytes.number(at: place, as: UInt64.self))
      }
      return hash
    }
  }

  /// Each bit of the result hangs on each of the value (SplitMix64's end).
  static func mixed(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
