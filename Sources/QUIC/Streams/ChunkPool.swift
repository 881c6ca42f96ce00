/// Memory in which bytes wait until the other side has them.
final class Chunk {
  let memory: UnsafeMutableRawBufferPointer
  var used = 0

  init(_ byteCount: Int) { memory = .allocate(byteCount: byteCount, alignment: 16) }

  deinit { memory.deallocate() }

  var isFull: Bool { used == memory.count }
}

/// Large chunks that were used, for whoever needs one next.
final class ChunkPool {
  private var spare: [Chunk] = []

  /// A chunk for so many bytes, or as many of them as one holds.
  func take(for byteCount: Int) -> Chunk {
    guard byteCount > QUICLimits.smallChunk else { return Chunk(QUICLimits.smallChunk) }
    return spare.popLast() ?? Chunk(QUICLimits.largeChunk)
  }

  func giveBack(_ chunk: Chunk) {
    guard chunk.memory.count == QUICLimits.largeChunk, spare.count < QUICLimits.spareChunks else { return }
    chunk.used = 0
    spare.append(chunk)
  }
}
