import WarrenMachine

// What arrives, in the order of RFC 9293, 3.10.7.
extension TCPCore {
  /// Takes a segment from the other side.
  package mutating func received(_ segment: TCPSegment, at now: Instant) {
    switch state {
    case .closed: reset = reset ?? Self.answerToStray(segment)
    case .synSent: receivedInSYNSent(segment, at: now)
    default: receivedSynchronized(segment, at: now)
    }
  }

  // MARK: 3.10.7.3

  private mutating func receivedInSYNSent(_ segment: TCPSegment, at now: Instant) {
    let acknowledges = segment.flags.contains(.ack)
    if acknowledges, segment.acknowledgement != sending.sequence.number(at: 1) || sending.highest == 0 {
      // Half of an old connection, perhaps: the reset clears it (3.5.1).
      reset = Self.answerToStray(segment)
      return
    }
    if segment.flags.contains(.rst) {
      if acknowledges { failed(.connectionRefused(remoteAddress)) }
      return
    }
    guard segment.flags.contains(.syn) else { return }
    receiving = TCPReceiveBuffer(initialSequence: segment.sequence, limits: limits)
    if acknowledges {
      opened()
      acknowledged(segment, at: 0, upTo: 1, at: now)
      owesAcknowledgement = true
    } else {
      // Both sides began at once (3.5, figure 8): the SYN leaves again, now with an acknowledgement.
      sending.announced(segment.window, by: 0, acknowledging: 1)
      state = .synReceived
      repeatHandshake()
    }
  }

  // MARK: 3.10.7.4

  private mutating func receivedSynchronized(_ segment: TCPSegment, at now: Instant) {
    let position = receiving.sequence.position(of: segment.sequence, near: receiving.next)
    if segment.flags.contains(.rst) { return receivedReset(at: position, now) }
    if state == .synReceived, segment.flags.contains(.syn), position == 0 {
      return receivedSYNAgain(segment, at: now)
    }
    guard isAcceptable(segment, at: position) else {
      if state == .timeWait, segment.flags.contains(.fin) { waitTwoLifetimes(at: now) }
      return challenge(segment, at: now)
    }
    // A SYN inside the window asks whether this connection is still there (RFC 5961, 4.2).
    if segment.flags.contains(.syn) { return challenge(segment, at: now) }
    guard segment.flags.contains(.ack) else { return }
    receivedAcknowledging(segment, at: position, now)
  }

  /// Only the very next number is believed; one elsewhere in the window is asked about (RFC 5961, 3.2).
  private mutating func receivedReset(at position: Int, _ now: Instant) {
    if position == receiving.next {
      switch state {
      case .timeWait: forget()
      case .synReceived where !isPassive: failed(.connectionRefused(remoteAddress))
      default: failed(.connectionReset(remoteAddress))
      }
    } else if position > receiving.next, position <= receiving.announcedEdge {
      challenge(nil, at: now)
    }
  }

  /// The SYN of this very connection once more.
  private mutating func receivedSYNAgain(_ segment: TCPSegment, at now: Instant) {
    guard segment.flags.contains(.ack) else { return repeatHandshake() }
    // The answer to ours where both sides began at once: it would be outside the window, but completes the
    // handshake (3.5, figure 8).
    guard segment.acknowledgement == sending.sequence.number(at: 1), sending.highest > 0 else {
      return challenge(segment, at: now)
    }
    opened()
    acknowledged(segment, at: 0, upTo: 1, at: now)
    owesAcknowledgement = true
  }

  /// Whether some of it lies in the window. As in Linux, a segment at the very edge counts, or a sender who
  /// has filled the window could not acknowledge anything.
  private func isAcceptable(_ segment: TCPSegment, at position: Int) -> Bool {
    let isOld = position + Int(segment.length) <= receiving.next && position != receiving.next
    return !isOld && position <= receiving.announcedEdge
  }

  private mutating func receivedAcknowledging(_ segment: TCPSegment, at position: Int, _ now: Instant) {
    let upTo = sending.sequence.position(of: segment.acknowledgement, near: sending.unacknowledged)
    if state == .synReceived {
      guard upTo == 1, sending.highest > 0 else {
        reset = TCPSegment(.rst, sequence: segment.acknowledgement)
        return
      }
      opened()
    }
    // RFC 5961, 5.2: who acknowledges what was never sent, or what was acknowledged long ago, is guessing.
    let oldest = sending.unacknowledged - sending.largestWindow
    guard upTo >= oldest, upTo <= sending.highest else { return challenge(segment, at: now) }
    acknowledged(segment, at: position, upTo: upTo, at: now)
    switch state {
    case .established, .finWait1, .finWait2: receivedBytes(of: segment, at: position, now)
    default: break
    }
  }

  private mutating func acknowledged(_ segment: TCPSegment, at position: Int, upTo: Int, at now: Instant) {
    let edgeBefore = sending.windowEdge
    if upTo >= sending.unacknowledged {
      sending.announced(segment.window, by: position, acknowledging: upTo)
    }
    if upTo > sending.unacknowledged {
      roundTrip.acknowledged(upTo: upTo, at: now)
      let bytes = upTo - sending.unacknowledged
      sending.acknowledged(upTo: upTo)
      repeatsFirst = false
      // The SYN is no byte, and grows no window.
      let isHandshake = upTo == 1
      if !isHandshake, congestion.acknowledged(bytes, upTo: upTo, of: sending.highest) { repeatFirst() }
      attempts = 0
      sendDeadline = nil
      if sending.isAcknowledged { finishAcknowledged(at: now) }
    } else if upTo == sending.unacknowledged {
      // A duplicate is what RFC 5681, 2 calls one.
      let isDuplicate =
        segment.length == 0 && sending.highest > upTo && sending.windowEdge == edgeBefore
      if isDuplicate, congestion.duplicated(at: upTo, of: sending.highest) { repeatFirst() }
      heardFromClosedWindow(at: now, opened: sending.windowEdge > edgeBefore)
    }
  }

  /// A closed window is no reason to give up while somebody announces it, and this side's program waits.
  private mutating func heardFromClosedWindow(at now: Instant, opened: Bool) {
    guard sending.inFlight == 0 else { return }
    if ending == nil { attempts = 0 }
    if opened {
      roundTrip.endBackOff()
      sendDeadline = nil
    }
  }

  private mutating func receivedBytes(of segment: TCPSegment, at position: Int, _ now: Instant) {
    guard segment.length > 0 else { return }
    let isNew = position + segment.payload.count > receiving.next
    if ending == .closed, segment.payload.count > 0, isNew {
      // Nobody will read it (RFC 9293, 3.6.1; RFC 1122, 4.2.2.13).
      return abort(at: now)
    }
    owesAcknowledgement = true
    receiving.received(segment.payload, at: position, finishing: segment.flags.contains(.fin))
    if receiving.isFinished { peerFinished(at: now) }
  }

  // MARK: Answers

  /// Tells the other side where this one is, but not too often to who may be answering just that
  /// (RFC 5961, 7): bytes and FINs are never answers.
  private mutating func challenge(_ segment: TCPSegment?, at now: Instant) {
    let mayBeAnswer = segment.map { $0.length == 0 || $0.flags.contains(.syn) } ?? true
    if mayBeAnswer {
      if let quietUntil, now < quietUntil { return }
      quietUntil = now.advanced(by: limits.challengeInterval)
    }
    owesAcknowledgement = true
  }

  private mutating func repeatHandshake() {
    sending.goBack()
    roundTrip.sendingAgain()
  }

  private mutating func repeatFirst() {
    repeatsFirst = true
    roundTrip.sendingAgain()
  }
}
