/// The checksum of ISO 3309 that a fingerprint is made of (RFC 8489, 14.7), eight bytes at a time.
enum CRC32 {
  /// Eight tables of 256, one behind the other: the first is the usual one, each next shifts one byte further.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      tables[byte] = (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1
      }
    }
    for place in 256..<tables.count {
      let previous = tables[place - 256]
      tables[place] = previous >> 8 ^ tables[Int(previous & 0xFF)]
    }
    return tables
  }()

  static func checksum(of bytes: RawSpan) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      bytes.withUnsafeBytes { bytes in
        var crc = ~UInt32(0)
        var offset = 0
        while offset + 8 <= bytes.count {
          let word =
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) ^ UInt64(crc)
          var next: UInt32 = 0
          for place in 0..<8 {
            next ^= tables[(7 - place) * 256 + Int(word >> UInt64(8 * place) & 0xFF)]
          }
          crc = next
          offset += 8
        }
        while offset < bytes.count {
          crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[offset])) & 0xFF)]
          offset += 1
        }
        return ~crc
      }
    }
  }
}
