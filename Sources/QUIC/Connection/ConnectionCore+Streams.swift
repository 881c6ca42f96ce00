import CQUIC
import WarrenMachine

extension ConnectionCore {
  /// Opens a stream, if the other side permits one now.
  ///
  /// - Returns: nil where it does not: wait for ``Event/moreStreams(isBidirectional:)``.
  public func openStream(isBidirectional: Bool = true) throws(QUICError) -> StreamCore? {
    if let error { throw error }
    guard carriesStreams else { return nil }
    var id: Int64 = 0
    switch cquic_open_stream(handle, isBidirectional ? 1 : 0, &id) {
    case CQUIC_OK: return adopt(id, isOurs: true)
    case CQUIC_NO_STREAMS: return nil
    default: throw QUICError(.system)
    }
  }

  /// How many streams more the other side permits now.
  public func streamsLeft(isBidirectional: Bool = true) -> Int {
    carriesStreams ? Int(clamping: cquic_streams_left(handle, isBidirectional ? 1 : 0)) : 0
  }

  func adopt(_ id: Int64, isOurs: Bool) -> StreamCore {
    let stream = StreamCore(id: id, self, isOurs: isOurs)
    streams[id] = stream
    if isOurs { cquic_set_stream(handle, id, Unmanaged.passUnretained(stream).toOpaque()) }
    return stream
  }

  /// So many bytes of a stream were taken: the other side may send as many more, or yet more.
  func taken(_ count: Int, of stream: StreamCore) {
    cquic_permit_bytes(handle, UInt64(count))
    let more = stream.receiveWindow.take(count, at: clock, roundTrip: roundTrip)
    if more > 0 { cquic_permit_stream_bytes(handle, stream.id, UInt64(more)) }
    changed()
  }

  /// All of a stream that only the other side sends has arrived: it is done with. Some versions of the library never say so.
  func receivedAll(_ stream: StreamCore) {
    guard stream.isKnown else { return }
    cquic_set_stream(handle, stream.id, nil)
    streamClosed(stream)
  }

  /// Both sides are done with a stream, and the library has forgotten it.
  func streamClosed(_ stream: StreamCore) {
    stream.isKnown = false
    stream.sendBuffer.removeAll()
    if stream.sending == .open { stream.sending = .ended(QUICError(.closed)) }
    if stream.receiving == .open { stream.receiving = .ended(QUICError(.closed)) }
    streams[stream.id] = nil
    if stream.isTaken { permitAnother(stream) }
    touch(stream)
  }

  /// The application takes a stream that the other side has opened.
  public func take(_ stream: StreamCore) {
    guard !stream.isTaken else { return }
    stream.isTaken = true
    if !stream.isKnown { permitAnother(stream) }
  }

  /// Whose the stream was may open another in its place, once it is over and the application has heard of it: so there are
  /// never more than were permitted.
  private func permitAnother(_ stream: StreamCore) {
    let isTheirs = (stream.id & 1 == 0) == (side == .server)
    guard isTheirs, phase == .open || phase == .handshaking else { return }
    cquic_permit_stream(handle, stream.isBidirectional ? 1 : 0)
    changed()
  }
}

// MARK: The rest

extension ConnectionCore {
  /// How long the way there and back takes on average.
  var roundTrip: Duration { .nanoseconds(Int64(clamping: cquic_round_trip(handle))) }

  /// Through which channel its packets leave.
  public var channel: UInt16 {
    if phase == .ended { return 0 }
    var coded = cquic_path()
    cquic_current_path(handle, &coded)
    if coded.local.port == NetworkPath.openChannel { return (ways?.settled ?? ways?.all.first)?.channel ?? 0 }
    return coded.local.port
  }

  /// Which way its packets take.
  public var path: NetworkPath { real(currentPath) ?? currentPath }

  /// The same, as the library knows it.
  var currentPath: NetworkPath {
    var coded = cquic_path()
    cquic_current_path(handle, &coded)
    return names.decoded(coded)
  }

  /// Goes on over another path, once it is known to carry packets, or at once. Only a client may (RFC 9000, 9).
  public func migrate(to path: NetworkPath, atOnce: Bool = false, at now: Instant) throws(QUICError) {
    if !atOnce { makeRoom(at: now) }
    guard phase == .open else { throw error ?? QUICError(.closed) }
    var path = path
    path.local = nil
    let isBack = ways?.settled?.isSame(as: path) ?? false
    let old = self.path
    var coded = isBack ? NetworkPath.codedOpen : path.coded
    guard side == .client, cquic_migrate(handle, &coded, atOnce ? 1 : 0, libraryTime(now)) == CQUIC_OK else {
      throw QUICError(.closed, reason: "only a client whose handshake is confirmed can change paths")
    }
    if !old.isSame(as: path) {
      left.removeAll { $0.isSame(as: old) }
      if left.count >= QUICLimits.leftPaths { left.removeFirst() }
      left.append(old)
    }
    if !isBack {
      ways?.leave(for: path)
      learn(path)
    }
    smallPacketsUntil = now
    lastHeard = nil
    // What measures anew would end the proof that it leads there.
    nextComparison = now.advanced(by: QUICLimits.comparing * 5)
    changed()
  }

  /// Forgets how long the way is, and what it carries, and finds it out anew: a handshake that has waited for a way for long has
  /// taken that for the way's length. Only a client can (RFC 9000, 9.4).
  public func measureAgain(at now: Instant) {
    // The library takes it for another way, as it has another name.
    guard phase == .open, side == .client, currentPath == .open, var path = ways?.settled else { return }
    path.local = nil
    var coded = path.coded
    guard cquic_migrate(handle, &coded, 1, libraryTime(now)) == CQUIC_OK else { return }
    ways = nil
    learn(path)
    outgoingPath = PathMemory()
    changed()
  }

  /// Encrypts with new keys from now on (RFC 9001, 6).
  ///
  /// - Returns: whether that can be done now: not before the last change is done with.
  @discardableResult
  public func updateKeys(at now: Instant) -> Bool {
    guard phase == .open, cquic_update_keys(handle, libraryTime(now)) == CQUIC_OK else { return false }
    changed()
    return true
  }
}
