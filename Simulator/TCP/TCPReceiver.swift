import WarrenMachine

/// The receiving half of a connection: what has arrived in order, and what waits for what is missing.
struct TCPReceiver {
  /// The next byte in order.
  private(set) var next: SequenceNumber
  private var buffer = ByteQueue()
  /// What came too early, in order and without overlaps.
  private var early: [(sequence: SequenceNumber, payload: Payload)] = []
  /// Where the stream ends, once that is known.
  private var end: SequenceNumber?
  /// Whether everything has arrived, the FIN included.
  private(set) var isEnded = false
  private var announced = TCPLimits.bufferBytes

  init(next: SequenceNumber) { self.next = next }

  var isReadable: Bool { !buffer.isEmpty || isEnded }
  var hasUnread: Bool { !buffer.isEmpty }

  var window: Int { max(0, TCPLimits.bufferBytes - buffer.count) }

  /// The window as it is told to the other side.
  mutating func announceWindow() -> UInt32 {
    announced = window
    return UInt32(window)
  }

  /// Whether a part of a segment lies in the window (RFC 9293, 3.10.7.4).
  func isAcceptable(_ sequence: SequenceNumber, length: Int) -> Bool {
    func isInside(_ place: SequenceNumber) -> Bool { place >= next && place < next + window }
    if length == 0 { return window == 0 ? sequence == next : isInside(sequence) }
    // A probe of a full window is answered, not refused: its acknowledgement matters.
    return window > 0 && (isInside(sequence) || isInside(sequence + (length - 1)))
  }

  mutating func received(_ sequence: SequenceNumber, _ payload: Payload, isLast: Bool) {
    if isLast, end == nil { end = sequence + payload.count }
    store(sequence, payload)
    while let first = early.first, first.sequence <= next {
      early.removeFirst()
      let known = next - first.sequence
      guard known < first.payload.count else { continue }
      let fresh = first.payload[known..<min(first.payload.count, known + window)]
      buffer.append(fresh.buffer)
      next = next + fresh.count
    }
    if let end, next == end, !isEnded {
      isEnded = true
      next = next + 1
    }
  }

  /// Keeps what is new of a segment, in its place.
  private mutating func store(_ sequence: SequenceNumber, _ payload: Payload) {
    var start = sequence
    var rest = payload[0..<min(payload.count, max(0, next + window - sequence))]
    if start < next {
      let known = min(next - start, rest.count)
      rest = rest[known..<rest.count]
      start = next
    }
    var index = 0
    while !rest.isEmpty {
      if index == early.count || start < early[index].sequence {
        let gap = index == early.count ? rest.count : min(rest.count, early[index].sequence - start)
        early.insert((start, rest[0..<gap]), at: index)
        start = start + gap
        rest = rest[gap..<rest.count]
      } else {
        let known = min(rest.count, max(0, early[index].sequence + early[index].payload.count - start))
        start = start + known
        rest = rest[known..<rest.count]
      }
      index += 1
    }
  }

  /// - Returns: how many bytes were read, and whether the other side should hear of the room.
  mutating func read(into output: inout OutputRawSpan) -> (count: Int, isNews: Bool) {
    let count = buffer.move(into: &output)
    // Half a buffer more than it knows of: less would be a silly window (RFC 9293, 3.8.6.2.2).
    return (count, window - announced >= TCPLimits.bufferBytes / 2 || announced == 0 && window > 0)
  }
}

extension Payload {
  var isEmpty: Bool { count == 0 }
}
