import WarrenMachine

// What the program asks for (RFC 9293, 3.10.1 to 3.10.6).
extension TCPCore {
  /// Takes the first of `bytes`, as many as there is room for.
  ///
  /// - Returns: how many it took: none before the connection is open.
  package mutating func write(_ bytes: RawSpan, at now: Instant) throws(NetworkError) -> Int {
    try checkEnding()
    if sending.isFinished { throw .finished }
    guard !isOpening else { return 0 }
    let taken = min(sendRoom, bytes.byteCount)
    guard taken > 0 else { return 0 }
    sending.append(bytes.extracting(first: taken).withUnsafeBytes { Payload($0) })
    return taken
  }

  /// Takes what has arrived, as far as `buffer` has room.
  ///
  /// What arrived before a failure can be read; the error is thrown after it.
  package mutating func read(
    into buffer: inout OutputRawSpan, at now: Instant
  ) throws(NetworkError) -> TCPRead {
    if ending == .closed { throw .closed }
    let taken = receiving.read(into: &buffer)
    if taken > 0 {
      if receiving.deservesUpdate(segmentSize: congestion.segmentSize), state != .closed {
        owesAcknowledgement = true
      }
      return .bytes(taken)
    }
    if receiving.readable > 0 { return .nothingYet }
    if receiving.isEnded { return .ended }
    try checkEnding()
    return .nothingYet
  }

  /// Sends a FIN after what was written; the other side can still write.
  package mutating func finish(at now: Instant) throws(NetworkError) {
    try checkEnding()
    finished()
  }

  /// Ends both directions: what was written still arrives if it can.
  ///
  /// What was not read, or arrives from now on, is answered with a reset, so that the other side knows that
  /// it was lost (RFC 9293, 3.6.1; RFC 1122, 4.2.2.13).
  package mutating func close(at now: Instant) {
    if receiving.readable > 0 { return abort(at: now) }
    guard ending != .closed else { return }
    ending = .closed
    if state == .synSent { return forget() }
    finished()
    limitFinishWait(at: now)
  }

  /// Ends both directions at once; the other side sees a reset (RFC 9293, 3.10.5).
  package mutating func abort(at now: Instant) {
    ending = .closed
    switch state {
    case .synReceived, .established, .finWait1, .finWait2, .closeWait, .closing, .lastAck:
      reset = segment([.rst, .ack], at: sending.highest)
    case .synSent, .timeWait, .closed: break
    }
    forget()
  }

  private func checkEnding() throws(NetworkError) {
    switch ending {
    case .closed: throw .closed
    case .failed(let error): throw error
    case nil: break
    }
  }
}
