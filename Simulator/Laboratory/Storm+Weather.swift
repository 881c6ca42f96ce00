import Warren

// What becomes of a datagram.
extension Storm {
  /// Hands a datagram on, as the weather lets it: never, once or twice, as it was or not, now or later.
  func pass(_ datagram: borrowing Datagram, to destination: SocketAddress, through door: Door) {
    let largest =
      isPastMiddle ? weather.largestPayloadLater ?? weather.largestPayload : weather.largestPayload
    if datagram.payload.byteCount > largest {
      counters.tooLarge += 1
      return
    }
    if isPastMiddle && weather.vanishes || happens(weather.loss) {
      counters.lost += 1
      return
    }
    let envelope = DatagramEnvelope(to: destination, ecn: datagram.ecn)
    carry(datagram.payload, envelope, through: door)
    if happens(weather.duplication) {
      counters.duplicated += 1
      carry(datagram.payload, envelope, through: door)
    }
  }

  private func carry(_ payload: RawSpan, _ envelope: DatagramEnvelope, through door: Door) {
    let isCorrupted = happens(weather.corruption) && payload.byteCount > 0
    let isHeldBack = happens(weather.reordering)
    guard isCorrupted || isHeldBack else { return put(payload, envelope, into: door) }
    var bytes = payload.withUnsafeBytes { Array($0) }
    if isCorrupted {
      counters.corrupted += 1
      bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }
    if isHeldBack {
      counters.heldBack += 1
      holdBack(bytes, envelope, before: door)
    } else {
      put(bytes.span.bytes, envelope, into: door)
    }
  }

  /// Whether something of this probability happens now.
  private func happens(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &random) < probability
  }

  private func holdBack(_ bytes: [UInt8], _ envelope: DatagramEnvelope, before door: Door) {
    let longest = max(1, weather.longestDelay.wholeNanoseconds)
    let delay = Duration.nanoseconds(Int64.random(in: 1...longest, using: &random))
    let due = machine.now.advanced(by: delay)
    held.append(Held(bytes: bytes, envelope: envelope, door: door, due: due))
    schedule()
  }

  /// Lets those go that were held back for long enough.
  func release() {
    let now = machine.now
    for datagram in held where datagram.due <= now {
      put(datagram.bytes.span.bytes, datagram.envelope, into: datagram.door)
      datagram.door.socket.sendOrDrop(&datagram.door.outbox)
    }
    held.removeAll { $0.due <= now }
    schedule()
  }

  private func schedule() {
    if let next = held.map(\.due).min() { timer?.schedule(at: next) }
  }

  // MARK: What leaves

  private func put(_ payload: RawSpan, _ envelope: DatagramEnvelope, into door: Door) {
    func append() -> Bool { door.outbox.append(payload, to: envelope.destination, ecn: envelope.ecn) }
    if append() { return }
    door.socket.sendOrDrop(&door.outbox)
    _ = append()
  }

  /// Sends all that was handed on.
  func send() {
    if let entrance { entrance.socket.sendOrDrop(&entrance.outbox) }
    for guest in guests { guest.door.socket.sendOrDrop(&guest.door.outbox) }
  }
}
