import WarrenMachine

/// Datagrams over a TCP connection, each behind its length in two bytes (RFC 4571): for whoever sends datagrams, where nothing but
/// TCP gets through.
///
/// There is one other side: what is sent to others is refused. Used on the machine's executor alone: hence `@unchecked`.
public final class FramedSocket: UDPSocket, @unchecked Sendable {
  /// The machine it belongs to.
  public let machine: any Machine
  /// Where this side of the connection is.
  public let localAddress: SocketAddress
  /// Where the other side is.
  public let remoteAddress: SocketAddress
  /// Called with what has arrived. It waits in TCP as long as it is nil.
  public var onDatagrams: ((borrowing DatagramBatch) -> Void)? {
    didSet { tcp.onReadable = onDatagrams == nil || isClosed ? nil : { [weak self] in self?.read() } }
  }
  public var onWritable: (() -> Void)?
  public var onDeliveryFailure: ((DeliveryFailure) -> Void)?
  /// Called once when the connection has ended.
  public var onLost: ((NetworkError) -> Void)?

  private let tcp: any TCPConnection
  private var reader = FrameReader()
  private var batch = DatagramCollector(
    byteCapacity: FramingLimits.batchBytes, runCapacity: FramingLimits.batchRuns)
  private let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: FramingLimits.readBytes, alignment: 16)
  private var waiting: [UInt8] = []
  private var taken = 0
  private var isClosed = false
  /// Whether somebody waits for room.
  private var isAwaited = false

  /// Carries datagrams over a connection that is open, and closes it.
  public init(over connection: any TCPConnection) {
    tcp = connection
    machine = connection.machine
    localAddress = connection.localAddress
    remoteAddress = connection.remoteAddress
  }

  deinit { scratch.deallocate() }

  private var waitingCount: Int { waiting.count - taken }

  public func close() {
    guard !isClosed else { return }
    isClosed = true
    (onDatagrams, onWritable, onDeliveryFailure, onLost) = (nil, nil, nil, nil)
    tcp.close()
  }

  private func end(_ error: NetworkError) {
    guard !isClosed else { return }
    nonisolated(unsafe) let tell = onLost
    close()
    // It may have been found out while sending, and then the outbox is in use.
    machine.submit { tell?(error) }
  }

  // MARK: Sending

  public func send(_ outbox: inout DatagramOutbox) throws(NetworkError) {
    if isClosed { throw .closed }
    while let run = outbox.pending.first {
      guard run.remote == remoteAddress else {
        outbox.removeFirstDatagram()
        try flush()
        throw .unusableDestination(run.remote)
      }
      let count = append(run)
      if count == run.byteCount { outbox.removeFirst(1) } else { outbox.removeFirst(0, thenBytes: count) }
      guard waitingCount >= FramingLimits.waitingBytes else { continue }
      try flush()
      if waitingCount >= FramingLimits.waitingBytes {
        isAwaited = !outbox.isEmpty
        return
      }
    }
    try flush()
  }

  /// - Returns: how many of its bytes were taken.
  private func append(_ run: DatagramRun) -> Int {
    if taken == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      taken = 0
    }
    let bytes = run.bytes
    var place = 0
    repeat {
      let end = run.count == 1 ? run.byteCount : min(place + run.segmentSize, run.byteCount)
      let size = end - place
      waiting.append(UInt8(size >> 8))
      waiting.append(UInt8(size & 0xFF))
      bytes.extracting(place..<end).withUnsafeBytes { waiting.append(contentsOf: $0) }
      place = end
    } while place < run.byteCount && waitingCount < FramingLimits.waitingBytes
    return place
  }

  private func flush() throws(NetworkError) {
    do throws(NetworkError) {
      while waitingCount > 0 {
        let bytes = waiting
        let count = try tcp.writeNow(bytes.span.bytes.extracting(droppingFirst: taken))
        if count == 0 { break }
        taken += count
      }
    } catch {
      end(error)
      throw .closed
    }
    if waitingCount == 0 {
      tcp.onWritable = nil
    } else if tcp.onWritable == nil {
      tcp.onWritable = { [weak self] in self?.becameWritable() }
    }
  }

  private func becameWritable() {
    guard (try? flush()) != nil, waitingCount < FramingLimits.waitingBytes, isAwaited else { return }
    isAwaited = false
    let tell = onWritable
    onWritable = nil
    tell?()
  }

  // MARK: Receiving

  private func read() {
    var span = OutputRawSpan(buffer: scratch, initializedCount: 0)
    var found = TCPRead.nothingYet
    var failure: NetworkError?
    do throws(NetworkError) { found = try tcp.readNow(into: &span) } catch { failure = error }
    let count = span.finalize(for: scratch)
    reader.read(UnsafeRawBufferPointer(rebasing: scratch[..<count])) { frame in
      guard !frame.isEmpty else { return }
      if !batch.append(frame, from: remoteAddress, to: localAddress.ip, ecn: .notCapable) {
        deliver()
        _ = batch.append(frame, from: remoteAddress, to: localAddress.ip, ecn: .notCapable)
      }
    }
    deliver()
    if let failure { end(failure) } else if found == .ended { end(.connectionReset(remoteAddress)) }
  }

  private func deliver() {
    guard let onDatagrams, !batch.isEmpty else { return batch.removeAll() }
    batch.lend { onDatagrams($0) }
  }
}
