import WarrenMachine

// What leaves, and when.
extension TCPCore {
  /// The next segment to send now; nil when there is none.
  package mutating func poll(at now: Instant) -> TCPSegment? {
    if let reset {
      self.reset = nil
      return reset
    }
    if let segment = nextSegment(at: now) {
      sendDeadline = sendDeadline ?? roundTrip.deadline(from: now)
      if segment.flags.contains(.ack) { owesAcknowledgement = false }
      return segment
    }
    if owesProbe {
      // A number that the other side has seen makes it answer with its window, as Linux does it
      // (RFC 9293, 3.8.6.1 and 3.10.7.4).
      owesProbe = false
      return segment(.ack, at: sending.unacknowledged - 1)
    }
    if owesAcknowledgement {
      // Not at SND.NXT, which may have gone back: behind what the other side has, it would not be believed.
      owesAcknowledgement = false
      return segment(.ack, at: sending.highest)
    }
    setSendDeadline(at: now)
    return nil
  }

  /// Takes that ``nextDeadline`` has come.
  package mutating func deadlinePassed(at now: Instant) {
    if let waitDeadline, waitDeadline <= now {
      forget()
    } else if let sendDeadline, sendDeadline <= now {
      self.sendDeadline = nil
      sendAgain()
    }
  }

  /// A segment that begins at `position`, with the acknowledgement and the window of this moment.
  mutating func segment(
    _ flags: TCPSegment.Flags, at position: Int, payload: Payload = .empty
  ) -> TCPSegment {
    var segment = TCPSegment(flags, sequence: sending.sequence.number(at: position), payload: payload)
    if flags.contains(.ack) {
      segment.acknowledgement = receiving.sequence.number(at: receiving.next)
      segment.window = receiving.announceWindow(segmentSize: congestion.segmentSize)
    } else if flags.contains(.syn) {
      segment.window = UInt32(limits.receiveBuffer)
    }
    return segment
  }

  /// The next segment that takes sequence space.
  private mutating func nextSegment(at now: Instant) -> TCPSegment? {
    switch state {
    case .closed, .finWait2, .timeWait: return nil
    case .synSent, .synReceived:
      guard sending.next == 0 else { return nil }
      note(upTo: 1, at: now)
      return segment(state == .synSent ? .syn : [.syn, .ack], at: 0)
    case .established, .closeWait, .finWait1, .closing, .lastAck:
      if repeatsFirst {
        repeatsFirst = false
        return part(
          at: sending.unacknowledged, count: min(congestion.segmentSize, sending.bytes.count), at: now)
      }
      guard let count = nextCount else { return nil }
      return part(at: sending.next, count: count, at: now)
    }
  }

  /// How many bytes to send next, 0 for a FIN alone; nil when it is not the time.
  private var nextCount: Int? {
    guard sending.next < sending.limit else { return nil }
    let edge = min(sending.unacknowledged + congestion.allowance, sending.windowEdge)
    let left = max(0, sending.end - sending.next)
    let count = min(congestion.segmentSize, left, max(0, edge - sending.next))
    if count == left, sending.isFinished { return count }
    guard count > 0 else { return nil }
    // Small segments wait for better times (RFC 9293, 3.8.6.2.1), unless nothing else would happen.
    let isWorthwhile =
      count == congestion.segmentSize || sending.inFlight == 0 || count == left && sendsAtOnce
      || count >= sending.largestWindow / 2 || sending.next < sending.highest
    return isWorthwhile ? count : nil
  }

  /// The segment with `count` bytes from `position` on, and the FIN if it follows them.
  private mutating func part(at position: Int, count: Int, at now: Instant) -> TCPSegment {
    var flags: TCPSegment.Flags = .ack
    let end = position + count
    if end == sending.end { flags.insert(.psh) }
    let finishes = sending.isFinished && end == sending.end
    if finishes { flags.insert(.fin) }
    let payload = sending.bytes.part(at: position, count: count)
    note(upTo: finishes ? end + 1 : end, at: now)
    return segment(flags, at: position, payload: payload)
  }

  /// Notes that everything up to `position` leaves now.
  private mutating func note(upTo position: Int, at now: Instant) {
    if position > sending.highest { roundTrip.sent(sending.highest, at: now) }
    sending.sent(upTo: position)
  }

  /// The retransmission timer runs while something is on its way (RFC 6298, 5.1 and 5.2), the persist timer
  /// while a closed window is all that stops us (RFC 9293, 3.8.6.1).
  private mutating func setSendDeadline(at now: Instant) {
    if sending.inFlight > 0 || sending.isBlocked {
      if state != .closed { sendDeadline = sendDeadline ?? roundTrip.deadline(from: now) }
    } else {
      sendDeadline = nil
    }
  }

  /// Nothing was heard in time: sends again, or probes, or gives up (RFC 6298, 5.4 to 5.6).
  private mutating func sendAgain() {
    attempts += 1
    guard attempts <= (isOpening ? limits.openingRetransmissions : limits.retransmissions) else {
      return failed(.timedOut(remoteAddress))
    }
    if sending.isBlocked {
      owesProbe = true
    } else {
      if !isOpening { congestion.timedOut(at: sending.unacknowledged, of: sending.highest) }
      sending.goBack()
    }
    roundTrip.sendingAgain()
    roundTrip.backOff()
  }
}
