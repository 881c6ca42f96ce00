extension [UInt8] {
  /// What `write` writes, at most `capacity` bytes.
  public init(rawCapacity capacity: Int, _ write: (inout OutputRawSpan) -> Void) {
    self.init(unsafeUninitializedCapacity: capacity) { memory, count in
      let raw = UnsafeMutableRawBufferPointer(memory)
      var span = OutputRawSpan(buffer: raw, initializedCount: 0)
      write(&span)
      count = span.finalize(for: raw)
    }
  }
}
