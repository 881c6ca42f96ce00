import CQUIC
import WarrenCrypto
import WarrenMachine

/// All QUIC connections that share a port, without I/O: tells by their ids whose a datagram is, accepts new ones, and says
/// no to what is nobody's.
///
/// **After each input, take all it has to give**: new connections by ``pollAccepted()``, connections with something to send
/// or to tell by ``pollChanged()``, and datagrams that belong to no connection by ``pollAnswer()``.
public final class EndpointCore {
  /// What became of a datagram.
  public enum Received: Hashable, Sendable {
    /// It was QUIC's.
    case taken
    /// Its first byte says that it is another protocol's (RFC 9443).
    case notQUIC
    /// It begins as QUIC does and as TURN's channels do, and is of no connection here.
    case perhapsChannel
  }

  /// What was refused.
  public struct Counters: Hashable, Sendable {
    /// Datagrams that are no QUIC packet, or of no connection that there is.
    public var stray = 0
    /// Clients that were asked to prove their address.
    public var retries = 0
    /// Clients that were turned away: too many at once, or with a token that was not ours.
    public var refused = 0
    /// Clients of another version of QUIC.
    public var otherVersions = 0
    /// Senders who were told that there is no such connection.
    public var resets = 0
    /// Answers that had no room.
    public var unsent = 0
  }

  let identity: QUICIdentity
  let configuration: QUICConfiguration
  let pool = ChunkPool()
  private var random: any RandomNumberGenerator
  private let secret: [UInt8]
  private let resetKey: HMAC
  private var ids: [ConnectionID: ConnectionCore] = [:]
  /// Whose the last packet was: the next one often is too.
  private var recent: (id: ConnectionID, core: ConnectionCore)?
  private var idsOf: [Int: [ConnectionID]] = [:]
  private var connections: [Int: ConnectionCore] = [:]
  private var lastNumber = 0
  /// Connections by where the other side is: it may say from there that it has forgotten one, under no name.
  private var numbersAt: [SocketAddress: [Int]] = [:]
  /// Whether others may connect.
  public var isAccepting = true
  /// How many connections there may be: who is there stays, whatever it is.
  public var capacity: Int

  private var accepted = Queue<ConnectionCore>()
  private var changed = Queue<ConnectionCore>()
  private var answers = Queue<(bytes: [UInt8], channel: UInt16, envelope: DatagramEnvelope)>()
  private var handshakes: Set<Int> = []
  private var tickets = TicketStore()
  /// What this endpoint's own tickets are made with, if it gives any.
  private let ownTickets: OpaquePointer?
  private var resetsInSecond = (since: Instant(nanoseconds: .min), count: 0)
  /// What was refused.
  public private(set) var counters = Counters()

  /// An endpoint without connections.
  public convenience init(
    _ identity: QUICIdentity, _ configuration: QUICConfiguration, random: any RandomNumberGenerator
  ) {
    self.init(identity, configuration, random: random, earlyWindow: QUICLimits.earlyWindow)
  }

  init(
    _ identity: QUICIdentity, _ configuration: QUICConfiguration, random: any RandomNumberGenerator,
    earlyWindow: Duration
  ) {
    self.identity = identity
    self.configuration = configuration
    capacity = configuration.connections
    self.random = random
    ownTickets =
      configuration.permitsEarlyData
      ? cquic_tickets_new(UInt32(earlyWindow / .milliseconds(1))) : nil
    secret = self.random.bytes(32)
    resetKey = HMAC(.sha256, key: configuration.resetSecret ?? self.random.bytes(32))
  }

  deinit {
    for core in connections.values { core.abandon() }
    cquic_tickets_free(ownTickets)
  }

  /// All connections, in the order of beginning.
  public var allConnections: [ConnectionCore] { connections.sorted { $0.key < $1.key }.map(\.value) }

  /// How many connections there are, in whatever phase.
  public var connectionCount: Int { connections.count }

  // MARK: Connecting

  /// Begins a connection with whoever is at `path`.
  ///
  /// - Parameters:
  ///   - peer: who it must be; nil for whoever answers.
  ///   - name: what a server with an X.509 certificate is called.
  ///   - early: whether streams may be used at once, if the two have met before.
  ///   - protocols: what is spoken over it, where that is not what the endpoint speaks otherwise.
  public func connect(
    over path: NetworkPath, expecting peer: PeerID?, name: String? = nil, early: Bool = false,
    protocols: [String]? = nil, at now: Instant
  ) throws(QUICError) -> ConnectionCore {
    let core = try begin(over: path.coded, peer, name, early, protocols ?? configuration.protocols, at: now)
    place(core, at: path.remote)
    core.learn(path)
    return core
  }

  /// Begins a connection with a peer of whom it is not known where it is: its packets leave on every way that
  /// ``ConnectionCore/add(_:)`` names, and the way on which the handshake is done first is the connection's.
  public func connectOpenly(
    to peer: PeerID?, early: Bool = false, protocols: [String]? = nil, at now: Instant
  ) throws(QUICError) -> ConnectionCore {
    let core = try begin(
      over: NetworkPath.codedOpen, peer, nil, early, protocols ?? configuration.protocols, at: now)
    core.ways = Ways([])
    return core
  }

  private func begin(
    over path: cquic_path, _ peer: PeerID?, _ name: String?, _ early: Bool, _ protocols: [String],
    at now: Instant
  ) throws(QUICError) -> ConnectionCore {
    let ticket = early && ownTickets != nil ? peer.flatMap { tickets.take(for: $0) } : nil
    let source = ConnectionID(using: &random)
    let destination = ConnectionID(using: &random)
    var (coded, from, to) = (path, source.coded, destination.coded)
    let core = ConnectionCore(self, .client, expecting: peer, destination, at: now) { owner in
      withSettings(protocols, name, ticket?.bytes ?? []) {
        cquic_connect($0, &ConnectionCore.callbacks, owner, &coded, &to, &from, now.coded)
      }
    }
    guard let core else { throw QUICError(.system) }
    if let ticket, cquic_is_early(core.handle) != 0 { core.begin(with: ticket) }
    add(core)
    register(source, core)
    enqueue(core)
    return core
  }

  // MARK: Receiving

  /// Takes a datagram that came over a path.
  ///
  /// - Parameter asksAboutChannels: whether what begins as TURN's channels do, and is no connection's here, is
  ///   ``Received/perhapsChannel``: who finds that it is nobody else's says so with ``refuse(_:on:at:)``.
  public func receive(
    _ bytes: RawSpan, on path: NetworkPath, ecn: ECN, at now: Instant, asksAboutChannels: Bool = false
  ) -> Received {
    guard bytes.byteCount > 0 else { return .notQUIC }
    let first = bytes.unsafeLoad(as: UInt8.self)
    // 0 to 63 and 128 to 191 are STUN's, DTLS' and RTP's (RFC 9443, 2.1).
    guard first & 0x40 != 0 else { return .notQUIC }
    if first & 0x80 == 0 {
      if bytes.byteCount > QUICLimits.idBytes {
        let id = bytes.withUnsafeBytes { ConnectionID(own: $0.baseAddress! + 1) }
        if let core = recent?.id == id ? recent?.core : find(id) {
          if core.lastRemote != path.remote { place(core, at: path.remote) }
          core.receive(bytes, on: path, ecn: ecn, at: now)
          return .taken
        }
      }
      // 64 to 79 are TURN's channels as well (RFC 9443, 2.1), and no connection's number looks like what they carry.
      if asksAboutChannels, first < 0x50 { return .perhapsChannel }
      refuse(bytes, on: path, at: now)
      return .taken
    }
    receiveLong(bytes, on: path, ecn, at: now)
    return .taken
  }

  /// Says to the sender of what is no connection's here that it is not.
  public func refuse(_ bytes: RawSpan, on path: NetworkPath, at now: Instant) {
    guard bytes.byteCount > QUICLimits.idBytes else {
      counters.stray += 1
      return
    }
    let id = bytes.withUnsafeBytes { ConnectionID(own: $0.baseAddress! + 1) }
    if !takeReset(bytes, on: path, at: now) { refuseStray(id, bytes.byteCount, on: path, at: now) }
  }

  private func find(_ id: ConnectionID) -> ConnectionCore? {
    guard let core = ids[id] else { return nil }
    recent = (id, core)
    return core
  }

  private func receiveLong(_ bytes: RawSpan, on path: NetworkPath, _ ecn: ECN, at now: Instant) {
    var header = cquic_header()
    let result = bytes.withUnsafeBytes {
      cquic_read_header(
        $0.baseAddress!.assumingMemoryBound(to: UInt8.self), $0.count, QUICLimits.idBytes, &header)
    }
    switch result {
    case CQUIC_OK:
      if let core = ids[ConnectionID(header.destination)] {
        core.receive(bytes, on: path, ecn: ecn, at: now)
      } else {
        accept(bytes, on: path, ecn, at: now)
      }
    case CQUIC_VERSION where bytes.byteCount >= QUICLimits.smallestInitial:
      counters.otherVersions += 1
      let chance = UInt8(truncatingIfNeeded: random.next())
      answer(on: path) { cquic_write_versions($0, $1, &header, chance) }
    default:
      counters.stray += 1
    }
  }

  private func accept(_ bytes: RawSpan, on path: NetworkPath, _ ecn: ECN, at now: Instant) {
    bytes.withUnsafeBytes { buffer in
      var initial = cquic_initial()
      let start = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
      guard isAccepting, buffer.count >= QUICLimits.smallestInitial,
        cquic_read_initial(start, buffer.count, &initial) == CQUIC_OK
      else {
        counters.stray += 1
        return
      }
      var coded = path.coded
      var original: cquic_id?
      if initial.token_count > 0 {
        var before = cquic_id()
        guard
          cquic_check_token(
            &initial, &coded, secret, UInt64(QUICLimits.tokenLifetime.wholeNanoseconds), now.coded, &before)
            == CQUIC_OK
        else {
          counters.refused += 1
          // INVALID_TOKEN (RFC 9000, 8.1.3).
          return answer(on: path) { cquic_write_refusal($0, $1, &initial, 0x0B) }
        }
        original = before
      } else if configuration.alwaysRetries || handshakes.count >= QUICLimits.handshakesWithoutRetry {
        counters.retries += 1
        var source = ConnectionID(using: &random).coded
        return answer(on: path) { cquic_write_retry($0, $1, &initial, &coded, &source, secret, now.coded) }
      }
      guard handshakes.count < QUICLimits.handshakes, connections.count < capacity else {
        counters.refused += 1
        // CONNECTION_REFUSED (RFC 9000, 20.1).
        return answer(on: path) { cquic_write_refusal($0, $1, &initial, 0x02) }
      }
      begin(&initial, original, path, at: now)?.receive(bytes, on: path, ecn: ecn, at: now)
    }
  }

  /// Takes the first packets of a peer that somebody trusted has brought, and answers over all of these ways. The peer's key
  /// must be the one that was named, and nothing else is asked.
  ///
  /// - Throws: a ``QUICError`` where these are no such packets, or there are too many connections.
  public func accept(
    _ flight: [[UInt8]], from peer: PeerID, over ways: [NetworkPath], at now: Instant
  ) throws(QUICError) -> ConnectionCore {
    guard let first = flight.first, isAccepting, handshakes.count < QUICLimits.handshakes,
      connections.count < capacity
    else { throw QUICError(.transport(0x02), reason: "there are too many connections") }
    let begun = first.withUnsafeBytes { buffer -> ConnectionCore? in
      var initial = cquic_initial()
      guard let start = buffer.baseAddress, buffer.count >= QUICLimits.smallestInitial,
        cquic_read_initial(start.assumingMemoryBound(to: UInt8.self), buffer.count, &initial) == CQUIC_OK
      else { return nil }
      // It may have come by itself already.
      if let known = ids[ConnectionID(initial.destination)] {
        // Nobody may bring another's.
        return known.side == .server && (known.peer ?? peer) == peer ? known : nil
      }
      return begin(&initial, nil, .open, ways: Ways(ways), expecting: peer, at: now)
    }
    guard let core = begun else { throw QUICError(.transport(0x0A), reason: "this begins no connection") }
    for way in ways { core.add(way, at: now) }
    for packet in flight where core.ways != nil {
      core.receive(packet.span.bytes, on: .open, ecn: .notCapable, at: now)
    }
    return core
  }

  private func begin(
    _ initial: inout cquic_initial, _ original: cquic_id?, _ path: NetworkPath, ways: Ways? = nil,
    expecting peer: PeerID? = nil, at now: Instant
  ) -> ConnectionCore? {
    let source = ConnectionID(using: &random)
    var (coded, from) = (path.coded, source.coded)
    let token = resetToken(of: source)
    // The client goes on with the id that it chose until it has heard of ours.
    let chosen = ConnectionID(initial.destination)
    let first = original.map { ConnectionID($0) } ?? chosen
    let core = ConnectionCore(self, .server, expecting: peer, first, at: now) { owner in
      withSettings(configuration.protocols, nil, []) { settings in
        func accept(_ original: UnsafePointer<cquic_id>?) -> OpaquePointer? {
          cquic_accept(
            settings, &ConnectionCore.callbacks, owner, &coded, &initial, original, &from, token, now.coded)
        }
        guard var original else { return accept(nil) }
        return accept(&original)
      }
    }
    guard let core else {
      counters.refused += 1
      return nil
    }
    add(core)
    core.ways = ways
    if ways == nil { place(core, at: path.remote) }
    register(source, core)
    register(chosen, core)
    accepted.append(core)
    return core
  }

  // MARK: What has happened

  /// The next connection that somebody has begun. It can be used once it has told of ``ConnectionCore/Event/opened``.
  public func pollAccepted() -> ConnectionCore? { accepted.popFirst() }

  /// The next connection with something to send or to tell.
  public func pollChanged() -> ConnectionCore? {
    let core = changed.popFirst()
    core?.isQueued = false
    return core
  }

  /// The next answer to what belongs to no connection.
  public func pollAnswer() -> (bytes: [UInt8], channel: UInt16, envelope: DatagramEnvelope)? {
    answers.popFirst()
  }

  /// A connection is asked once more what it has to send.
  public func resume(_ core: ConnectionCore) { enqueue(core) }

  func enqueue(_ core: ConnectionCore) {
    guard !core.isQueued else { return }
    core.isQueued = true
    changed.append(core)
  }

  /// This machine has other addresses than before: packets leave from whatever there is.
  public func addressesChanged() { for core in connections.values { core.addressesChanged() } }

  /// Forgets all connections at once, and says nothing to the other sides.
  public func abandon() {
    isAccepting = false
    for (_, core) in connections.sorted(by: { $0.key < $1.key }) { core.end() }
    accepted.removeAll()
    answers.removeAll()
  }

  // MARK: Connections

  private func add(_ core: ConnectionCore) {
    lastNumber += 1
    core.number = lastNumber
    connections[lastNumber] = core
    if core.side == .server { handshakes.insert(lastNumber) }
  }

  func keep(_ ticket: TicketStore.Ticket, for peer: PeerID) { tickets.keep(ticket, for: peer) }

  func handshakeEnded(_ core: ConnectionCore) { handshakes.remove(core.number) }

  func forget(_ core: ConnectionCore) {
    handshakes.remove(core.number)
    recent = nil
    for id in idsOf.removeValue(forKey: core.number) ?? [] { ids[id] = nil }
    connections[core.number] = nil
    place(core, at: nil)
    core.release()
  }

  private func register(_ id: ConnectionID, _ core: ConnectionCore) {
    ids[id] = core
    idsOf[core.number, default: []].append(id)
  }

  func retire(_ id: ConnectionID) {
    recent = nil
    guard let core = ids.removeValue(forKey: id) else { return }
    idsOf[core.number]?.removeAll { $0 == id }
  }

  func makeID(
    for core: ConnectionCore, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int,
    _ token: UnsafeMutablePointer<UInt8>
  ) {
    precondition(count == QUICLimits.idBytes, "the library asks for ids of another length than it was given")
    let id = ConnectionID(using: &random)
    for (place, byte) in id.bytes.enumerated() { bytes[place] = byte }
    for (place, byte) in resetToken(of: id).enumerated() { token[place] = byte }
    register(id, core)
  }

  func fill(_ bytes: UnsafeMutableRawBufferPointer) { random.fill(bytes) }

  /// 16 bytes that prove to whoever knows the id that this endpoint has forgotten it (RFC 9000, 10.3.2).
  private func resetToken(of id: ConnectionID) -> [UInt8] { Array(resetKey.code(of: id.bytes)[..<16]) }

  private func withSettings<Value>(
    _ protocols: [String], _ name: String?, _ ticket: [UInt8],
    _ body: (UnsafePointer<cquic_settings>) -> Value
  ) -> Value {
    func withNames(_ rest: ArraySlice<String>, _ names: [UnsafePointer<CChar>?]) -> Value {
      guard let next = rest.first else {
        return names.withUnsafeBufferPointer { names in
          ticket.withUnsafeBufferPointer { ticket in
            guard let name else { return withUnsafePointer(to: settings(names, nil, ticket), body) }
            return name.withCString { withUnsafePointer(to: settings(names, $0, ticket), body) }
          }
        }
      }
      return next.withCString { withNames(rest.dropFirst(), names + [$0]) }
    }
    return withNames(protocols[...], [])
  }

  private func settings(
    _ protocols: UnsafeBufferPointer<UnsafePointer<CChar>?>, _ name: UnsafePointer<CChar>?,
    _ ticket: UnsafeBufferPointer<UInt8>
  ) -> cquic_settings {
    func nanoseconds(_ duration: Duration?) -> UInt64 { UInt64(max(0, duration?.wholeNanoseconds ?? 0)) }
    return cquic_settings(
      identity: identity.handle, protocols: protocols.baseAddress, protocol_count: protocols.count,
      server_name: name, requires_peer_key: identity.isRaw ? 1 : 0,
      idle_timeout: nanoseconds(configuration.idleTimeout),
      handshake_timeout: nanoseconds(configuration.handshakeTimeout),
      keep_alive: nanoseconds(configuration.keepAlive),
      initial_rtt: nanoseconds(configuration.initialRoundTrip), window: UInt64(configuration.window),
      stream_window: UInt64(configuration.streamWindow), largest_window: UInt64(configuration.largestWindow),
      bidirectional_streams: UInt64(configuration.bidirectionalStreams),
      unidirectional_streams: UInt64(configuration.unidirectionalStreams),
      largest_packet: UInt16(QUICLimits.largestPacket),
      largest_datagram: configuration.takesDatagrams ? .max : 0, has_qlog: configuration.qlog == nil ? 0 : 1,
      has_secrets: configuration.keyLog == nil ? 0 : 1,
      tickets: ownTickets, ticket: ticket.isEmpty ? nil : ticket.baseAddress,
      ticket_count: ticket.count)
  }

  // MARK: What belongs to nobody

  private func answer(on path: NetworkPath, _ write: (UnsafeMutablePointer<UInt8>, Int) -> Int) {
    guard answers.count < QUICLimits.waitingAnswers else {
      counters.unsent += 1
      return
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: QUICLimits.smallestInitial) { buffer, count in
      count = max(0, write(buffer.baseAddress!, buffer.count))
    }
    guard !bytes.isEmpty else { return }
    answers.append((bytes, path.channel, DatagramEnvelope(to: path.remote, from: path.local)))
  }

  /// Whether these bytes say that the other side has forgotten a connection: each that leads there looks whether they end as
  /// it was told that they would (RFC 9000, 10.3.1).
  private func takeReset(_ bytes: RawSpan, on path: NetworkPath, at now: Instant) -> Bool {
    for number in numbersAt[path.remote] ?? [] {
      guard let core = connections[number], core.phase == .open else { continue }
      core.receive(bytes, on: path, ecn: .notCapable, at: now)
      if core.wasForgotten { return true }
    }
    return false
  }

  private func place(_ core: ConnectionCore, at remote: SocketAddress?) {
    if let last = core.lastRemote {
      numbersAt[last]?.removeAll { $0 == core.number }
      if numbersAt[last]?.isEmpty ?? false { numbersAt[last] = nil }
    }
    core.lastRemote = remote
    if let remote { numbersAt[remote, default: []].append(core.number) }
  }

  /// Tells the sender that there is no such connection (RFC 9000, 10.3), in fewer bytes than it sent.
  private func refuseStray(_ id: ConnectionID, _ byteCount: Int, on path: NetworkPath, at now: Instant) {
    counters.stray += 1
    guard byteCount >= QUICLimits.smallestResetTrigger else { return }
    if resetsInSecond.since.duration(to: now) >= .seconds(1) { resetsInSecond = (now, 0) }
    guard resetsInSecond.count < QUICLimits.resetsPerSecond else { return }
    resetsInSecond.count += 1
    counters.resets += 1
    let token = resetToken(of: id)
    let chance = random.bytes(min(byteCount - 1, QUICLimits.largestReset) - 16)
    answer(on: path) { cquic_write_reset($0, $1, token, chance, chance.count) }
  }
}
