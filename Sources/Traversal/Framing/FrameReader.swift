/// Finds frames, each behind its length in two bytes (RFC 4571), in a stream of bytes.
struct FrameReader {
  /// What has arrived and was not taken: less than a frame.
  private var rest: [UInt8] = []

  /// Calls `body` with each whole frame in what has arrived, and keeps what is left.
  mutating func read(_ bytes: UnsafeRawBufferPointer, _ body: (RawSpan) -> Void) {
    if rest.isEmpty { return keep(bytes[Self.forEach(bytes, body)...]) }
    rest.append(contentsOf: bytes)
    let taken = rest.withUnsafeBytes { Self.forEach($0, body) }
    rest.removeFirst(taken)
  }

  private mutating func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
    if !bytes.isEmpty { rest.append(contentsOf: bytes) }
  }

  /// - Returns: how many bytes were of whole frames.
  private static func forEach(_ bytes: UnsafeRawBufferPointer, _ body: (RawSpan) -> Void) -> Int {
    var taken = 0
    while bytes.count - taken >= 2 {
      let size = Int(bytes[taken]) << 8 | Int(bytes[taken + 1])
      guard bytes.count - taken - 2 >= size else { break }
      body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[taken + 2..<taken + 2 + size])))
      taken += 2 + size
    }
    return taken
  }
}
