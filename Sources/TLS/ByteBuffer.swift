import WarrenMachine

/// Bytes on their way through, first in, first out, no more than its capacity. It holds no memory while it is empty: most
/// connections are silent most of the time.
struct ByteBuffer: ~Copyable {
  let capacity: Int
  private var memory: UnsafeMutableRawBufferPointer?
  private var filled = 0..<0

  init(capacity: Int) { self.capacity = capacity }

  deinit { memory?.deallocate() }

  var count: Int { filled.count }
  var isEmpty: Bool { filled.isEmpty }
  var freeCapacity: Int { capacity - count }

  /// Appends what `fill` writes, into all the room there is.
  mutating func append<Value, Failure: Error>(
    _ fill: (inout OutputRawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let room = room()
    var span = OutputRawSpan(buffer: room, initializedCount: 0)
    let result: Result<Value, Failure>
    do throws(Failure) { result = .success(try fill(&span)) } catch { result = .failure(error) }
    filled = filled.lowerBound..<filled.upperBound + span.finalize(for: room)
    releaseIfEmpty()
    return try result.get()
  }

  /// Appends the first of `bytes`, as many as there is room for.
  ///
  /// - Returns: how many.
  mutating func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    let count = min(bytes.count, freeCapacity)
    guard count > 0 else { return 0 }
    room().copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
    filled = filled.lowerBound..<filled.upperBound + count
    return count
  }

  /// Lends the bytes to `take`, which says how many of them are done with.
  mutating func take<Failure: Error>(
    _ take: (UnsafeRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    guard let memory else { return }
    let taken = try take(UnsafeRawBufferPointer(rebasing: memory[filled]))
    filled = filled.lowerBound + taken..<filled.upperBound
    releaseIfEmpty()
  }

  mutating func removeAll() {
    filled = 0..<0
    releaseIfEmpty()
  }

  /// All the room there is, in one piece.
  private mutating func room() -> UnsafeMutableRawBufferPointer {
    let memory = memory ?? .allocate(byteCount: capacity, alignment: 16)
    self.memory = memory
    if filled.lowerBound > 0 {
      memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[filled]))
      filled = 0..<filled.count
    }
    return UnsafeMutableRawBufferPointer(rebasing: memory[filled.upperBound...])
  }

  private mutating func releaseIfEmpty() {
    guard filled.isEmpty else { return }
    filled = 0..<0
    memory?.deallocate()
    memory = nil
  }
}
