import WarrenMachine

/// The checksum of IP, ICMP, UDP and TCP: the complement of a sum of 16-bit words (RFC 1071).
struct InternetChecksum {
  private var sum: UInt64 = 0

  /// Takes in bytes that begin a word; a last one that is alone stands before a zero.
  mutating func add(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      for place in stride(from: 0, to: bytes.count & ~1, by: 2) {
        sum += UInt64(bytes[place]) << 8 | UInt64(bytes[place + 1])
      }
      if bytes.count & 1 == 1 { sum += UInt64(bytes[bytes.count - 1]) << 8 }
    }
  }

  /// Takes in a number, whichever words it stands in.
  mutating func add(_ number: UInt32) { sum += UInt64(number) }

  /// Takes in an address.
  mutating func add(_ ip: IPAddress) {
    for half in [ip.high, ip.low] {
      add(UInt32(truncatingIfNeeded: half >> 32))
      add(UInt32(truncatingIfNeeded: half))
    }
  }

  /// What belongs into the header.
  var value: UInt16 {
    var folded = sum
    while folded > 0xFFFF { folded = folded >> 16 + folded & 0xFFFF }
    return ~UInt16(folded)
  }
}
