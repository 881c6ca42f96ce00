import WarrenMachine

/// One connection with a node that speaks the plain protocol, without I/O.
///
/// Who has dialled says who it is, and where it listens; who was dialled answers who it is, or why it does not want to. After
/// that both say what they like. Each line comes from outside: none is more than its connection's other side.
package struct PlainLinkCore {
  package enum Role: Hashable, Sendable { case dialled, accepted }

  package struct Settings: Hashable, Sendable {
    package var pingInterval = PlainLimits.pingInterval
    package var discoveryInterval = PlainLimits.discoveryInterval
    package var peerTimeout = PlainLimits.peerTimeout
    package var connectTimeout = PlainLimits.connectTimeout
    package var messageBytes = PlainLimits.messageBytes

    package init() {}
  }

  package enum Event: Hashable, Sendable {
    /// It has said who it is: ``accept(at:)``, ``refuse(_:knowing:at:)`` or ``postpone(until:)``. After a postponement it is asked again.
    case asked
    /// Both know each other.
    case opened
    case text(String)
    case bytes([UInt8])
    case peersWanted
    /// Those of its list that are addresses.
    case peers([SocketAddress])
    case pinged, ponged
    /// A line makes no sense, and the next one may.
    case misunderstood(PlainError)
    /// The connection is to be closed, once all is written.
    case ended(PlainError)
  }

  private enum State {
    case greeting(until: Instant)
    /// It may say where it listens.
    case listening(until: Instant)
    case asked(until: Instant?)
    case open
    /// It has refused, and may say who else there is.
    case refused(PlainError, until: Instant)
    case over
  }

  package let role: Role
  /// Where the other side is.
  private let ip: IPAddress
  private let own: PlainGreeting
  private let settings: Settings
  private var reader: PlainReader
  private var state: State
  private var events = Queue<Event>()
  /// A line that came before its turn.
  private var early: String?

  /// Who the other side says that it is.
  package private(set) var greeting: PlainGreeting?
  /// Where it says that it listens.
  package private(set) var listens: SocketAddress?

  private var output = PlainOutput()
  private var lastHeard: Instant
  private var nextPing = Instant.distantFuture
  private var nextDiscovery = Instant.distantFuture
  /// It has taken nothing for so long that others do not wait for it.
  package private(set) var isStalled = false
  /// Nothing is read at present: then it is not the other side that is silent.
  private var isPaused = false

  /// - Parameter ip: where the other side is.
  package init(
    _ role: Role, with ip: IPAddress, as own: PlainGreeting, _ settings: Settings = Settings(),
    at now: Instant
  ) {
    self.role = role
    self.ip = ip
    self.own = own
    self.settings = settings
    reader = PlainReader(messageLimit: settings.messageBytes, lineLimit: PlainLimits.greetingBytes)
    state = .greeting(until: now.advanced(by: settings.connectTimeout))
    lastHeard = now
  }

  /// Says who one is, and where one listens, to whom one has dialled.
  package mutating func begin(listening place: SocketAddress, at now: Instant) {
    write(own.encoded + Array("LISTEN:\(place)\n".utf8), at: now)
  }

  package var isOpen: Bool { if case .open = state { true } else { false } }
  package var isOver: Bool { if case .over = state { true } else { false } }
  /// Whether it waits for this side's answer.
  package var isAsked: Bool { if case .asked = state { true } else { false } }
  /// Whether it waits for the other side's answer.
  package var isUnanswered: Bool { if case .greeting = state { role == .dialled } else { false } }

  // MARK: What arrives

  package mutating func receive(_ bytes: [UInt8], at now: Instant) {
    guard !isOver else { return }
    lastHeard = now
    reader.append(bytes)
    if case .asked = state, reader.unread > PlainLimits.lineBytes {
      return end(PlainError(.nonsense, "it goes on speaking before it was answered"))
    }
    read(at: now)
  }

  /// The other side will say nothing more.
  package mutating func receivedEnd(at now: Instant) {
    if case .refused(let error, _) = state { return end(error) }
    end(PlainError(.ended, "the other side has ended the connection"))
  }

  private mutating func read(at now: Instant) {
    do throws(PlainError) {
      while isReading, let piece = try nextPiece() {
        switch piece {
        case .line(let line): try hear(line, at: now)
        case .bytes(let bytes): events.append(.bytes(bytes))
        }
      }
    } catch {
      if case .refused(let refusal, _) = state { end(refusal) } else { end(error) }
    }
  }

  private var isReading: Bool {
    switch state {
    case .asked, .over: false
    default: true
    }
  }

  private mutating func nextPiece() throws(PlainError) -> PlainReader.Piece? {
    if isOpen, let line = early {
      early = nil
      return .line(line)
    }
    return try reader.next()
  }

  private mutating func hear(_ line: String, at now: Instant) throws(PlainError) {
    switch state {
    case .greeting:
      if role == .dialled, let refusal = PlainRefusal(rawValue: line) {
        reader.lineLimit = PlainLimits.lineBytes
        state = .refused(refusal.error, until: now.advanced(by: PlainLimits.farewell))
        return
      }
      let greeting = try PlainGreeting(line)
      self.greeting = greeting
      if role == .dialled {
        open(at: now)
      } else {
        state = .listening(until: now.advanced(by: PlainLimits.listenPatience))
      }
    case .listening:
      listens = PlainPlace.listening(line, at: ip)
      if !line.hasBytes("LISTEN:") { early = line }
      ask()
    case .refused(let error, _):
      if case .peers(let peers) = try PlainWord(line) { take(peers) }
      end(error)
    case .open: try take(line, at: now)
    case .asked, .over: break
    }
  }

  private mutating func take(_ line: String, at now: Instant) throws(PlainError) {
    let word: PlainWord
    do throws(PlainError) {
      word = try PlainWord(line)
    } catch {
      // No bytes follow it: the original would have sent none.
      events.append(.misunderstood(error))
      return
    }
    switch word {
    case .ping:
      events.append(.pinged)
      // Who asks and takes no answer gets none.
      if hasRoom { write(.pong, at: now) }
    case .pong: events.append(.ponged)
    case .requestPeers: if hasRoom { events.append(.peersWanted) }
    case .peers(let peers): take(peers)
    case .bytes(let count): try reader.expect(bytes: count)
    case .text(let text): events.append(.text(text))
    }
  }

  private mutating func take(_ peers: [String]) {
    events.append(.peers(peers.prefix(PlainLimits.listedPeers).compactMap { PlainPlace.listed($0, by: ip) }))
  }

  // MARK: Whether one is wanted

  private mutating func ask() {
    state = .asked(until: nil)
    events.append(.asked)
  }

  /// It is decided later.
  package mutating func postpone(until: Instant) {
    if case .asked = state { state = .asked(until: until) }
  }

  package mutating func accept(at now: Instant) {
    guard case .asked = state else { return }
    write(own.encoded, at: now)
    open(at: now)
    read(at: now)
  }

  /// - Parameter knowing: whom it may ask instead, as it is to write them. The original does not read that far.
  package mutating func refuse(_ refusal: PlainRefusal, knowing peers: [String] = [], at now: Instant) {
    guard case .asked = state else { return }
    write(Array("\(refusal.rawValue)\n".utf8), at: now)
    if !peers.isEmpty { write(.peers(peers), at: now) }
    end(
      refusal == .full
        ? PlainError(.full, "there are connections enough")
        : PlainError(.duplicate, "there is a connection with it"))
  }

  /// Says who one is to whoever called, and nothing more: it is this node itself, which will notice.
  package mutating func recognize(at now: Instant) {
    guard case .asked = state else { return }
    write(own.encoded, at: now)
    end(PlainError(.oneself, "this node has called itself"))
  }

  private mutating func open(at now: Instant) {
    state = .open
    reader.lineLimit = PlainLimits.lineBytes
    nextPing = now.advanced(by: settings.pingInterval)
    nextDiscovery = now.advanced(by: settings.discoveryInterval)
    events.append(.opened)
  }

  /// Ends it from this side.
  package mutating func end(_ error: PlainError) {
    guard !isOver else { return }
    state = .over
    events.append(.ended(error))
  }

  // MARK: What is said

  /// Whether there is room for more: one that takes nothing has others wait, or is left behind.
  package var hasRoom: Bool { output.count <= PlainLimits.window }

  package mutating func sharePeers(_ peers: [String], at now: Instant) {
    if !peers.isEmpty { write(.peers(peers), at: now) }
  }

  package mutating func requestPeers(at now: Instant) { write(.requestPeers, at: now) }

  /// Says something that was written before, piece by piece: the same to all.
  package mutating func say(_ pieces: [[UInt8]], at now: Instant) {
    guard isOpen else { return }
    for piece in pieces { write(piece, at: now) }
    guard output.count <= settings.messageBytes * PlainLimits.waitingMessages + PlainLimits.window else {
      return end(
        PlainError(.tooSlow, "it takes too little of what is said to it: \(output.count) bytes wait"))
    }
  }

  private mutating func write(_ word: PlainWord, at now: Instant) {
    if let bytes = try? word.encoded() { write(bytes, at: now) }
  }

  private mutating func write(_ bytes: [UInt8], at now: Instant) { output.append(bytes, at: now) }

  /// What is to be written next, once what was given before has been.
  package mutating func pollOutput(atMost limit: Int, at now: Instant) -> [UInt8]? {
    isStalled = false
    return output.take(atMost: limit, at: now)
  }

  /// Forgets what was to be said.
  package mutating func discardOutput() { output = PlainOutput() }

  package var hasEvents: Bool { !events.isEmpty }

  package mutating func pollEvent() -> Event? { events.popFirst() }

  // MARK: Time

  /// Whether nothing is read for now, since nobody takes it.
  package mutating func paused(_ isPaused: Bool, at now: Instant) {
    if self.isPaused, !isPaused { lastHeard = now }
    self.isPaused = isPaused
  }

  /// When to call ``handleDeadline(at:)``.
  package var nextDeadline: Instant {
    switch state {
    case .greeting(let until), .listening(let until), .refused(_, let until): until
    case .asked(let until): until ?? .distantFuture
    case .open: min(nextPing, nextDiscovery, staleAt, givenUpAt, isStalled ? .distantFuture : stalledAt)
    case .over: .distantFuture
    }
  }

  private var staleAt: Instant { isPaused ? .distantFuture : lastHeard.advanced(by: settings.peerTimeout) }
  private var givenUpAt: Instant { output.waitsSince?.advanced(by: settings.peerTimeout) ?? .distantFuture }
  private var stalledAt: Instant {
    hasRoom ? .distantFuture : output.waitsSince?.advanced(by: PlainLimits.stall) ?? .distantFuture
  }

  package mutating func handleDeadline(at now: Instant) {
    guard nextDeadline <= now else { return }
    switch state {
    case .greeting: end(PlainError(.silent, "it has not said who it is within \(settings.connectTimeout)"))
    case .listening: ask()
    case .refused(let error, _): end(error)
    case .asked: ask()
    case .open:
      if staleAt <= now {
        return end(PlainError(.stale, "nothing was heard of it for \(settings.peerTimeout)"))
      }
      if givenUpAt <= now {
        return end(
          PlainError(.tooSlow, "it has taken nothing that was said to it for \(settings.peerTimeout)"))
      }
      if stalledAt <= now { isStalled = true }
      if nextPing <= now {
        nextPing = now.advanced(by: settings.pingInterval)
        if hasRoom { write(.ping, at: now) }
      }
      if nextDiscovery <= now {
        nextDiscovery = now.advanced(by: settings.discoveryInterval)
        if hasRoom { requestPeers(at: now) }
      }
    case .over: break
    }
  }
}
