extension OutputRawSpan {
  /// Appends a copy of `bytes`, for which there must be room.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func append(copying bytes: RawSpan) {
    precondition(bytes.byteCount <= freeCapacity, "no room for \(bytes.byteCount) bytes")
    unsafe withUnsafeMutableBytes { memory, initialized in
      bytes.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: memory[initialized...]).copyMemory(from: source)
      }
      initialized += bytes.byteCount
    }
  }
}
