/// Bytes that say where they belong: each eight of them are made from a key and their place.
struct Pattern: Sendable {
  private let key: UInt64

  init(key: UInt64) { self.key = key &* 0xD1B5_4A32_D192_ED03 }

  /// What belongs to these places.
  func bytes(_ places: Range<Int>) -> [UInt8] {
    let lead = places.lowerBound % 8
    return [UInt8](unsafeUninitializedCapacity: lead + places.count + 8) { buffer, count in
      let memory = UnsafeMutableRawBufferPointer(buffer)
      for place in stride(from: places.lowerBound - lead, to: places.upperBound, by: 8) {
        memory.storeBytes(
          of: word(at: place), toByteOffset: place - places.lowerBound + lead, as: UInt64.self)
      }
      if lead > 0 { memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[lead...])) }
      count = places.count
    }
  }

  /// The first place where something else is than belongs there.
  func firstDifference(of bytes: [UInt8], from start: Int) -> Int? {
    let expected = self.bytes(start..<start + bytes.count)
    guard bytes != expected else { return nil }
    return bytes.indices.first { bytes[$0] != expected[$0] }.map { start + $0 }
  }

  /// The last step of SplitMix64.
  private func word(at place: Int) -> UInt64 {
    var value = key &+ UInt64(truncatingIfNeeded: place) &* 0x9E37_79B9_7F4A_7C15
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return (value ^ value >> 31).littleEndian
  }
}
