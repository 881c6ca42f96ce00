import WarrenMachine

/// What the other side sends: bytes in order that wait to be read, and pieces that wait for an earlier one.
struct TCPReceiveBuffer {
  private struct Piece {
    var position: Int
    var bytes: Payload
    var end: Int { position + bytes.count }
  }

  /// The numbers of this direction.
  let sequence: TCPSequence
  private let capacity: Int
  private let mostEarly: Int
  /// The bytes in order.
  private var ready = TCPByteQueue(start: 1)
  /// The pieces out of order, by position; none overlaps another.
  private var early: [Piece] = []
  /// Where the other side's FIN is, once it is known.
  private var finish: Int?
  /// Whether everything up to the FIN has arrived.
  private(set) var isFinished = false
  /// Where the window ends that was announced last: a promise, which never moves back (RFC 9293, 3.8.6).
  private(set) var announcedEdge: Int

  /// The direction whose SYN has the number `initialSequence`.
  init(initialSequence: UInt32, limits: TCPLimits) {
    sequence = TCPSequence(initial: initialSequence)
    capacity = limits.receiveBuffer
    mostEarly = limits.earlyPieces
    // The handshake announces all the room there is.
    announcedEdge = 1 + limits.receiveBuffer
  }

  /// RCV.NXT: everything before it has arrived.
  var next: Int { isFinished ? ready.end + 1 : ready.end }
  /// Where the window could end now.
  private var edge: Int { ready.start + capacity }
  /// How many bytes can be read.
  var readable: Int { ready.count }
  /// Whether everything was read, and nothing follows.
  var isEnded: Bool { isFinished && ready.isEmpty }
  /// How many pieces wait for an earlier one.
  var earlyCount: Int { early.count }
  /// How many bytes it holds, in order or not.
  var held: Int { early.reduce(ready.count) { $0 + $1.bytes.count } }

  /// Takes what is new and within the window of the bytes from `position` on.
  mutating func received(_ bytes: Payload, at position: Int, finishing: Bool) {
    guard !isFinished else { return }
    let end = position + bytes.count
    // A FIN takes no room, hence it may stand at the edge itself. The first one known counts.
    if finishing, finish == nil, end >= next, end <= announcedEdge { finish = end }
    let from = max(position, next)
    let to = min(end, announcedEdge)
    if from < to { insert(Piece(position: from, bytes: bytes[from - position..<to - position])) }
    joinEarly()
    if let finish, finish <= ready.end {
      isFinished = true
      early = []
    }
  }

  /// Takes the first bytes, as many as `buffer` has room for.
  mutating func read(into buffer: inout OutputRawSpan) -> Int { ready.read(into: &buffer) }

  /// Forgets what nobody will read.
  mutating func removeAll() {
    ready.removeAll()
    early = []
  }

  /// The window to announce now. It grows by steps worth a segment (RFC 9293, 3.8.6.2.2).
  mutating func announceWindow(segmentSize: Int) -> UInt32 {
    if edge - announcedEdge >= min(segmentSize, capacity / 2) { announcedEdge = edge }
    return UInt32(max(0, announcedEdge - next))
  }

  /// Whether so much was read that the other side should hear of it without having sent anything: when the
  /// window is twice what it knows, as in Linux.
  func deservesUpdate(segmentSize: Int) -> Bool {
    let known = announcedEdge - next
    return !isFinished && edge - announcedEdge >= min(segmentSize, capacity / 2) && edge - next >= 2 * known
  }

  /// Keeps the parts of `piece` that no piece holds yet.
  private mutating func insert(_ piece: Piece) {
    if piece.position == ready.end, early.isEmpty { return append(piece) }
    var rest = piece
    var index = early.firstIndex { $0.end > piece.position } ?? early.count
    while rest.bytes.count > 0 {
      let nextStart = index < early.count ? early[index].position : Int.max
      if rest.position < nextStart {
        let length = min(rest.end, nextStart) - rest.position
        // The piece that is awaited always finds room: without it nothing would go on.
        guard early.count < mostEarly || rest.position == ready.end else { return }
        early.insert(Piece(position: rest.position, bytes: rest.bytes[0..<length]), at: index)
        index += 1
      }
      guard index < early.count, early[index].end < rest.end else { return }
      let skipped = early[index].end - rest.position
      rest = Piece(position: early[index].end, bytes: rest.bytes[skipped..<rest.bytes.count])
      index += 1
    }
  }

  /// Moves the pieces that have come into order.
  private mutating func joinEarly() {
    var joined = 0
    while joined < early.count, early[joined].position == ready.end {
      append(early[joined])
      joined += 1
    }
    early.removeFirst(joined)
  }

  /// Appends as much of `piece` as lies before the FIN.
  private mutating func append(_ piece: Piece) {
    let length = min(piece.bytes.count, (finish ?? .max) - piece.position)
    ready.append(piece.bytes[0..<length])
  }
}
