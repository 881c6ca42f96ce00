import CQUIC
import WarrenMachine

/// What a stream has to send, until the other side has acknowledged it. The library sends again from here: so nothing
/// moves. Whoever holds it calls ``removeAll()`` in the end.
struct SendBuffer {
  private let pool: ChunkPool
  private var chunks: [Chunk] = []
  /// Of the first chunk, what is acknowledged.
  private var acknowledged = 0
  /// Where the first byte is that was not sent.
  private var chunk = 0
  private var offset = 0
  /// How many bytes were not sent.
  private(set) var unsent = 0
  /// How many bytes were sent and are not acknowledged.
  private(set) var unacknowledged = 0

  init(_ pool: ChunkPool) {
    self.pool = pool
    // What two pieces do not hold must not fit into a packet: else the end would be told too early.
    precondition(QUICLimits.smallChunk > QUICLimits.largestPacket)
  }

  /// Takes a copy of all of these bytes.
  mutating func append(_ bytes: RawSpan) {
    var rest = bytes
    unsent += bytes.byteCount
    while rest.byteCount > 0 {
      if chunks.last?.isFull ?? true { chunks.append(pool.take(for: rest.byteCount)) }
      let last = chunks[chunks.count - 1]
      let count = min(rest.byteCount, last.memory.count - last.used)
      rest.extracting(first: count).withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: last.memory[last.used...]).copyMemory(from: $0)
      }
      chunks[chunks.count - 1].used += count
      rest = rest.extracting(droppingFirst: count)
    }
  }

  /// Lets `body` have what is to be sent next, as far as it lies in two pieces.
  func withUnsent<Value>(_ body: (UnsafePointer<cquic_slice>?, Int) -> Value) -> Value {
    guard unsent > 0 else { return body(nil, 0) }
    return withUnsafeTemporaryAllocation(of: cquic_slice.self, capacity: 2) { slices in
      var count = 0
      var (place, start) = (chunk, offset)
      while count < 2, place < chunks.count {
        let piece = chunks[place]
        if piece.used > start {
          slices.initializeElement(
            at: count,
            to: cquic_slice(
              bytes: (piece.memory.baseAddress! + start).assumingMemoryBound(to: UInt8.self),
              count: piece.used - start))
          count += 1
        }
        (place, start) = (place + 1, 0)
      }
      return body(UnsafePointer(slices.baseAddress), count)
    }
  }

  /// So many bytes are in packets.
  mutating func sent(_ count: Int) {
    unsent -= count
    unacknowledged += count
    var count = count
    while count > 0 {
      let step = min(count, chunks[chunk].used - offset)
      offset += step
      count -= step
      if offset == chunks[chunk].used, chunk + 1 < chunks.count { (chunk, offset) = (chunk + 1, 0) }
    }
  }

  /// So many bytes more have arrived, in order.
  mutating func acknowledge(_ count: Int) {
    acknowledged += count
    unacknowledged -= count
    // The last chunk is still written to, unless it is full.
    while let first = chunks.first, acknowledged >= first.used, first.isFull || chunks.count > 1,
      chunk > 0 || offset == first.used
    {
      acknowledged -= first.used
      pool.giveBack(chunks.removeFirst())
      if chunk > 0 { chunk -= 1 } else { offset = 0 }
    }
    // All that was written has arrived: an idle stream holds nothing.
    if chunks.count == 1, unsent == 0, acknowledged == chunks[0].used {
      pool.giveBack(chunks.removeFirst())
      (chunk, offset, acknowledged) = (0, 0, 0)
    }
  }

  /// Forgets what was not sent. The library may still hold what was, until it says that the stream is closed.
  mutating func forgetUnsent() { unsent = 0 }

  /// Forgets everything: nothing of it will be sent again.
  mutating func removeAll() {
    for chunk in chunks { pool.giveBack(chunk) }
    chunks = []
    (chunk, offset, acknowledged, unsent, unacknowledged) = (0, 0, 0, 0, 0)
  }
}
