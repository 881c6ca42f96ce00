import WarrenMachine

/// The sending half of a connection: what waits for an acknowledgement, how much may be on the way, and when to
/// send again (RFC 5681, 6298, 6582).
struct TCPSender {
  /// The first byte that is not acknowledged, which is the buffer's first.
  private(set) var unacknowledged: SequenceNumber
  /// The next byte to send for the first time.
  private(set) var next: SequenceNumber
  /// Bytes from `unacknowledged` on.
  private var buffer = ByteQueue()
  private(set) var isFinished = false
  private(set) var finWasSent = false

  var maximumSegment: Int
  private var window = 0
  /// What the last update of the window was seen with (RFC 9293, 3.10.7.4).
  private var windowUpdate: (sequence: SequenceNumber, acknowledgement: SequenceNumber)?

  private var congestionWindow: Int
  private var threshold = Int.max
  private var duplicates = 0
  /// Where the recovery from a loss ends, while it lasts.
  private var recovery: SequenceNumber?
  private var mustRepeat = false
  private var mustProbe = false

  private(set) var deadline: Instant?
  private(set) var repeats = 0
  private var smoothed: Double?
  private var variation = 0.0
  private var timeout = TCPLimits.firstTimeout
  /// The byte whose acknowledgement is awaited to measure the round trip, never one sent twice (Karn).
  private var measured: (end: SequenceNumber, sentAt: Instant)?

  init(first: SequenceNumber, maximumSegment: Int) {
    unacknowledged = first
    next = first
    self.maximumSegment = maximumSegment
    congestionWindow = TCPLimits.initialSegments * maximumSegment
  }

  // MARK: What the program does

  var freeCapacity: Int { isFinished ? 0 : max(0, TCPLimits.bufferBytes - buffer.count) }

  /// - Returns: how many of the bytes were taken.
  mutating func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    let taken = min(bytes.count, freeCapacity)
    buffer.append(UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
    return taken
  }

  mutating func finish() { isFinished = true }

  /// Whether everything has arrived, the FIN included.
  var isDone: Bool { finWasSent && unacknowledged == next }

  // MARK: What the other side says

  /// - Returns: whether the acknowledgement is of something that was sent.
  mutating func acknowledged(_ segment: TCPSegment, at now: Instant) -> Bool {
    let acknowledgement = SequenceNumber(segment.acknowledgement)
    guard acknowledgement <= next else { return false }
    if acknowledgement > unacknowledged {
      advance(to: acknowledgement, at: now)
    } else if acknowledgement == unacknowledged, segment.length == 0, next > unacknowledged,
      Int(segment.window) == window
    {
      countDuplicate()
    }
    updateWindow(segment, acknowledgement, at: now)
    // Full, but alive.
    if window == 0 { repeats = 0 }
    return true
  }

  private mutating func advance(to acknowledgement: SequenceNumber, at now: Instant) {
    if let measured, acknowledgement >= measured.end {
      measure(measured.sentAt.duration(to: now))
      self.measured = nil
    }
    let bytes = min(acknowledgement - unacknowledged, buffer.count)
    let wasFull = flight >= congestionWindow - maximumSegment
    buffer.removeFirst(bytes)
    unacknowledged = acknowledgement
    repeats = 0
    duplicates = 0
    if let recovery {
      if acknowledgement >= recovery {
        self.recovery = nil
        congestionWindow = max(threshold, maximumSegment)
      } else {
        // A partial acknowledgement: the next hole is known at once (RFC 6582, 3.2).
        mustRepeat = true
      }
    } else if wasFull {
      congestionWindow +=
        congestionWindow < threshold
        ? min(bytes, 2 * maximumSegment) : max(1, maximumSegment * maximumSegment / congestionWindow)
      congestionWindow = min(congestionWindow, 2 * TCPLimits.bufferBytes)
    }
    deadline = next > unacknowledged ? now.advanced(by: timeout) : nil
  }

  private mutating func countDuplicate() {
    duplicates += 1
    guard duplicates == TCPLimits.duplicatesOfLoss, recovery == nil else { return }
    threshold = max(flight / 2, 2 * maximumSegment)
    congestionWindow = threshold
    recovery = next
    mustRepeat = true
  }

  private mutating func updateWindow(
    _ segment: TCPSegment, _ acknowledgement: SequenceNumber, at now: Instant
  ) {
    let sequence = SequenceNumber(segment.sequence)
    if let last = windowUpdate,
      sequence < last.sequence || sequence == last.sequence && acknowledgement < last.acknowledgement
    {
      return
    }
    windowUpdate = (sequence, acknowledgement)
    window = Int(segment.window)
    if window == 0, unsent > 0, deadline == nil { deadline = now.advanced(by: timeout) }
    if window > 0 { mustProbe = false }
  }

  private mutating func measure(_ roundTrip: Duration) {
    let sample = Double(roundTrip.wholeNanoseconds)
    if let smoothed {
      variation = 0.75 * variation + 0.25 * abs(smoothed - sample)
      self.smoothed = 0.875 * smoothed + 0.125 * sample
    } else {
      smoothed = sample
      variation = sample / 2
    }
    let wanted = Duration.nanoseconds(Int64(smoothed! + max(4 * variation, 1e6)))
    timeout = min(max(wanted, TCPLimits.shortestTimeout), TCPLimits.longestTimeout)
  }

  /// A link on the way carries less than was thought: what is on the way is lost.
  mutating func limitSegment(to size: Int) {
    guard size < maximumSegment else { return }
    maximumSegment = max(size, 88)
    mustRepeat = next > unacknowledged
  }

  // MARK: What time does

  /// - Returns: whether there is still hope.
  mutating func deadlinePassed(at now: Instant) -> Bool {
    deadline = nil
    repeats += 1
    guard repeats <= TCPLimits.dataRepeats else { return false }
    measured = nil
    timeout = min(timeout * 2, TCPLimits.longestTimeout)
    if window == 0 {
      // The other side is full: it is asked with one byte, for as long as it answers (RFC 9293, 3.8.6.1).
      if flight == 0 { mustProbe = true } else { mustRepeat = true }
    } else {
      threshold = max(flight / 2, 2 * maximumSegment)
      congestionWindow = maximumSegment
      recovery = next
      duplicates = 0
      mustRepeat = true
    }
    return true
  }

  // MARK: What leaves

  private var flight: Int { next - unacknowledged }
  private var unsent: Int { finWasSent ? 0 : buffer.count - flight }

  /// A piece of the stream, and whether the FIN goes with it.
  struct Piece {
    var sequence: SequenceNumber
    var payload: Payload
    var isLast: Bool
  }

  mutating func poll(at now: Instant) -> Piece? {
    if mustRepeat {
      mustRepeat = false
      return repeated(at: now)
    }
    if mustProbe, unsent > 0 {
      mustProbe = false
      return fresh(1, at: now)
    }
    let offset = flight
    let room = min(congestionWindow + duplicates * maximumSegment, window) - offset
    let size = min(unsent, maximumSegment, max(0, room))
    if size > 0, size == unsent || size == maximumSegment || offset == 0 { return fresh(size, at: now) }
    if isFinished, !finWasSent, unsent == 0 { return fresh(0, at: now) }
    return nil
  }

  private mutating func fresh(_ size: Int, at now: Instant) -> Piece {
    let offset = flight
    let piece = Piece(
      sequence: next, payload: buffer.payload(offset..<offset + size),
      isLast: isFinished && !finWasSent && size == unsent)
    next = next + size + (piece.isLast ? 1 : 0)
    if piece.isLast { finWasSent = true }
    if measured == nil, repeats == 0 { measured = (next, now) }
    if deadline == nil { deadline = now.advanced(by: timeout) }
    return piece
  }

  private mutating func repeated(at now: Instant) -> Piece? {
    let size = min(maximumSegment, buffer.count, flight)
    let endsHere = finWasSent && size == buffer.count
    guard size > 0 || endsHere else { return nil }
    measured = nil
    if deadline == nil || deadline! <= now { deadline = now.advanced(by: timeout) }
    return Piece(sequence: unacknowledged, payload: buffer.payload(0..<size), isLast: endsHere)
  }
}
