import CGnuTLS
import CIdentity
import Glibc
import WarrenCrypto
import WarrenMachine

/// One side of a TLS 1.3 connection (RFC 8446; at others' servers 1.2 may do, RFC 5246) without I/O: it is handed what arrives, what is to be written and the time,
/// and hands back what is to leave, what can be read, and when it is to be asked next.
///
/// ```
///   handshaking ──both know each other──► open ──both have finished──► ended(nil)
///        │                                  │
///        └── not wanted, too late, not TLS ─┴── changed, cut off, an alert ──► ended(error)
/// ```
///
/// **After each input, take all it has to give** by ``transmit(_:)``: an alert may be among it.
public final class TLSCore {
  /// Who has begun it.
  public enum Side: Hashable, Sendable {
    /// Whoever connects: to this peer, or nil for whom ``TLSConfiguration/authorities`` vouch for under this name, or for
    /// whoever answers, which proves nothing. A server with an X.509 certificate may want to know what it is called
    /// (RFC 6066, 3); an address, as a name, is not said.
    case client(expecting: PeerID?, name: String? = nil)
    /// Whoever was connected to.
    case server
  }

  /// How far it has come.
  public enum Phase: Hashable, Sendable {
    /// The two do not know each other yet.
    case handshaking
    /// Bytes go both ways.
    case open
    /// It is over: in good order where there is no error.
    case ended(TLSError?)
  }

  /// Who has begun it.
  public let side: Side
  /// How far it has come.
  public private(set) var phase = Phase.handshaking
  /// Who the other side is, once it has proven that; nil where it has no key of ours, as others' programs may.
  public private(set) var peer: PeerID?
  /// What is spoken over it, once both have agreed.
  public private(set) var protocolName = ""
  /// When to call ``handleDeadline(at:)``.
  public private(set) var nextDeadline: Instant?

  private let identity: TLSIdentity
  let configuration: TLSConfiguration
  /// Who vouches for the server, and what it is called.
  private let authorities: (list: AuthorityList, name: String)?
  let session: gnutls_session_t
  private var incoming = ByteBuffer(capacity: TLSLimits.incomingBytes)
  private var outgoing = ByteBuffer(capacity: TLSLimits.outgoingBytes)
  /// How much has arrived since there last was a byte for the reader.
  private var silentCount = 0
  /// No more will arrive, and whether TLS has come to that.
  private var incomingHasEnded = false
  private var hasMetEnd = false
  /// The other side has said that it will write no more, or this one has.
  private var otherHasFinished = false
  private var hasFinished = false
  /// Why the other side's key is not wanted.
  private var refusal: TLSError?
  /// A flight of the handshake found no room: it goes on when there is some.
  private var isBlocked = false

  /// A connection at its beginning. What a client says first is there at once.
  public init(
    _ side: Side, _ identity: TLSIdentity, _ configuration: TLSConfiguration, at now: Instant
  ) throws(TLSError) {
    self.side = side
    self.identity = identity
    self.configuration = configuration
    authorities = try AuthorityList.asked(by: side, configuration)
    session = try Self.session(side, identity, configuration)
    nextDeadline = now.advanced(by: configuration.handshakeTimeout)
    let pointer = Unmanaged.passUnretained(self).toOpaque()
    gnutls_session_set_ptr(session, pointer)
    gnutls_transport_set_ptr(session, pointer)
    gnutls_transport_set_push_function(session, pushBytes)
    gnutls_transport_set_pull_function(session, pullBytes)
    if configuration.keyLog != nil { gnutls_session_set_keylog_function(session, tellSecret) }
    shakeHands()
  }

  deinit { gnutls_deinit(session) }

  private static func session(
    _ side: Side, _ identity: TLSIdentity, _ configuration: TLSConfiguration
  ) throws(TLSError) -> gnutls_session_t {
    // No tickets: with a key on both sides, coming back costs as little. The key of one group is enough: whoever knows only
    // others asks again. A certificate is shown even to whom it is of no use: it may ask for another next time.
    let common = [GNUTLS_NONBLOCK, GNUTLS_NO_TICKETS, GNUTLS_ENABLE_RAWPK]
    let own =
      side == .server ? [GNUTLS_SERVER] : [GNUTLS_CLIENT, GNUTLS_KEY_SHARE_TOP, GNUTLS_FORCE_CLIENT_CERT]
    var made: gnutls_session_t?
    guard gnutls_init(&made, (common + own).reduce(0) { $0 | $1.rawValue }) >= 0, let session = made else {
      throw TLSError(.system, reason: "there is no memory for a session")
    }
    let priority = configuration.allowsOlderVersion ? identity.olderPriority : nil
    var isReady =
      gnutls_priority_set(session, priority ?? identity.priority) >= 0
      && gnutls_credentials_set(
        session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(identity.credentials)) >= 0
      && offer(configuration.protocols, on: session)
    if case .client(_, let name?) = side, (try? IPAddress(name)) == nil {
      isReady = isReady && gnutls_server_name_set(session, GNUTLS_NAME_DNS, name, name.utf8.count) >= 0
    }
    if side == .server, identity.isRaw { gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE) }
    guard isReady else {
      gnutls_deinit(session)
      throw TLSError(
        .system,
        reason: "GnuTLS takes neither more than \(TLSLimits.protocols) protocols, nor names longer than "
          + "\(TLSLimits.protocolBytes) bytes")
    }
    return session
  }

  private static func offer(_ protocols: [String], on session: gnutls_session_t) -> Bool {
    guard !protocols.isEmpty else { return true }
    var names = Array(protocols.joined().utf8)
    return names.withUnsafeMutableBufferPointer { names in
      var start = 0
      let data = protocols.map { name in
        defer { start += name.utf8.count }
        return gnutls_datum_t(data: names.baseAddress.map { $0 + start }, size: UInt32(name.utf8.count))
      }
      let mandatory = UInt32(GNUTLS_ALPN_MANDATORY.rawValue)
      return gnutls_alpn_set_protocols(session, data, UInt32(data.count), mandatory) >= 0
    }
  }
}

// MARK: The wire

extension TLSCore {
  /// How many bytes have arrived and nobody has read.
  var incomingCount: Int { incoming.count }

  /// Takes the first of `bytes`, which have arrived: as many as it has room for until somebody reads.
  ///
  /// - Returns: how many.
  public func receive(_ bytes: RawSpan) -> Int {
    // Nobody wants it any more.
    guard !isOver else { return bytes.byteCount }
    let count = bytes.withUnsafeBytes { incoming.append($0) }
    shakeHands()
    return count
  }

  /// Takes what `read` writes, which has arrived: there is no room where nobody reads.
  func receive<Value, Failure: Error>(
    _ read: (inout OutputRawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let value = try incoming.append(read)
    if isOver { incoming.removeAll() }
    shakeHands()
    return value
  }

  /// No more will arrive.
  public func receiveEnd() {
    incomingHasEnded = true
    shakeHands()
  }

  /// How many bytes are to leave.
  public var outgoingCount: Int { outgoing.count }

  /// Lends `take` what is to leave; it says how many of the bytes have left.
  public func transmit<Failure: Error>(_ take: (RawSpan) throws(Failure) -> Int) throws(Failure) {
    try outgoing.take { (bytes) throws(Failure) in try take(RawSpan(_unsafeBytes: bytes)) }
    guard isBlocked else { return }
    isBlocked = false
    shakeHands()
  }

  func push(_ bytes: UnsafeRawBufferPointer) -> Int {
    let count = outgoing.append(bytes)
    if count == 0 { isBlocked = true }
    return count
  }

  /// - Returns: how many bytes there were; nil where more may come.
  func pull(into room: UnsafeMutableRawBufferPointer) -> Int? {
    if incoming.isEmpty {
      hasMetEnd = incomingHasEnded
      return incomingHasEnded ? 0 : nil
    }
    var count = 0
    incoming.take { bytes in
      count = min(bytes.count, room.count)
      room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
      return count
    }
    silentCount += count
    return count
  }

  /// Has GnuTLS return, and try again later.
  func sayAgain() -> Int {
    gnutls_transport_set_errno(session, EAGAIN)
    return -1
  }
}

// MARK: The handshake

extension TLSCore {
  private func shakeHands() {
    while phase == .handshaking {
      let code = gnutls_handshake(session)
      if code == GNUTLS_E_SUCCESS { return becomeOpen() }
      if code == GNUTLS_E_AGAIN, silentCount <= TLSLimits.silentBytes { return }
      // A server of TLS 1.2 says so that it does not know its name, and goes on (RFC 6066, 3).
      if configuration.allowsOlderVersion, code == GNUTLS_E_WARNING_ALERT_RECEIVED,
        gnutls_alert_get(session) == GNUTLS_A_UNRECOGNIZED_NAME
      {
        continue
      }
      // What GnuTLS calls a warning ends TLS 1.3 too (RFC 8446, 6).
      _ = fail(code == GNUTLS_E_AGAIN ? GNUTLS_E_HANDSHAKE_TOO_LARGE : code)
    }
  }

  private func becomeOpen() {
    var name = gnutls_datum_t()
    if gnutls_alpn_get_selected_protocol(session, &name) >= 0 {
      protocolName = String(
        decoding: UnsafeBufferPointer(start: name.data, count: Int(name.size)), as: UTF8.self)
    }
    // GnuTLS minds only whoever offers others, and not whoever offers none.
    guard !protocolName.isEmpty || configuration.protocols.isEmpty || !configuration.needsProtocol else {
      _ = fail(GNUTLS_E_NO_APPLICATION_PROTOCOL)
      return
    }
    nextDeadline = nil
    silentCount = 0
    phase = .open
  }

  /// Whether those vouch for the other side who have to; nil where nobody has to, and its key alone says who it is.
  func judgeChain() -> Bool? {
    guard let authorities else { return nil }
    refusal = authorities.list.refusal(of: session, as: authorities.name)
    return refusal == nil
  }

  /// Whether the other side is who it should be.
  func judge(_ kind: cidentity_kind, _ key: RawSpan) -> Bool {
    let found = PeerID(subjectPublicKeyInfo: key)
    refusal = kind == CIDENTITY_X509_EXPIRED ? TLSError(.expired) : refusal(of: found)
    if refusal == nil { peer = found }
    return refusal == nil
  }

  private func refusal(of found: PeerID?) -> TLSError? {
    switch (side, found) {
    case (.client(nil, _), _): nil
    case (.client(let expected?, _), let found?): expected == found ? nil : TLSError(.wrongPeer(found))
    case (.server, let found?): configuration.accepts(found) ? nil : TLSError(.unwantedPeer(found))
    case (_, nil): TLSError(.alert(43), reason: "its key is not one of Ed25519")
    }
  }

  /// Takes the time, and gives up a handshake that has taken too long.
  public func handleDeadline(at now: Instant) {
    guard let nextDeadline, nextDeadline <= now else { return }
    end(TLSError(.handshakeTimeout))
  }
}

// MARK: Reading and writing

extension TLSCore {
  /// Writes the first of `bytes`: as many as there is room for until what was written before has left.
  ///
  /// - Returns: how many; none before the handshake is done.
  public func write(_ bytes: RawSpan) throws(TLSError) -> Int {
    if case .ended(let error) = phase { throw error ?? TLSError(.closed) }
    if hasFinished { throw TLSError(.closed) }
    guard phase == .open else { return 0 }
    var taken = 0
    while taken < bytes.byteCount, outgoing.freeCapacity >= 2 * TLSLimits.wireRecordBytes {
      let record = bytes.extracting(droppingFirst: taken).extracting(first: TLSLimits.recordBytes)
      let count = record.withUnsafeBytes { gnutls_record_send(session, $0.baseAddress, $0.count) }
      guard count >= 0 else { throw fail(Int32(count)) }
      taken += count
    }
    return taken
  }

  /// Appends to `buffer` what the other side has written, as far as there is room.
  public func read(into buffer: inout OutputRawSpan) throws(TLSError) -> TCPRead {
    var total = 0
    while buffer.freeCapacity > 0, phase == .open, !otherHasFinished {
      let left = incoming.count
      let count = unsafe buffer.withUnsafeMutableBytes { memory, initialized in
        let count = gnutls_record_recv(session, memory.baseAddress! + initialized, memory.count - initialized)
        initialized += max(0, count)
        return count
      }
      total += max(0, count)
      switch Int32(count) {
      case 1...: silentCount = 0
      case 0:
        otherHasFinished = true
        endIfBothHaveFinished()
      case GNUTLS_E_AGAIN where silentCount > TLSLimits.silentBytes:
        _ = fail(GNUTLS_E_HANDSHAKE_TOO_LARGE)
      case GNUTLS_E_AGAIN:
        // A message of the handshake's, such as a change of keys, may have been all of a record.
        if incoming.count == left { return total > 0 ? .bytes(total) : .nothingYet }
      case let code:
        _ = fail(code)
      }
    }
    if total > 0 { return .bytes(total) }
    if otherHasFinished { return .ended }
    if case .ended(let error) = phase { throw error ?? TLSError(.closed) }
    return .nothingYet
  }

  /// Says that nothing more will be written; the other side still can (RFC 8446, 6.1).
  public func finish() throws(TLSError) {
    if case .ended(let error) = phase {
      if let error { throw error }
      return
    }
    // What would be said now the other side may not be able to read.
    guard phase == .open else { return end(TLSError(.closed)) }
    guard !hasFinished else { return }
    guard gnutls_bye(session, GNUTLS_SHUT_WR) >= 0 else { throw fail(GNUTLS_E_INTERNAL_ERROR) }
    hasFinished = true
    endIfBothHaveFinished()
  }

  /// Ends it from this side, without a word.
  func abandon() { end(TLSError(.closed)) }
}

// MARK: Ending

extension TLSCore {
  private var isOver: Bool { if case .ended = phase { true } else { false } }

  private func endIfBothHaveFinished() { if hasFinished, otherHasFinished { end(nil) } }

  private func end(_ error: TLSError?) {
    guard !isOver else { return }
    phase = .ended(error)
    nextDeadline = nil
    incoming.removeAll()
  }

  /// Ends it for what GnuTLS says, and has the other side told.
  private func fail(_ code: Int32) -> TLSError {
    let error = error(for: code)
    if let alert = alert(for: error, code) { gnutls_alert_send(session, GNUTLS_AL_FATAL, alert) }
    end(error)
    return error
  }

  private func error(for code: Int32) -> TLSError {
    if let refusal { return refusal }
    if hasMetEnd { return TLSError(.truncated) }
    switch code {
    case GNUTLS_E_FATAL_ALERT_RECEIVED, GNUTLS_E_WARNING_ALERT_RECEIVED:
      let alert = gnutls_alert_get(session)
      if alert == GNUTLS_A_NO_APPLICATION_PROTOCOL { return TLSError(.noProtocol, isRemote: true) }
      return TLSError(.alert(UInt8(truncatingIfNeeded: alert.rawValue)), isRemote: true)
    case GNUTLS_E_SESSION_EOF: return TLSError(.closed, isRemote: true)
    case GNUTLS_E_NO_APPLICATION_PROTOCOL: return TLSError(.noProtocol)
    default:
      let alert = UInt8(truncatingIfNeeded: gnutls_error_to_alert(code, nil))
      return TLSError(.alert(alert), reason: String(cString: gnutls_strerror(code)))
    }
  }

  /// What the other side is told, which hears nothing where it has said that it is gone.
  private func alert(for error: TLSError, _ code: Int32) -> gnutls_alert_description_t? {
    guard !error.isRemote else { return nil }
    switch error.code {
    case .alert(let alert): return gnutls_alert_description_t(UInt32(alert))
    case .wrongPeer, .wrongName, .badCertificate: return GNUTLS_A_BAD_CERTIFICATE
    case .unknownAuthority: return GNUTLS_A_UNKNOWN_CA
    case .expired: return GNUTLS_A_CERTIFICATE_EXPIRED
    case .unwantedPeer: return GNUTLS_A_ACCESS_DENIED
    case .noProtocol: return GNUTLS_A_NO_APPLICATION_PROTOCOL
    case .truncated, .handshakeTimeout, .closed, .system: return nil
    }
  }
}
