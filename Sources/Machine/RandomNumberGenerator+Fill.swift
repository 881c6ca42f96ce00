extension RandomNumberGenerator {
  /// Fills memory with chance.
  package mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    var place = 0
    while place < bytes.count {
      withUnsafeBytes(of: next().littleEndian) { chance in
        let count = min(chance.count, bytes.count - place)
        UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: chance[..<count]))
        place += count
      }
    }
  }

  /// So many bytes of chance.
  package mutating func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      fill(UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }
}
