import WarrenMachine

/// One end of one TCP connection (RFC 9293), without I/O: segments and the time go in, segments come out.
///
/// After every input, call ``poll(at:)`` until it returns nil, send what it returned, and set a timer for
/// ``nextDeadline``. Listening is its host's matter: a core begins with a SYN, sent or received.
///
///     connecting to             answering a SYN                         (RFC 9293, 3.3.2)
///          |                         |
///       SYN-SENT ---- SYN ---> SYN-RECEIVED                   3.5, figure 8: both at once
///          |   SYN,ACK               |   ACK
///          +-----> ESTABLISHED <-----+                        3.5
///        finish |               | FIN                         3.6
///               v               v
///          FIN-WAIT-1       CLOSE-WAIT
///      ACK |      | FIN         | finish
///          v      v             v
///    FIN-WAIT-2  CLOSING     LAST-ACK                         3.6, figures 12 and 13
///      FIN |      | ACK         | ACK
///          v      v             v
///          TIME-WAIT ------> CLOSED    2 MSL                  3.6.1
///
/// From every state, a reset (3.10.7), silence for too long (3.8.3) and ``abort(at:)`` (3.10.5) lead to
/// CLOSED.
package struct TCPCore {
  /// The states of RFC 9293, 3.3.2, but LISTEN.
  enum State: Hashable {
    case synSent, synReceived, established
    case finWait1, finWait2, closing, timeWait
    case closeWait, lastAck
    case closed
  }

  /// Why nothing can be read or written any more, for the program.
  enum Ending: Hashable {
    /// The program closed it.
    case closed
    case failed(NetworkError)
  }

  /// The other side, to be named in errors.
  package let remoteAddress: SocketAddress
  /// Whether small writes leave at once, not only when nothing is on its way (Nagle; RFC 9293, 3.7.4).
  package var sendsAtOnce = true

  let limits: TCPLimits
  /// Whether the other side began.
  let isPassive: Bool
  var state: State
  var ending: Ending?

  var sending: TCPSendBuffer
  /// Its sequence numbers mean nothing in SYN-SENT.
  var receiving: TCPReceiveBuffer
  var roundTrip: TCPRoundTrip
  var congestion: TCPCongestion

  /// A reset to send, whatever the state.
  var reset: TCPSegment?
  var owesAcknowledgement = false
  var owesProbe = false
  /// Whether the first unacknowledged segment is to be sent again before anything else.
  var repeatsFirst = false

  /// How often something was sent in vain.
  var attempts = 0
  /// When to send again, or to probe a closed window.
  var sendDeadline: Instant?
  /// When TIME-WAIT, or waiting for a FIN that nobody wants, ends.
  var waitDeadline: Instant?
  /// Until when segments that fit nowhere stay without an answer.
  var quietUntil: Instant?

  private init(
    _ state: State, with remote: SocketAddress, initialSequence: UInt32, remoteSequence: UInt32, mtu: Int,
    limits: TCPLimits
  ) {
    self.state = state
    self.limits = limits
    isPassive = state == .synReceived
    remoteAddress = remote
    sending = TCPSendBuffer(initialSequence: initialSequence)
    receiving = TCPReceiveBuffer(initialSequence: remoteSequence, limits: limits)
    roundTrip = TCPRoundTrip(limits: limits)
    congestion = TCPCongestion(
      segmentSize: Self.segmentSize(mtu: mtu, family: remote.ip.family), limits: limits)
  }

  /// An active opening: sends a SYN (RFC 9293, 3.10.1).
  ///
  /// - Parameter mtu: what the machine's own link carries.
  package init(
    connectingTo remote: SocketAddress, initialSequence: UInt32, mtu: Int = 1500,
    limits: TCPLimits = TCPLimits()
  ) {
    self.init(
      .synSent, with: remote, initialSequence: initialSequence, remoteSequence: 0, mtu: mtu, limits: limits)
  }

  /// A passive opening: answers a SYN that came to a listener, for which ``begins(_:)`` holds.
  package init(
    answering syn: TCPSegment, from remote: SocketAddress, initialSequence: UInt32, mtu: Int = 1500,
    limits: TCPLimits = TCPLimits()
  ) {
    precondition(Self.begins(syn), "only a SYN begins a connection")
    self.init(
      .synReceived, with: remote, initialSequence: initialSequence, remoteSequence: syn.sequence, mtu: mtu,
      limits: limits)
    sending.announced(syn.window, by: 0, acknowledging: 1)
  }

  /// What a packet of `mtu` bytes carries of a stream: 1,460 bytes of 1,500 over IPv4, 1,440 over IPv6.
  static func segmentSize(mtu: Int, family: IPAddress.Family) -> Int {
    mtu - 20 - (family == .v4 ? 20 : 40)
  }
}

// MARK: What it is

extension TCPCore {
  /// How far it has come, as the program sees it.
  package var phase: TCPPhase {
    switch ending {
    case .closed: .closed
    case .failed(let error): .failed(error)
    case nil: isOpening ? .opening : .open
    }
  }

  /// Whether a read would return something but ``TCPRead/nothingYet``, or throw.
  package var isReadable: Bool {
    receiving.readable > 0 || receiving.isEnded || ending != nil
  }

  /// Whether a write would take something, or throw.
  package var isWritable: Bool {
    ending != nil || sending.isFinished || !isOpening && sendRoom > 0
  }

  /// Whether it is CLOSED and has nothing more to say: its host may forget it, except to read what arrived.
  package var isGone: Bool { state == .closed && reset == nil }

  /// Whether the handshake is still on.
  var isOpening: Bool { state == .synSent || state == .synReceived }

  /// How much a write would take: nothing below the low-water mark.
  var sendRoom: Int {
    let room = limits.sendBuffer - sending.bytes.count
    return room >= min(limits.sendLowWater, limits.sendBuffer) ? room : 0
  }

  /// When ``deadlinePassed(at:)`` wants to be called.
  package var nextDeadline: Instant? {
    guard let sendDeadline else { return waitDeadline }
    guard let waitDeadline else { return sendDeadline }
    return min(sendDeadline, waitDeadline)
  }
}

// MARK: Changes of state

extension TCPCore {
  /// The handshake is complete.
  mutating func opened() {
    if attempts > 0 {
      roundTrip.lostSYN(limits: limits)
      congestion.lostSYN()
    }
    state = sending.isFinished ? .finWait1 : .established
  }

  /// The program has nothing more to send (RFC 9293, 3.10.4).
  mutating func finished() {
    sending.isFinished = true
    switch state {
    case .established: state = .finWait1
    case .closeWait: state = .lastAck
    default: break
    }
  }

  /// Everything that was sent has arrived, the FIN included (RFC 9293, 3.10.7.4).
  mutating func finishAcknowledged(at now: Instant) {
    switch state {
    case .finWait1:
      state = .finWait2
      limitFinishWait(at: now)
    case .closing: waitTwoLifetimes(at: now)
    case .lastAck: forget()
    default: break
    }
  }

  /// Everything that the other side sends has arrived, the FIN included (RFC 9293, 3.10.7.4).
  mutating func peerFinished(at now: Instant) {
    switch state {
    case .established: state = .closeWait
    case .finWait1: state = .closing
    case .finWait2: waitTwoLifetimes(at: now)
    default: break
    }
  }

  /// Enters TIME-WAIT, or begins it again (RFC 9293, 3.6.1).
  mutating func waitTwoLifetimes(at now: Instant) {
    state = .timeWait
    waitDeadline = now.advanced(by: limits.timeWait)
  }

  /// Nobody reads what may still come in FIN-WAIT-2: it does not last forever then, as in Linux.
  mutating func limitFinishWait(at now: Instant) {
    guard state == .finWait2, ending == .closed else { return }
    waitDeadline = now.advanced(by: limits.finishWait)
  }

  /// Ends at once, and tells the program why unless it has closed already.
  mutating func failed(_ error: NetworkError) {
    if ending == nil { ending = .failed(error) }
    forget()
  }

  /// Enters CLOSED. What has arrived can still be read.
  mutating func forget() {
    state = .closed
    sending.removeAll()
    if ending == .closed { receiving.removeAll() }
    owesAcknowledgement = false
    owesProbe = false
    repeatsFirst = false
    sendDeadline = nil
    waitDeadline = nil
  }
}
