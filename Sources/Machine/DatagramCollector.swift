/// Datagrams that have come one by one, as out of a stream, put together into runs again: memory that is taken once, and lent for
/// each call.
public struct DatagramCollector: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private let runs: UnsafeMutableBufferPointer<DatagramRun>
  private var used = 0
  private var runCount = 0

  /// Memory for so many bytes, in so many runs.
  public init(byteCapacity: Int, runCapacity: Int) {
    memory = .allocate(byteCount: byteCapacity, alignment: 64)
    runs = .allocate(capacity: runCapacity)
  }

  deinit {
    memory.deallocate()
    runs.deallocate()
  }

  /// Whether there is nothing.
  public var isEmpty: Bool { runCount == 0 }

  /// Adds a copy of what `peer` has sent. False where there is no room until it is lent.
  public mutating func append(_ payload: RawSpan, from peer: SocketAddress, to local: IPAddress, ecn: ECN)
    -> Bool
  {
    let size = payload.byteCount
    guard size <= memory.count - used else { return false }
    let start = memory.baseAddress! + used
    if runCount > 0, joins(size, from: peer, to: local, ecn) {
      let last = runs[runCount - 1]
      runs[runCount - 1] = run(
        last.buffer.baseAddress, last.byteCount + size, of: last.segmentSize, peer, local, ecn)
    } else {
      guard runCount < runs.count else { return false }
      runs.initializeElement(at: runCount, to: run(start, size, of: size, peer, local, ecn))
      runCount += 1
    }
    payload.withUnsafeBytes {
      start.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(start), byteCount: size)
    }
    used += size
    return true
  }

  /// Lends all of it, and forgets it.
  public mutating func lend(_ body: (borrowing DatagramBatch) -> Void) {
    guard runCount > 0 else { return }
    body(DatagramBatch(runs: UnsafeBufferPointer(rebasing: runs[..<runCount])))
    removeAll()
  }

  /// Forgets all of it.
  public mutating func removeAll() {
    runs.extracting(..<runCount).deinitialize()
    (used, runCount) = (0, 0)
  }

  private func joins(_ size: Int, from peer: SocketAddress, to local: IPAddress, _ ecn: ECN) -> Bool {
    let last = runs[runCount - 1]
    return size > 0 && size <= last.segmentSize && last.byteCount % last.segmentSize == 0
      && last.remote == peer && last.ecn == ecn && last.localIP == local
      && last.byteCount / last.segmentSize < MachineLimits.segmentsPerRun
      && last.byteCount + size <= MachineLimits.largestDatagram
  }

  private func run(
    _ base: UnsafeRawPointer?, _ byteCount: Int, of segmentSize: Int, _ peer: SocketAddress,
    _ local: IPAddress, _ ecn: ECN
  ) -> DatagramRun {
    DatagramRun(
      base: base, byteCount: byteCount, segmentSize: segmentSize, remote: peer, localIP: local, ecn: ecn,
      hopLimit: nil)
  }
}
