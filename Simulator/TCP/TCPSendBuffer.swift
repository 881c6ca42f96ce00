/// What this side sends: the SYN, the bytes, the FIN, and how far each has come (RFC 9293, 3.3.1).
struct TCPSendBuffer {
  /// The numbers of this direction.
  let sequence: TCPSequence
  /// The bytes that were written and are not acknowledged.
  private(set) var bytes = TCPByteQueue(start: 1)
  /// SND.UNA: everything before it has arrived.
  private(set) var unacknowledged = 0
  /// SND.NXT: what is sent next; it goes back to send something again.
  private(set) var next = 0
  /// Behind the last thing ever sent.
  private(set) var highest = 0
  /// Whether a FIN follows the last byte.
  var isFinished = false

  /// SND.WND as a position: what the other side takes ends here.
  private(set) var windowEdge = 1
  /// The largest window that the other side ever announced.
  private(set) var largestWindow = 0
  /// SND.WL1 and SND.WL2: the segment that announced the window.
  private var windowSource = (sequence: Int.min, acknowledgement: Int.min)

  init(initialSequence: UInt32) {
    sequence = TCPSequence(initial: initialSequence)
  }

  /// Behind the last byte written: the position of the FIN, if there is to be one.
  var end: Int { bytes.end }
  /// Behind everything that is to be sent.
  var limit: Int { isFinished ? end + 1 : end }
  /// How much is on its way.
  var inFlight: Int { next - unacknowledged }
  /// Whether the other side has everything, the FIN included.
  var isAcknowledged: Bool { isFinished && unacknowledged == limit }
  /// Whether bytes wait for a window while nothing is on its way that could bring one.
  var isBlocked: Bool { inFlight == 0 && next > 0 && next < end && windowEdge <= next }

  mutating func append(_ payload: Payload) { bytes.append(payload) }

  /// Notes that everything up to `position` has been sent.
  mutating func sent(upTo position: Int) {
    next = max(next, position)
    highest = max(highest, next)
  }

  /// Notes that everything before `position` has arrived.
  mutating func acknowledged(upTo position: Int) {
    unacknowledged = position
    next = max(next, position)
    bytes.removeFirst(upTo: position)
  }

  /// Begins again with the first thing that was not acknowledged.
  mutating func goBack() { next = unacknowledged }

  /// Takes the window of a segment unless a later segment announced one already (RFC 9293, 3.10.7.4).
  mutating func announced(_ window: UInt32, by sequence: Int, acknowledging position: Int) {
    guard (windowSource.sequence, windowSource.acknowledgement) <= (sequence, position) else { return }
    windowSource = (sequence, position)
    windowEdge = position + Int(window)
    largestWindow = max(largestWindow, Int(window))
  }

  /// Forgets what nobody will take.
  mutating func removeAll() { bytes.removeAll() }
}
