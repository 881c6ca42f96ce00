/// Datagrams on their way out: written once, straight into memory that the system sends from.
///
/// Neighbours of one size to one destination become a run, and a run leaves in a single call where the kernel
/// can split it. An outbox allocates when it is made and never again.
public struct DatagramOutbox: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private var used = 0
  private var runs: [DatagramRun] = []
  /// Runs before this one have been sent.
  private var firstRun = 0

  /// An outbox for `byteCapacity` bytes in at most `runCapacity` runs.
  public init(byteCapacity: Int = MachineLimits.outboxBytes, runCapacity: Int = 256) {
    memory = .allocate(byteCount: max(byteCapacity, 1), alignment: 64)
    runs.reserveCapacity(runCapacity)
    self.runCapacity = runCapacity
  }

  private let runCapacity: Int

  deinit { memory.deallocate() }

  /// Whether everything has been sent.
  public var isEmpty: Bool { firstRun == runs.count }

  /// How many datagrams wait to be sent.
  public var count: Int { runs[firstRun...].reduce(0) { $0 + $1.count } }

  /// How many bytes more it can take.
  public var freeCapacity: Int { memory.count - used }

  /// Adds the datagram that `write` writes, of at most `capacity` bytes; one that stays empty is not added.
  ///
  /// - Returns: whether there was room. When not, `write` is not called: send, and try again.
  @discardableResult
  public mutating func append(
    to destination: SocketAddress, from localIP: IPAddress? = nil, ecn: ECN = .notCapable,
    hopLimit: UInt8? = nil, capacity: Int, _ write: (inout OutputRawSpan) -> Void
  ) -> Bool {
    guard capacity <= freeCapacity, runs.count < runCapacity else { return false }
    let room = UnsafeMutableRawBufferPointer(rebasing: memory[used..<used + capacity])
    var span = OutputRawSpan(buffer: room, initializedCount: 0)
    write(&span)
    let size = span.finalize(for: room)
    if size > 0 { add(size, to: destination, from: localIP, ecn: ecn, hopLimit: hopLimit) }
    return true
  }

  /// Adds the datagram that `write` writes, of at most `capacity` bytes, to where it says; one of which it says nothing is
  /// not added.
  ///
  /// - Returns: whether there was room. When not, `write` is not called: send, and try again.
  @discardableResult
  public mutating func append(
    capacity: Int, _ write: (inout OutputRawSpan) -> DatagramEnvelope?
  ) -> Bool {
    guard capacity <= freeCapacity, runs.count < runCapacity else { return false }
    let room = UnsafeMutableRawBufferPointer(rebasing: memory[used..<used + capacity])
    var span = OutputRawSpan(buffer: room, initializedCount: 0)
    let envelope = write(&span)
    let size = span.finalize(for: room)
    if size > 0, let envelope {
      add(
        size, to: envelope.destination, from: envelope.localIP, ecn: envelope.ecn, hopLimit: envelope.hopLimit
      )
    }
    return true
  }

  /// Adds a datagram that carries a copy of `payload`, which may be empty.
  ///
  /// - Returns: whether there was room. When not: send, and try again.
  @discardableResult
  public mutating func append(
    _ payload: RawSpan, to destination: SocketAddress, from localIP: IPAddress? = nil,
    ecn: ECN = .notCapable, hopLimit: UInt8? = nil
  ) -> Bool {
    guard payload.byteCount <= freeCapacity, runs.count < runCapacity else { return false }
    payload.withUnsafeBytes { bytes in
      UnsafeMutableRawBufferPointer(rebasing: memory[used...]).copyMemory(from: bytes)
    }
    add(payload.byteCount, to: destination, from: localIP, ecn: ecn, hopLimit: hopLimit)
    return true
  }

  /// Adds a run of equal datagrams, each of `segmentSize` bytes but for a shorter last, as it came in.
  ///
  /// - Returns: whether there was room. When not: send, and try again.
  @discardableResult
  public mutating func append(
    run payload: RawSpan, segmentSize: Int, to destination: SocketAddress, from localIP: IPAddress? = nil,
    ecn: ECN = .notCapable, hopLimit: UInt8? = nil
  ) -> Bool {
    guard segmentSize > 0, payload.byteCount > segmentSize else {
      return append(payload, to: destination, from: localIP, ecn: ecn, hopLimit: hopLimit)
    }
    guard payload.byteCount <= freeCapacity, runs.count < runCapacity else { return false }
    let start = used
    payload.withUnsafeBytes { bytes in
      UnsafeMutableRawBufferPointer(rebasing: memory[start...]).copyMemory(from: bytes)
    }
    used += payload.byteCount
    runs.append(
      DatagramRun(
        base: memory.baseAddress! + start, byteCount: payload.byteCount, segmentSize: segmentSize,
        remote: destination, localIP: localIP, ecn: ecn, hopLimit: hopLimit))
    return true
  }

  /// Forgets everything that has not been sent.
  public mutating func removeAll() {
    used = 0
    firstRun = 0
    runs.removeAll(keepingCapacity: true)
  }

  private mutating func add(
    _ size: Int, to destination: SocketAddress, from localIP: IPAddress?, ecn: ECN, hopLimit: UInt8?
  ) {
    let start = used
    used += size
    if let last = runs.last, runs.count > firstRun, last.joins(size),
      last.remote == destination, last.localIP == localIP, last.ecn == ecn, last.hopLimit == hopLimit
    {
      runs[runs.count - 1] = DatagramRun(
        base: last.base, byteCount: last.byteCount + size, segmentSize: last.segmentSize,
        remote: destination, localIP: localIP, ecn: ecn, hopLimit: hopLimit)
    } else {
      runs.append(
        DatagramRun(
          base: memory.baseAddress! + start, byteCount: size, segmentSize: size, remote: destination,
          localIP: localIP, ecn: ecn, hopLimit: hopLimit))
    }
  }
}

// MARK: For those who implement a `UDPSocket`

extension DatagramOutbox {
  /// What waits to be sent, in order.
  package var pending: ArraySlice<DatagramRun> { runs[firstRun...] }

  /// Takes out the first `count` runs, and then the first `bytes` of the next: they were sent, or refused for good.
  package mutating func removeFirst(_ count: Int, thenBytes bytes: Int = 0) {
    firstRun += count
    if firstRun == runs.count { return removeAll() }
    if bytes > 0 { runs[firstRun] = runs[firstRun].droppingFirst(bytes) }
  }

  /// Takes out the next datagram: it was refused for good.
  package mutating func removeFirstDatagram() {
    if firstIsRun { removeFirst(0, thenBytes: runs[firstRun].segmentSize) } else { removeFirst(1) }
  }

  /// Whether what comes next is more than one datagram.
  package var firstIsRun: Bool { firstRun < runs.count && runs[firstRun].count > 1 }
}

extension DatagramRun {
  /// What is left when whole datagrams of `bytes` together were sent.
  fileprivate func droppingFirst(_ bytes: Int) -> DatagramRun {
    DatagramRun(
      base: base.map { $0 + bytes }, byteCount: byteCount - bytes, segmentSize: segmentSize, remote: remote,
      localIP: localIP, ecn: ecn, hopLimit: hopLimit)
  }

  /// Whether a datagram of `size` bytes may follow in the same run.
  fileprivate func joins(_ size: Int) -> Bool {
    size > 0 && size <= segmentSize
      // A shorter datagram has ended the run.
      && byteCount % segmentSize == 0
      && byteCount / segmentSize < MachineLimits.segmentsPerRun
      && byteCount + size <= MachineLimits.largestDatagram
  }
}
