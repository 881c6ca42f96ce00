import WarrenMachine

/// Bytes of a stream between two positions: appended at the end, forgotten at the start, read anywhere.
///
/// It keeps payloads as they came and hands out parts of them, so that a byte is copied once on its way in,
/// and once more only where a part spans two payloads.
struct TCPByteQueue {
  private struct Chunk {
    var position: Int
    var bytes: Payload
    var end: Int { position + bytes.count }
  }

  /// Payloads below this size are joined, so that single bytes do not cost an allocation each for long.
  private static let joinBelow = 512

  private var chunks: [Chunk] = []
  /// The first chunk still needed.
  private var head = 0
  /// The position of the first byte.
  private(set) var start: Int
  /// The position behind the last byte.
  private(set) var end: Int

  init(start: Int) {
    self.start = start
    end = start
  }

  var count: Int { end - start }
  var isEmpty: Bool { start == end }

  mutating func append(_ bytes: Payload) {
    guard bytes.count > 0 else { return }
    if let last = chunks.last, head < chunks.count, max(last.bytes.count, bytes.count) < Self.joinBelow {
      chunks[chunks.count - 1].bytes = last.bytes.followed(by: bytes)
    } else {
      chunks.append(Chunk(position: end, bytes: bytes))
    }
    end += bytes.count
  }

  /// Forgets the bytes before `position`.
  mutating func removeFirst(upTo position: Int) {
    start = max(start, min(position, end))
    while head < chunks.count, chunks[head].end <= start {
      chunks[head].bytes = .empty
      head += 1
    }
    // Moving the rest to the front pays when as much again was forgotten: each chunk moves once on average.
    if head == chunks.count || head >= 32 && head * 2 >= chunks.count {
      chunks.removeFirst(head)
      head = 0
    }
  }

  mutating func removeAll() { removeFirst(upTo: end) }

  /// `count` bytes from `position` on, all of which must be here.
  func part(at position: Int, count: Int) -> Payload {
    precondition(position >= start && position + count <= end, "a part outside the queue")
    guard count > 0 else { return .empty }
    let first = chunk(at: position)
    let offset = position - chunks[first].position
    if offset + count <= chunks[first].bytes.count { return chunks[first].bytes[offset..<offset + count] }
    return withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { memory in
      copy(to: memory, from: position)
      return Payload(UnsafeRawBufferPointer(memory))
    }
  }

  /// Takes the first bytes, as many as `buffer` has room for.
  mutating func read(into buffer: inout OutputRawSpan) -> Int {
    let taken = min(count, buffer.freeCapacity)
    guard taken > 0 else { return 0 }
    buffer.withUnsafeMutableBytes { memory, initialized in
      copy(
        to: UnsafeMutableRawBufferPointer(rebasing: memory[initialized..<initialized + taken]), from: start)
      initialized += taken
    }
    removeFirst(upTo: start + taken)
    return taken
  }

  /// Fills `memory` with the bytes from `position` on.
  private func copy(to memory: UnsafeMutableRawBufferPointer, from position: Int) {
    var index = chunk(at: position)
    var offset = position - chunks[index].position
    var filled = 0
    while filled < memory.count {
      let bytes = chunks[index].bytes
      let length = min(bytes.count - offset, memory.count - filled)
      withExtendedLifetime(bytes) {
        UnsafeMutableRawBufferPointer(rebasing: memory[filled...])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.buffer[offset..<offset + length]))
      }
      filled += length
      offset = 0
      index += 1
    }
  }

  /// Which chunk holds the byte at `position`.
  private func chunk(at position: Int) -> Int {
    var low = head
    var high = chunks.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if chunks[middle].position <= position { low = middle } else { high = middle - 1 }
    }
    return low
  }
}

extension Payload {
  /// These bytes and then `others`, copied.
  fileprivate func followed(by others: Payload) -> Payload {
    withUnsafeTemporaryAllocation(byteCount: count + others.count, alignment: 16) { memory in
      withExtendedLifetime((self, others)) {
        memory.copyMemory(from: buffer)
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: others.buffer)
      }
      return Payload(UnsafeRawBufferPointer(memory))
    }
  }
}
