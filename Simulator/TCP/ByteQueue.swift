/// Bytes that come in at the end and leave at the front, each moved a bounded number of times.
struct ByteQueue {
  private var storage: [UInt8] = []
  private var head = 0

  var count: Int { storage.count - head }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ bytes: UnsafeRawBufferPointer) { storage.append(contentsOf: bytes) }

  mutating func removeFirst(_ count: Int) {
    head += count
    // Moving what is left costs no more than what was removed did.
    if head >= storage.count - head {
      storage.removeFirst(head)
      head = 0
    }
  }

  /// A copy of some of the bytes.
  func payload(_ range: Range<Int>) -> Payload {
    storage.withUnsafeBytes {
      Payload(UnsafeRawBufferPointer(rebasing: $0[head + range.lowerBound..<head + range.upperBound]))
    }
  }

  /// Moves as many bytes into `buffer` as it has room for.
  mutating func move(into buffer: inout OutputRawSpan) -> Int {
    let moved = min(count, buffer.freeCapacity)
    let start = head
    storage.withUnsafeBytes { bytes in
      buffer.append(
        copying: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[start..<start + moved])))
    }
    removeFirst(moved)
    return moved
  }
}
