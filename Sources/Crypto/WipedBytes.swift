import CGnuTLS

/// Memory for what nobody else may see: it is wiped before it is given back.
///
/// `@unchecked Sendable`, since it is written only while it is made.
final class WipedBytes: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  /// How many bytes it holds.
  private(set) var count = 0

  /// Memory for `capacity` bytes, zeros at first, of which `fill` writes as many as it returns.
  init<Failure: Error>(
    capacity: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    memory = .allocate(byteCount: capacity, alignment: 8)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    count = try fill(memory)
    precondition(count <= capacity)
  }

  deinit {
    // Not the standard library's way of writing zeros, which the optimizer leaves out before a deallocation.
    gnutls_memset(memory.baseAddress, 0, memory.count)
    memory.deallocate()
  }

  /// Lends the bytes to `body`, which must leave no copy of them.
  func withBytes<Value, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: memory[..<count])))
  }
}
