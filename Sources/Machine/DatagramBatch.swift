/// Datagrams that arrived together, lent to whoever receives them for the length of one call.
///
/// Nothing in it is copied: the bytes lie where the system put them, and are gone when the call returns.
public struct DatagramBatch: ~Copyable, ~Escapable {
  @usableFromInline let runs: UnsafeBufferPointer<DatagramRun>

  /// The batch of these runs, for those who implement a ``UDPSocket``.
  @inlinable
  @_lifetime(borrow runs)
  package init(runs: UnsafeBufferPointer<DatagramRun>) {
    self.runs = runs
  }

  /// How many datagrams there are.
  public var count: Int { runs.reduce(0) { $0 + $1.count } }

  /// Calls `body` with each datagram in the order of arrival.
  @inlinable
  public borrowing func forEach(_ body: (borrowing Datagram) -> Void) {
    for run in runs { run.forEach(body) }
  }

  /// Calls `body` with each run of equal datagrams from one sender, to be handed on as it is.
  @inlinable
  public borrowing func forEachRun(_ body: (borrowing DatagramRun) -> Void) {
    for run in runs { body(run) }
  }
}

/// One datagram that arrived.
public struct Datagram: ~Escapable {
  /// What it carries.
  public let payload: RawSpan
  /// Who sent it.
  public let source: SocketAddress
  /// Which of this machine's addresses it was sent to, where the system says.
  public let localIP: IPAddress?
  /// What its header says of congestion.
  public let ecn: ECN
  /// How many routers it could still have crossed, where the system says.
  public let hopLimit: UInt8?

  @inlinable
  @_lifetime(copy payload)
  init(payload: RawSpan, run: DatagramRun) {
    self.payload = payload
    source = run.remote
    localIP = run.localIP
    ecn = run.ecn
    hopLimit = run.hopLimit
  }
}

/// Datagrams between the same two addresses, end to end in memory, all of one size but for a shorter last.
///
/// This is what one system call carries where the kernel can split and join (`UDP_SEGMENT`, `UDP_GRO`).
public struct DatagramRun {
  @usableFromInline let base: UnsafeRawPointer?
  /// The size of all its datagrams together.
  public let byteCount: Int
  /// The size of each datagram but perhaps the last.
  public let segmentSize: Int
  /// The other side: who sent it, or where it goes.
  public let remote: SocketAddress
  /// This side: the address it arrived at, or is to leave from.
  public let localIP: IPAddress?
  /// What the headers say of congestion.
  public let ecn: ECN
  /// How many routers it may still cross; nil where the system does not say, or shall choose.
  public let hopLimit: UInt8?

  /// A run of the bytes at `base`, for those who implement a ``UDPSocket``.
  @inlinable
  package init(
    base: UnsafeRawPointer?, byteCount: Int, segmentSize: Int, remote: SocketAddress, localIP: IPAddress?,
    ecn: ECN, hopLimit: UInt8?
  ) {
    self.base = base
    self.byteCount = byteCount
    self.segmentSize = segmentSize
    self.remote = remote
    self.localIP = localIP
    self.ecn = ecn
    self.hopLimit = hopLimit
  }

  /// How many datagrams there are; an empty one counts.
  @inlinable
  public var count: Int { isSingle ? 1 : (byteCount + segmentSize - 1) / segmentSize }

  @inlinable
  var isSingle: Bool { byteCount <= segmentSize || segmentSize == 0 }

  /// All its bytes.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      unsafe _overrideLifetime(
        RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: byteCount)), borrowing: self)
    }
  }

  /// Its bytes as the calls of the system want them, for those who implement a ``UDPSocket``.
  @inlinable
  package var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: byteCount) }

  @inlinable
  func forEach(_ body: (borrowing Datagram) -> Void) {
    if isSingle {
      body(Datagram(payload: bytes, run: self))
      return
    }
    var offset = 0
    while offset < byteCount {
      let end = min(offset + segmentSize, byteCount)
      body(Datagram(payload: bytes.extracting(offset..<end), run: self))
      offset = end
    }
  }
}
