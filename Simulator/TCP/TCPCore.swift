import WarrenMachine

/// One end of a TCP connection (RFC 9293) without I/O: segments, calls and the time go in, segments come out.
///
/// ```
///          opening ──SYN+ACK──► established ◄──ACK── answering ◄── a SYN for a listener
///             └──SYN (both at once, 3.5)──────────────► answering
///
///  established ──finish──► finishing ──ACK of FIN──► finished ──FIN──► lingering ──60 s──► gone
///       │                      └────────FIN────────► bothFinishing ──ACK of FIN──► lingering
///       └──FIN──► ended ──finish──► lastFinishing ──ACK of FIN──► gone
/// ```
///
/// After every call, poll until there is nothing left, and set a timer to ``nextDeadline``.
struct TCPCore {
  private enum State: Hashable {
    case opening, answering, established
    case finishing, finished, bothFinishing, lingering
    case ended, lastFinishing
    case gone
  }

  private var state: State
  private var sender: TCPSender
  private var receiver: TCPReceiver
  private let remote: SocketAddress
  private let initialSequence: SequenceNumber
  /// Whether this side began: then a refusal is news to the program (RFC 9293, 3.10.7.4).
  private let isActive: Bool

  private var failure: NetworkError?
  /// Whether the program has closed it: what arrives from now on has no reader.
  private var isClosed = false
  private var mustSendSYN = true
  private var mustAcknowledge = false
  private var reset: TCPSegment?
  private var deadline: Instant?
  private var openingRepeats = 0

  /// A connection that begins with a SYN.
  init(opening sequence: UInt32, maximumSegment: Int, remote: SocketAddress, at now: Instant) {
    state = .opening
    initialSequence = SequenceNumber(sequence)
    sender = TCPSender(first: initialSequence + 1, maximumSegment: maximumSegment)
    receiver = TCPReceiver(next: SequenceNumber(0))
    self.remote = remote
    isActive = true
  }

  /// A connection that answers a SYN.
  init(
    answering segment: TCPSegment, with sequence: UInt32, maximumSegment: Int, remote: SocketAddress,
    at now: Instant
  ) {
    state = .answering
    initialSequence = SequenceNumber(sequence)
    sender = TCPSender(first: initialSequence + 1, maximumSegment: maximumSegment)
    receiver = TCPReceiver(next: SequenceNumber(segment.sequence) + 1)
    self.remote = remote
    isActive = false
  }

  /// What a machine says to a segment for which there is no connection (RFC 9293, 3.10.7.1).
  static func answerToStray(_ segment: TCPSegment) -> TCPSegment? {
    if segment.flags.contains(.rst) { return nil }
    if segment.flags.contains(.ack) { return TCPSegment(.rst, sequence: segment.acknowledgement) }
    return TCPSegment(
      [.rst, .ack], sequence: 0, acknowledgement: segment.sequence &+ segment.length)
  }

  // MARK: What the program sees

  var phase: TCPPhase {
    if let failure { return .failed(failure) }
    return state == .opening || state == .answering ? .opening : .open
  }

  /// Whether reading would say something other than "nothing yet".
  var isReadable: Bool { failure != nil || phase == .open && receiver.isReadable }
  /// Whether writing would take something or fail.
  var isWritable: Bool { failure != nil || phase == .open && sender.freeCapacity > 0 }
  /// Whether it may be forgotten.
  var isGone: Bool { state == .gone && reset == nil }
  /// Whether it only remembers its end.
  var isLingering: Bool { state == .lingering }

  mutating func read(into buffer: inout OutputRawSpan) throws(NetworkError) -> TCPRead {
    if let failure { throw failure }
    guard phase == .open else { return .nothingYet }
    let (count, isNews) = receiver.read(into: &buffer)
    if isNews { mustAcknowledge = true }
    if count > 0 { return .bytes(count) }
    return receiver.isEnded && !receiver.hasUnread ? .ended : .nothingYet
  }

  /// - Returns: how many of the bytes were taken.
  mutating func write(_ bytes: RawSpan, at now: Instant) throws(NetworkError) -> Int {
    if let failure { throw failure }
    if sender.isFinished { throw .finished }
    guard phase == .open else { return 0 }
    return bytes.withUnsafeBytes { sender.write($0) }
  }

  /// The program writes no more.
  mutating func finish(at now: Instant) throws(NetworkError) {
    if let failure { throw failure }
    sender.finish()
  }

  /// The program is done with it: what it wrote still arrives.
  mutating func close(at now: Instant) {
    isClosed = true
    switch state {
    case .opening, .answering: abort(at: now)
    // What was sent to a program that does not read it is lost, and the other side should know
    // (RFC 2525, 2.17).
    case .established, .finishing, .finished, .ended, .bothFinishing, .lastFinishing:
      if receiver.hasUnread { abort(at: now) } else { sender.finish() }
    case .lingering, .gone: break
    }
    if state == .finished { deadline = now.advanced(by: TCPLimits.timeWait) }
  }

  /// The program ends it at once.
  mutating func abort(at now: Instant) {
    isClosed = true
    switch state {
    case .opening, .gone, .lingering: break
    default:
      reset = TCPSegment([.rst, .ack], sequence: sender.next.value, acknowledgement: receiver.next.value)
    }
    vanish()
  }

  // MARK: What arrives

  /// A segment of this connection has come.
  mutating func received(_ segment: TCPSegment, at now: Instant) {
    switch state {
    case .gone: break
    case .opening: receivedWhileOpening(segment, at: now)
    default: receivedWhileSynchronised(segment, at: now)
    }
  }

  private mutating func receivedWhileOpening(_ segment: TCPSegment, at now: Instant) {
    let isAnswer = segment.flags.contains(.ack)
    let answersSYN = SequenceNumber(segment.acknowledgement) == initialSequence + 1
    if isAnswer, !answersSYN {
      if !segment.flags.contains(.rst) { reset = TCPSegment(.rst, sequence: segment.acknowledgement) }
      return
    }
    if segment.flags.contains(.rst) {
      if isAnswer { fail(.connectionRefused(remote)) }
      return
    }
    guard segment.flags.contains(.syn) else { return }
    receiver = TCPReceiver(next: SequenceNumber(segment.sequence) + 1)
    if isAnswer {
      open(with: segment, at: now)
      mustAcknowledge = true
    } else {
      // Both have called each other at once (RFC 9293, 3.5, figure 7).
      state = .answering
      mustSendSYN = true
    }
  }

  private mutating func open(with segment: TCPSegment, at now: Instant) {
    state = .established
    deadline = nil
    _ = sender.acknowledged(segment, at: now)
  }

  private mutating func receivedWhileSynchronised(_ segment: TCPSegment, at now: Instant) {
    var segment = segment
    if state == .answering, segment.flags.contains(.syn),
      SequenceNumber(segment.sequence) + 1 == receiver.next
    {
      // The other's SYN again: alone it was sent twice, with an ACK it is the answer of one who calls as well.
      guard segment.flags.contains(.ack) else {
        mustSendSYN = true
        return
      }
      segment.flags.remove(.syn)
      segment.sequence &+= 1
      mustAcknowledge = true
    }
    let sequence = SequenceNumber(segment.sequence)
    guard receiver.isAcceptable(sequence, length: Int(segment.length)) else {
      if !segment.flags.contains(.rst) { mustAcknowledge = true }
      acknowledgeProbe(segment, at: now)
      return
    }
    if segment.flags.contains(.rst) {
      // Only the exact place is believed; any other in the window is asked about (RFC 5961, 3.2).
      if sequence == receiver.next { wasReset() } else { mustAcknowledge = true }
      return
    }
    if segment.flags.contains(.syn) {
      mustAcknowledge = true
      return
    }
    guard segment.flags.contains(.ack) else { return }
    if state == .answering {
      guard SequenceNumber(segment.acknowledgement) >= initialSequence + 1,
        SequenceNumber(segment.acknowledgement) <= sender.next
      else {
        reset = TCPSegment(.rst, sequence: segment.acknowledgement)
        return
      }
      open(with: segment, at: now)
    } else if !sender.acknowledged(segment, at: now) {
      mustAcknowledge = true
      return
    }
    if sender.isDone { finWasAcknowledged(at: now) }
    take(segment, sequence, at: now)
  }

  /// A segment outside a full window is dropped, but its acknowledgement counts (RFC 9293, 3.10.7.4).
  private mutating func acknowledgeProbe(_ segment: TCPSegment, at now: Instant) {
    guard receiver.window == 0, SequenceNumber(segment.sequence) == receiver.next,
      segment.flags.contains(.ack), !segment.flags.contains(.rst), state != .answering
    else { return }
    _ = sender.acknowledged(segment, at: now)
    if sender.isDone { finWasAcknowledged(at: now) }
  }

  private mutating func take(_ segment: TCPSegment, _ sequence: SequenceNumber, at now: Instant) {
    guard segment.length > 0 else { return }
    mustAcknowledge = true
    switch state {
    case .established, .finishing, .finished:
      if isClosed, segment.payload.count > 0 {
        // Nobody is there to read it.
        abort(at: now)
        return
      }
      receiver.received(sequence, segment.payload, isLast: segment.flags.contains(.fin))
      if receiver.isEnded { otherSideFinished(at: now) }
    case .lingering:
      deadline = now.advanced(by: TCPLimits.timeWait)
    default: break
    }
  }

  private mutating func otherSideFinished(at now: Instant) {
    switch state {
    case .established: state = .ended
    case .finishing: state = .bothFinishing
    case .finished: linger(at: now)
    default: break
    }
  }

  private mutating func finWasAcknowledged(at now: Instant) {
    switch state {
    case .finishing:
      state = .finished
      // Nobody waits for the other's FIN when the program has gone: not for ever (RFC 1122, 4.2.2.13).
      if isClosed { deadline = now.advanced(by: TCPLimits.timeWait) }
    case .bothFinishing: linger(at: now)
    case .lastFinishing: vanish()
    default: break
    }
  }

  private mutating func linger(at now: Instant) {
    state = .lingering
    deadline = now.advanced(by: TCPLimits.timeWait)
  }

  private mutating func wasReset() {
    if state == .answering {
      if isActive { fail(.connectionRefused(remote)) } else { fail(.connectionReset(remote)) }
    } else {
      fail(.connectionReset(remote))
    }
  }

  /// An ICMP error about a segment of this connection has come.
  mutating func received(_ error: ICMPError, at now: Instant) {
    let sequence = SequenceNumber(error.offender.sequence)
    // Whoever cannot see the connection cannot name what is on its way (RFC 5927, 4.1).
    guard sequence >= (state == .opening || state == .answering ? initialSequence : sender.unacknowledged),
      sequence <= sender.next
    else { return }
    switch error.reason {
    case .tooLarge(let mtu):
      sender.limitSegment(to: mtu - (remote.ip.family == .v4 ? 40 : 60))
    case .portUnreachable:
      if state == .opening { fail(.connectionRefused(remote)) }
    case .unreachable, .prohibited, .hopLimitExceeded:
      // Linux takes all of these for final while a connection opens, and for passing afterwards.
      if state == .opening { fail(.unreachable(remote)) }
    }
  }

  private mutating func fail(_ error: NetworkError) {
    failure = error
    vanish()
  }

  private mutating func vanish() {
    state = .gone
    deadline = nil
    mustSendSYN = false
    mustAcknowledge = false
  }

  // MARK: Time

  /// When ``deadlinePassed(at:)`` wants to be called.
  var nextDeadline: Instant? {
    guard state != .gone else { return nil }
    return [deadline, sender.deadline].compactMap { $0 }.min()
  }

  /// The time of ``nextDeadline`` has come.
  mutating func deadlinePassed(at now: Instant) {
    if let deadline, deadline <= now {
      self.deadline = nil
      switch state {
      case .opening, .answering: repeatSYN(at: now)
      case .lingering, .finished: vanish()
      default: break
      }
    }
    if state != .gone, let deadline = sender.deadline, deadline <= now, !sender.deadlinePassed(at: now) {
      fail(.timedOut(remote))
    }
  }

  private mutating func repeatSYN(at now: Instant) {
    openingRepeats += 1
    if openingRepeats > TCPLimits.openingRepeats { fail(.timedOut(remote)) } else { mustSendSYN = true }
  }

  // MARK: What leaves

  /// The next segment to send, if there is one.
  mutating func poll(at now: Instant) -> TCPSegment? {
    if let reset {
      self.reset = nil
      return reset
    }
    switch state {
    case .gone: return nil
    case .opening, .answering: return pollSYN(at: now)
    default: break
    }
    if let piece = sender.poll(at: now) {
      mustAcknowledge = false
      if piece.isLast { finWasSent() }
      var flags: TCPSegment.Flags = piece.isLast ? [.ack, .fin] : [.ack]
      if !piece.payload.isEmpty { flags.insert(.psh) }
      return segment(flags, piece.sequence, piece.payload)
    }
    guard mustAcknowledge else { return nil }
    mustAcknowledge = false
    return segment(.ack, sender.next)
  }

  private mutating func pollSYN(at now: Instant) -> TCPSegment? {
    guard mustSendSYN else {
      guard mustAcknowledge else { return nil }
      mustAcknowledge = false
      return segment(.ack, sender.next)
    }
    mustSendSYN = false
    mustAcknowledge = false
    // 1, 2, 4 s and so on (RFC 6298, 5.5).
    deadline = now.advanced(by: TCPLimits.firstTimeout * (1 << openingRepeats))
    if state == .opening {
      return TCPSegment(.syn, sequence: initialSequence.value, window: receiver.announceWindow())
    }
    return segment([.syn, .ack], initialSequence)
  }

  private mutating func finWasSent() {
    switch state {
    case .established: state = .finishing
    case .ended: state = .lastFinishing
    default: break
    }
  }

  private mutating func segment(
    _ flags: TCPSegment.Flags, _ sequence: SequenceNumber, _ payload: Payload = .empty
  ) -> TCPSegment {
    TCPSegment(
      flags, sequence: sequence.value, acknowledgement: receiver.next.value,
      window: receiver.announceWindow(),
      payload: payload)
  }
}
