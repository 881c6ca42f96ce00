/// Memory in which bytes wait until the other side has them. It is whoever holds it who gives it back to its pool.
struct Chunk {
  let memory: UnsafeMutableRawBufferPointer
  var used = 0

  var isFull: Bool { used == memory.count }
}

/// Where chunks come from: large ones that were used are kept for whoever needs one next.
final class ChunkPool {
  private var spare: [UnsafeMutableRawBufferPointer] = []

  deinit { for memory in spare { memory.deallocate() } }

  /// A chunk for so many bytes, or as many of them as one holds.
  func take(for byteCount: Int) -> Chunk {
    if byteCount > QUICLimits.smallChunk, let memory = spare.popLast() { return Chunk(memory: memory) }
    let size = byteCount > QUICLimits.smallChunk ? QUICLimits.largeChunk : QUICLimits.smallChunk
    return Chunk(memory: .allocate(byteCount: size, alignment: 16))
  }

  func giveBack(_ chunk: Chunk) {
    if chunk.memory.count == QUICLimits.largeChunk, spare.count < QUICLimits.spareChunks {
      spare.append(chunk.memory)
    } else {
      chunk.memory.deallocate()
    }
  }
}
