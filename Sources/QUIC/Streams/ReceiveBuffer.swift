import WarrenMachine

/// What has arrived on a stream, in order, until somebody takes it. It holds no more than the window that the other side
/// was given.
struct ReceiveBuffer {
  private var bytes: [UInt8] = []
  private var start = 0
  /// How much came at once, the last time.
  private var usual = 0

  var count: Int { bytes.count - start }

  mutating func append(_ new: UnsafeBufferPointer<UInt8>) {
    if bytes.isEmpty { bytes.reserveCapacity(max(new.count, usual)) }
    bytes.append(contentsOf: new)
  }

  /// Takes everything, or no more than `limit`.
  mutating func take(atMost limit: Int = .max) -> [UInt8] {
    if start == 0, limit >= bytes.count {
      let all = bytes
      usual = min(all.count, QUICLimits.largeChunk * 4)
      bytes = []
      return all
    }
    let end = start + min(count, limit)
    let taken = Array(bytes[start..<end])
    start = end
    if start == bytes.count {
      bytes = []
      start = 0
    } else if start > QUICLimits.largeChunk, start >= count {
      // What is moved is no more than what was taken: many small pieces of much cost no more than a few large ones.
      bytes.removeFirst(start)
      start = 0
    }
    return taken
  }

  mutating func removeAll() {
    bytes = []
    start = 0
  }
}
