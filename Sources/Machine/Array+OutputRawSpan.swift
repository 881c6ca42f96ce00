extension [UInt8] {
  /// What `write` writes from the start, at most `capacity` bytes.
  package init<Failure: Error>(
    rawCapacity capacity: Int, _ write: (inout OutputRawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    var failure: Failure?
    self.init(unsafeUninitializedCapacity: capacity) { memory, count in
      let raw = UnsafeMutableRawBufferPointer(memory)
      var span = OutputRawSpan(buffer: raw, initializedCount: 0)
      do throws(Failure) { try write(&span) } catch { failure = error }
      count = span.finalize(for: raw)
    }
    if let failure { throw failure }
  }
}
