import CQUIC
import WarrenCrypto
import WarrenMachine

/// One QUIC connection (RFC 9000) without I/O: it is handed datagrams and the time, and hands back packets, what has
/// happened, and when it is to be asked next. It is made by an ``EndpointCore``.
///
/// ```
///   handshaking ──both know each other──► open ──close──► closing ──three probe timeouts──► ended
///        │                                  │ closed by the other side ► draining ─────────────▲
///        └── nobody there, not wanted ──────┴── silence, no word is owed ──────────────────────┘
/// ```
public final class ConnectionCore {
  /// Who has begun it.
  public enum Side: Hashable, Sendable {
    case client, server
  }

  /// How far it has come.
  public enum Phase: Hashable, Sendable {
    /// The two do not know each other yet. Where they have met before, streams may be used already.
    case handshaking
    /// Streams can be used.
    case open
    /// This side has closed it, and says so to whoever still sends, until then.
    case closing(until: Instant)
    /// The other side has closed it: nothing is sent any more, and what is on its way is let go by until then.
    case draining(until: Instant)
    /// It is over.
    case ended
  }

  /// What has happened.
  public enum Event {
    /// Streams can be used.
    case opened
    /// The two know each other, and that both are there.
    case confirmed
    /// The server has taken this client's key (RFC 9001, 4.1.2).
    case taken
    /// The other side has opened a stream.
    case stream(StreamCore)
    /// The other side permits more streams than before.
    case moreStreams(isBidirectional: Bool)
    /// Datagrams have arrived: take them by ``takeDatagram()``.
    case datagrams
    /// A path that was tried is usable, or is not.
    case path(NetworkPath, isUsable: Bool)
    /// It is over, for this reason.
    case closed(QUICError)
  }

  /// Who has begun it.
  public let side: Side
  /// How far it has come.
  public internal(set) var phase = Phase.handshaking
  /// Who the other side is, once it has proven that.
  public internal(set) var peer: PeerID?
  /// What is spoken over it, once both have agreed.
  public internal(set) var protocolName = ""
  /// Whether streams can be used: since it is open, or since the two have met before.
  public internal(set) var carriesStreams = false
  /// Whether the other side has taken this one's key: a client is open before it knows.
  public internal(set) var isTaken = false
  /// Whether it began to carry streams before the two could know that both are there.
  public internal(set) var isEarly = false
  /// Whether the other side has not taken what was sent then.
  public internal(set) var earlyDataWasRefused = false
  /// Whether a client that sends early has handshake packets to write first, by themselves: where something else might
  /// follow in the same datagram, ngtcp2 leaves its room free, and then may not fill it, which nobody takes (RFC 9000, 14.1).
  var handshakeIsFirst = false
  /// The other side is known, and not wanted.
  var isUnwanted = false
  /// Why it is over, if it is.
  public internal(set) var error: QUICError?
  /// What belongs to whoever uses it.
  public var attachment: AnyObject?

  /// It holds its connections, and must be there as long as they are used.
  unowned(unsafe) let endpoint: EndpointCore
  let pool: ChunkPool
  var handle: OpaquePointer
  var expected: PeerID?
  var wrongPeer: PeerID?
  /// Where what has ended its handshake came from.
  private(set) var handshakeEndedBy: NetworkPath?
  var wasForgotten = false
  /// Whether it stands in the endpoint's queue of those with something to do.
  var isQueued = false
  var number = 0
  /// One packet goes the way of the one before: nothing has to be written in the library's terms anew.
  private var incomingPath = PathMemory()
  var outgoingPath = PathMemory()
  /// The paths that a client has used before, the newest last.
  var left: [NetworkPath] = []
  /// By what the library knows its paths, where it is a server.
  private(set) var names = PathNames()
  /// When it was begun.
  let began: Instant
  /// What time it is, as far as it was told.
  var clock: Instant
  /// When a deadline was last handled.
  private var handledAt: Instant?
  /// The library's own clock, which stands still at times.
  var libraryClock = LibraryClock()
  /// Paths of which it does not matter which of this machine's addresses they begin at: what comes back says one.
  private var openPaths: [NetworkPath] = []
  /// Until when no packet is larger than every path carries, and when to look next whether larger ones vanish.
  var smallPacketsUntil = Instant(nanoseconds: .min)
  var nextLookForStalls = Instant(nanoseconds: .min)
  /// What has gone out and come in, UDP's payloads with QUIC's own words.
  private(set) var received = Traffic()
  var sent = Traffic()
  /// When the first packet was sent that wants an answer, of those since anything was heard.
  var awaitedSince: Instant?
  /// On which way something has come last that was the one in use.
  var lastHeard: NetworkPath?
  /// When anything has come last, on whichever way.
  private(set) var lastReceived = Instant(nanoseconds: .min)
  /// How long it may be owed: ``QUICConfiguration/answerTimeout``.
  let answerTimeout: Duration?
  /// How often it says that it is alive where there is nothing else to say; nil for never.
  var keepAlive: Duration?
  /// Called once, as soon as an answer is owed.
  var onWaiting: (() -> Void)?
  /// Whether its packets leave from whatever address this machine has: the one that it had may be gone.
  var leavesFromAnywhere = false
  /// From where the last packet came.
  var lastRemote: SocketAddress?

  var streams: [Int64: StreamCore] = [:]
  // As StreamCore.sendBuffer.
  @exclusivity(unchecked) var sendQueue = SendQueue()
  /// What the stream whose turn it is has sent since it began.
  var turnBytes = 0
  /// Streams that wait for the connection's window, which the other side opens for all of them.
  var waiting: [StreamCore] = []
  /// Streams that wait for a window of their own, and whether something has arrived since they were tried.
  var blocked: [StreamCore] = []
  var hasNews = false
  var events = Queue<Event>()
  var touched = Queue<StreamCore>()

  var incomingDatagrams = Queue<[UInt8]>()
  var hasToldDatagrams = false
  /// Datagrams that a slow reader has lost.
  public internal(set) var droppedDatagrams = 0
  @exclusivity(unchecked) var outgoingDatagrams = Queue<[UInt8]>()
  /// Whether signs of life are sent sooner, since datagrams wait for others to be acknowledged.
  var asksForDatagrams = false
  /// Whether it asks again and again, as an answer is owed.
  var asksAgain = false
  /// When the library has asked last for what is under way, and since when it has in vain.
  var probed: Instant?
  var stalledSince: Instant?
  /// When that is asked for before it is the library's time.
  var asksAt: Instant?
  /// Whether the library says nothing until something comes, as it takes the path for useless.
  private(set) var hasNoPath = false
  /// When that was found first, and last.
  private var givenUp = (first: Instant(nanoseconds: 0), last: Instant(nanoseconds: 0))
  /// Since when the other side is elsewhere; nil where that is proven.
  var unprovenSince: Instant?
  /// Whether it was heard on another path than its own while the window was full.
  private var hasHeardElsewhere = false
  /// How far the library's clock was put forward since it asks in vain.
  private var skipped = Duration.zero
  /// When it is looked next whether the way is taken for far longer than it is, and whether a server has found that.
  var nextComparison = Instant(nanoseconds: 0)
  private var hasMeasuredAgain = false

  /// The ways on which its handshake is tried, or was, where there is more than one.
  var ways: Ways?

  /// Packets for other channels than that of the path in use.
  var elsewhere = Queue<(bytes: [UInt8], channel: UInt16, envelope: DatagramEnvelope)>()

  /// The packet that closes it, to be sent again to whoever still sends.
  var closePacket: (bytes: [UInt8], path: NetworkPath)?
  var closesDue = 0
  var packetsSinceClose = 0
  let qlog: (@Sendable ([UInt8]) -> Void)?
  let keyLog: (@Sendable (String) -> Void)?

  /// - Parameters:
  ///   - original: the id that the client chose for the server first: by it both sides' logs are told apart.
  ///   - make: makes the library's half, which calls this one from its first moment on.
  init?(
    _ endpoint: EndpointCore, _ side: Side, expecting expected: PeerID?, _ original: ConnectionID,
    at now: Instant, _ make: (UnsafeMutableRawPointer) -> OpaquePointer?
  ) {
    qlog = endpoint.configuration.qlog?(original.bytes.hexText, side == .client)
    keyLog = endpoint.configuration.keyLog
    self.endpoint = endpoint
    self.side = side
    self.expected = expected
    answerTimeout = endpoint.configuration.answerTimeout
    keepAlive = endpoint.configuration.keepAlive
    pool = endpoint.pool
    began = now
    clock = now
    // Its own address is what the library calls it by; so it must be there before the library is.
    handle = OpaquePointer(bitPattern: 1)!
    guard let made = make(Unmanaged.passUnretained(self).toOpaque()) else {
      isMade = false
      return nil
    }
    handle = made
  }

  private var isMade = true

  deinit { if isMade { cquic_free(handle) } }
}

// MARK: What arrives

extension ConnectionCore {
  /// Takes a datagram that is for this connection.
  func receive(_ bytes: RawSpan, on path: NetworkPath, ecn: ECN, at now: Instant) {
    clock = now
    received.add(bytes.byteCount)
    hasNews = true
    switch phase {
    case .handshaking, .open:
      if phase == .handshaking { holdClock(on: path, at: now) }
      var coded = name(of: path, bytes)
      if side == .server {
        prepare(for: coded, at: now)
        guard error == nil else { return }
      }
      var isGenuine: Int32 = 0
      var result = read(bytes, on: &coded, ecn, &isGenuine)
      if isGenuine == 0, result == CQUIC_OK, hasLeft(path) {
        cquic_current_path(handle, &coded)
        result = read(bytes, on: &coded, ecn, &isGenuine)
      }
      if side == .server, !names.isCurrent(coded) { followLibrary() }
      if isGenuine != 0 {
        hasNoPath = false
        if skipped > .zero, cquic_bytes_in_flight(handle) == 0 { skipped = .zero }
        if side == .server { look(at: coded, at: now) }
      }
      met(path, bytes.byteCount, isGenuine: isGenuine != 0)
      // Anybody can send something: what the other side has not sealed says nothing of whether it is still there.
      let silence = lastReceived.duration(to: now)
      if isGenuine != 0 || phase == .handshaking { heard(on: path, at: now) }
      if isGenuine != 0, let stalledSince { goOn(after: silence, stalledSince, at: now) }
      let wasHandshaking = phase == .handshaking
      settle(result, at: now)
      if phase == .open, now >= nextComparison { compare(at: now) }
      if wasHandshaking, error != nil { handshakeEndedBy = path }
      changed()
    case .closing:
      // Said again after 1, 2, 4, 8 packets and so on (RFC 9000, 10.2.1).
      packetsSinceClose += 1
      guard packetsSinceClose & (packetsSinceClose - 1) == 0 else { return }
      closesDue = 1
      changed()
    case .draining, .ended: break
    }
  }

  private func read(
    _ bytes: RawSpan, on path: inout cquic_path, _ ecn: ECN, _ isGenuine: inout Int32
  ) -> cquic_result {
    bytes.withUnsafeBytes {
      cquic_read(
        handle, &path, UInt32(ecn.rawValue), $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count,
        libraryTime(clock), &isGenuine)
    }
  }

  /// Whether a client has gone over from this path to another. Its library soon ignores what comes there; but a
  /// server that has no connection id left can neither ask nor answer anywhere else, and asks there for others (RFC 9000, 9.5).
  private func hasLeft(_ path: NetworkPath) -> Bool {
    left.contains { $0.isSame(as: path) } && !path.isSame(as: self.path)
  }

  /// What the library calls a path on which something has come.
  private func name(of path: NetworkPath, _ bytes: RawSpan) -> cquic_path {
    if !names.hasMoved, isOnWay(path, bytes) { return NetworkPath.codedOpen }
    return incomingPath.coded(path) { path in
      let path = known(path)
      return side == .server ? names.coded(path) : path.coded
    }
  }

  /// The library may have gone over to the path on which something has come.
  private func followLibrary() {
    var coded = cquic_path()
    cquic_current_path(handle, &coded)
    if names.moved(to: coded, path) {
      incomingPath = PathMemory()
      unprovenSince = clock
    }
  }

  /// Something comes on this path, which may be another: there may be room to be made before the library learns what it is.
  private func prepare(for coded: cquic_path, at now: Instant) {
    guard hasHeardElsewhere, !names.isCurrent(coded) else { return }
    // Anybody can send from elsewhere: of what is genuine, each lets room be made once.
    hasHeardElsewhere = false
    makeRoom(at: now)
  }

  /// Something genuine has come on this path.
  private func look(at coded: cquic_path, at now: Instant) {
    guard phase == .open, cquic_congestion_window_left(handle) == 0 else { return }
    guard names.isCurrent(coded) else {
      hasHeardElsewhere = true
      return
    }
    // With a full window the library does not ask whether this path leads there, nor for what is under way while that is not proven
    // (RFC 9000, 8.1): it stays mute.
    guard lossDeadline == nil, let unprovenSince,
      unprovenSince.duration(to: now) > max(QUICLimits.proof, probeTimeout * 3)
    else { return }
    beginAnew()
  }

  /// Where the library could not ask with packets of full size at first (RFC 9000, 8.2.1) it asks again, and would end the connection if no
  /// answer comes: but that may have got lost as anything may. It begins anew with whatever comes next.
  ///
  /// - Returns: whether that is worth trying.
  func givePathUp(at now: Instant) -> Bool {
    if givenUp.last.duration(to: now) > QUICLimits.lostProofsPause { givenUp.first = now }
    givenUp.last = now
    guard givenUp.first.duration(to: now) < QUICLimits.lostProofsTime, let silenceDeadline,
      silenceDeadline > now
    else { return false }
    beginAnew()
    hasNoPath = true
    return true
  }

  /// By another name the way is another, of which the library knows nothing: it asks whether it leads there, how long it is, and how much
  /// it carries.
  private func beginAnew() {
    var coded = cquic_path()
    cquic_current_path(handle, &coded)
    names.forget(coded)
    incomingPath = PathMemory()
  }

  /// Where the window is full of what got lost, the library neither asks nor answers whether another path leads there, unless it asks for
  /// what is under way: it does that first.
  func makeRoom(at now: Instant) {
    guard phase == .open, cquic_congestion_window_left(handle) == 0, lossDeadline != nil else { return }
    if let probed, probed.duration(to: now) < probeTimeout { return }
    guard putForward(at: now) else { return }
    probed = now
    settle(cquic_handle_deadline(handle, libraryTime(now)), at: now)
  }

  /// What comes on another way than its own says nothing of that one.
  private func heard(on path: NetworkPath, at now: Instant) {
    lastReceived = now
    if lastHeard != path {
      guard path.isSame(as: self.path) else { return }
      // The other side has changed ways: nobody tells of one that was proven before.
      if let lastHeard, !lastHeard.isSame(as: path) { events.append(.path(path, isUsable: true)) }
      lastHeard = path
    }
    awaitedSince = nil
    if asksAgain { askAgain() }
  }

  private func known(_ path: NetworkPath) -> NetworkPath {
    if leavesFromAnywhere {
      // It is the same way, to whichever of this machine's addresses: the other side has not moved.
      let current = currentPath
      if current.isSame(as: path) { return current }
    }
    guard !openPaths.isEmpty else { return path }
    var open = path
    open.local = nil
    return openPaths.contains(open) ? open : path
  }

  /// This machine has other addresses than before.
  func addressesChanged() {
    leavesFromAnywhere = true
    incomingPath = PathMemory()
  }

  /// Its packets may leave over this path from now on.
  func learn(_ path: NetworkPath) {
    if path.local == nil, !openPaths.contains(path) { openPaths.append(path) }
    incomingPath = PathMemory()
  }

  /// When to call ``handleDeadline(at:)``.
  public var nextDeadline: Instant? {
    switch phase {
    case .handshaking, .open:
      if let waitingDeadline { return waitingDeadline }
      if hasNoPath { return silenceDeadline }
      return .earliest(.earliest(.earliest(answerDeadline, handshakeDeadline), asksAt), libraryDeadline)
    case .closing(let until), .draining(let until): return until
    case .ended: return nil
    }
  }

  private var libraryDeadline: Instant? {
    guard let deadline = libraryClock.instant(cquic_deadline(handle)) else { return nil }
    // The library may ask again for what it could not do, such as a probe for which the window has no room.
    guard let handledAt, deadline <= handledAt else { return deadline }
    return handledAt.advanced(by: QUICLimits.leastDeadline)
  }

  /// When it is over if no answer comes. A handshake has a limit of its own.
  private var answerDeadline: Instant? {
    guard phase == .open, let answerTimeout else { return nil }
    if let awaitedSince { return max(awaitedSince, lastReceived).advanced(by: answerTimeout) }
    // What was sent before something was heard is owed an answer as well, where the library asks for it, though it be in minutes.
    if hasNoPath || cquic_loss_deadline(handle) == .max { return nil }
    return lastReceived.advanced(by: answerTimeout)
  }

  /// When it is over if nothing comes, where the library does not look.
  private var silenceDeadline: Instant? {
    .earliest(answerDeadline, agreedIdleTimeout.map { lastReceived.advanced(by: $0) })
  }

  /// Takes the time, and does what is due.
  public func handleDeadline(at now: Instant) {
    clock = now
    switch phase {
    case .handshaking, .open:
      if let deadline = hasNoPath ? silenceDeadline : answerDeadline, deadline <= now {
        finish(QUICError(.idle))
        return end()
      }
      if let asksAt, asksAt <= now {
        self.asksAt = nil
        putForward(at: now)
      }
      guard let deadline = nextDeadline, deadline <= now else { return }
      if let handshakeDeadline, handshakeDeadline <= now { return settle(CQUIC_HANDSHAKE_LATE, at: now) }
      if libraryClock.standsStill { return handleWaiting(at: now) }
      handledAt = now
      lookForStalls(at: now)
      if phase == .open, let due = lossDeadline, due <= now {
        probed = now
        stalledSince = stalledSince ?? now
      }
      settle(cquic_handle_deadline(handle, libraryTime(now)), at: now)
      changed()
    case .closing(let until), .draining(let until):
      if until <= now { end() }
    case .ended: break
    }
  }

  /// It gets through again, perhaps: what is under way is asked for soon. After some losses one after the other the library does so ever
  /// more seldom, and cannot know.
  ///
  /// What may be on its way back is waited for: the library would take the time by which its clock is put forward for the way's length.
  func askNow(at now: Instant) {
    guard phase == .open, cquic_bytes_in_flight(handle) > 0 else { return }
    let time = min(roundTrip, QUICLimits.longestPatience)
    let soon = max(now.advanced(by: time), (probed ?? now).advanced(by: time * 2))
    asksAt = .earliest(asksAt, soon)
    changed()
  }

  /// The library is told that the time has come.
  ///
  /// - Returns: whether it would not come soon.
  @discardableResult
  private func putForward(at now: Instant) -> Bool {
    var coded = cquic_loss_deadline(handle)
    // A sign of life that got lost is followed by the next.
    if coded == .max { coded = cquic_deadline(handle) }
    guard let due = libraryClock.instant(coded), now.duration(to: due) > probeTimeout * 2 else {
      return false
    }
    // Its patience must not come to its end by that, nor by all that together: what comes may be what has come before, which anybody can
    // say again, and counts for nothing with the library.
    let patience = agreedIdleTimeout.map { $0 / 2 } ?? QUICLimits.longestSkip
    let sum = skipped + now.duration(to: due)
    guard sum < patience, due < lastReceived.advanced(by: patience) else { return false }
    skipped = sum
    libraryClock.skip(to: coded, at: now)
    return true
  }

  /// Something comes after such a silence while what was sent is not acknowledged, and the library has asked for it.
  ///
  /// It may get through to here alone, and each question makes the library wait twice as long for the next: they are as seldom as half
  /// of the time that has passed.
  private func goOn(after silence: Duration, _ stalledSince: Instant, at now: Instant) {
    guard let due = lossDeadline, now.duration(to: due) > probeTimeout * 2 else {
      (self.stalledSince, skipped) = (nil, .zero)
      return
    }
    let (time, asked) = (stalledSince.duration(to: now), probed ?? stalledSince)
    if max(silence, asked.duration(to: now)) * 2 >= time { return askNow(at: now) }
    // What has come may have been the last: the library may ask minutes later.
    asksAt = .earliest(asksAt, asked.advanced(by: time / 2))
  }

  /// Where the first answers were lost, the time until one came is taken for the way's length, and forgotten over dozens of others: what
  /// gets lost meanwhile is said again after many seconds. What is far longer than the last answer has taken is measured anew; a queue
  /// holds back that one as well.
  private func compare(at now: Instant) {
    nextComparison = now.advanced(by: QUICLimits.comparing)
    // Each side can once: a client has no settled way any more then (``measureAgain(at:)``).
    guard side == .client ? ways?.settled != nil : !hasMeasuredAgain else { return }
    let known = statistics
    guard known.latestRoundTrip > .zero,
      known.roundTrip > known.latestRoundTrip * 4 + QUICLimits.longestPatience
    else { return }
    switch side {
    case .client: measureAgain(at: now)
    case .server:
      beginAnew()
      hasMeasuredAgain = true
    }
  }

  /// When the library asks for what is on its way.
  private var lossDeadline: Instant? { libraryClock.instant(cquic_loss_deadline(handle)) }

  /// The time as the library is told it.
  func libraryTime(_ now: Instant) -> UInt64 { libraryClock.coded(now) }

  /// Something comes: what was sent may have waited for a way, and was not under way for so long.
  private func holdClock(on path: NetworkPath, at now: Instant) {
    guard let ways, ways.settled == nil, let sentAt = ways.sentAt else { return }
    if libraryClock.standsStill {
      let time = ways.lastSaid(on: path)?.duration(to: now) ?? QUICLimits.unknownRoundTrip
      return libraryClock.resume(at: now, after: time)
    }
    let usual = hasRoundTrip ? max(QUICLimits.unknownRoundTrip, roundTrip * 2) : QUICLimits.unknownRoundTrip
    libraryClock.hold(at: now, notLaterThan: sentAt + UInt64(usual.wholeNanoseconds))
    libraryClock.moved(at: now)
  }

  /// Something may be to be sent, or to be told.
  func changed() { endpoint.enqueue(self) }

  private func settle(_ result: cquic_result, at now: Instant) {
    if isUnwanted, phase == .handshaking || phase == .open {
      // As TLS says it where it asks by itself: bad_certificate.
      finish(wrongPeerError ?? QUICError(.tls(42)))
      return writeClose(CQUIC_CLOSE_TRANSPORT, 0x100 + 42, [], at: now)
    }
    switch result {
    case CQUIC_OK, CQUIC_CLOSING: break
    case CQUIC_DRAINING:
      finish(causeOfOtherSide)
      phase = .draining(until: afterClosing(now))
    case CQUIC_DROP:
      finish(wrongPeerError ?? QUICError(.tls(0)))
      end()
    case CQUIC_IDLE:
      finish(QUICError(.idle))
      end()
    case CQUIC_HANDSHAKE_LATE:
      finish(QUICError(.handshakeTimeout))
      end()
    case CQUIC_VERSION:
      finish(QUICError(.version, isRemote: true))
      end()
    case CQUIC_RETRY:
      end()
    default:
      fail(at: now)
    }
  }

  /// What went wrong is said to the other side.
  func fail(at now: Instant) {
    var cause = cquic_cause()
    cquic_get_cause(handle, &cause)
    finish(wrongPeerError ?? Self.error(cause))
    writeClose(CQUIC_CLOSE_CAUSE, 0, [], at: now)
  }

  private var wrongPeerError: QUICError? { wrongPeer.map { QUICError(.wrongPeer($0)) } }

  private var causeOfOtherSide: QUICError {
    if wasForgotten { return QUICError(.forgotten, isRemote: true) }
    var cause = cquic_cause()
    cquic_get_cause(handle, &cause)
    return Self.error(cause)
  }

  private static func error(_ cause: cquic_cause) -> QUICError {
    let reason = String(
      decoding: UnsafeBufferPointer(start: cause.reason, count: cause.reason_count), as: UTF8.self)
    let code: QUICError.Code =
      if cause.is_application != 0 { .application(cause.code) } else if cause.code >> 8 == 1 {
        .tls(UInt8(cause.code & 0xFF))
      } else { .transport(cause.code) }
    return QUICError(code, reason: reason, isRemote: cause.is_remote != 0)
  }

  private func afterClosing(_ now: Instant) -> Instant {
    return now.advanced(by: min(probeTimeout, .seconds(1)) * QUICLimits.closingTimeouts)
  }
}

// MARK: Ending

extension ConnectionCore {
  /// Closes the connection, with a number and a reason that the other side's application is told.
  public func close(code: UInt64 = 0, reason: String = "", at now: Instant) {
    guard phase == .handshaking || phase == .open else { return }
    // Before the handshake is done, an application says nothing of its own (RFC 9000, 10.2.3).
    finish(QUICError(.application(code), reason: reason))
    writeClose(CQUIC_CLOSE_APPLICATION, code, Array(reason.utf8.prefix(QUICLimits.reasonBytes)), at: now)
  }

  func writeClose(_ kind: cquic_close_kind, _ code: UInt64, _ reason: [UInt8], at now: Instant) {
    var envelope = cquic_envelope()
    let bytes = [UInt8](unsafeUninitializedCapacity: QUICLimits.smallestInitial) { buffer, count in
      let size = cquic_write_close(
        handle, &envelope, buffer.baseAddress, buffer.count, kind, code, reason, reason.count,
        libraryTime(now))
      count = max(0, size)
    }
    guard !bytes.isEmpty else { return end() }
    closePacket = (bytes, names.decoded(envelope.path))
    closesDue = 1
    phase = .closing(until: afterClosing(now))
    changed()
  }

  /// Nothing more will come: whoever waits is told.
  func finish(_ error: QUICError) {
    guard self.error == nil else { return }
    self.error = error
    carriesStreams = false
    for (_, stream) in streams.sorted(by: { $0.key < $1.key }) {
      if stream.sending == .open || stream.hasToSend { stream.sending = .ended(error) }
      if stream.receiving == .open { stream.receiving = .ended(error) }
      touch(stream)
    }
    events.append(.closed(error))
    changed()
  }

  /// It is over and done with: its ids are nobody's.
  func end() {
    guard phase != .ended else { return }
    phase = .ended
    if error == nil { finish(QUICError(.closed)) }
    endpoint.forget(self)
    changed()
  }

  /// Lets go of what it holds, so that nothing holds itself.
  func release() {
    for (_, stream) in streams { stream.isKnown = false }
    streams = [:]
    sendQueue = SendQueue()
    waiting = []
    blocked = []
    outgoingDatagrams.removeAll()
  }

  /// Its endpoint is gone, and nobody will ask for anything any more.
  func abandon() {
    release()
    phase = .ended
    events.removeAll()
    touched.removeAll()
    attachment = nil
    onWaiting = nil
  }
}

// MARK: What has happened

extension ConnectionCore {
  /// The next thing that has happened.
  public func pollEvent() -> Event? { events.popFirst() }

  /// The next stream of which something has changed: what can be read, how much can be written, or that it is over.
  public func pollTouched() -> StreamCore? {
    let stream = touched.popFirst()
    stream?.isTouched = false
    return stream
  }

  func touch(_ stream: StreamCore) {
    guard !stream.isTouched else { return }
    stream.isTouched = true
    touched.append(stream)
  }
}

extension Instant {
  /// As the library counts.
  var coded: UInt64 { UInt64(max(0, nanoseconds)) }
}
