import WarrenCrypto
import WarrenMachine

/// One node of a mesh, without I/O: who is there, with whom it is connected, and what is said to all and to one.
package struct MeshCore {
  package struct Settings: Sendable {
    package var fullMesh = MeshLimits.fullMesh
    package var kept = MeshLimits.keptBytes
    package var window = MeshLimits.window

    /// Who may take part; nil for everybody.
    package var allowed: Set<PeerID>?

    package init() {}
  }

  package enum Event: Sendable {
    case membership(MembershipCore.Event)
    case broadcast(BroadcastCore.Event)
    case direct(DirectCore.Message, from: PeerID)
    /// So many messages to this one alone never reach it: it is gone.
    case undelivered(to: PeerID, count: Int)
    /// A member has missed so many of this one's broadcasts.
    case missed(by: PeerID, count: UInt64)
    /// There is to be a connection with this member.
    case dial(Member)
    /// The connection with this one is not needed any more.
    case drop(PeerID)
    /// A neighbour has said what it has not signed.
    case offended(by: PeerID)
  }

  /// Why a neighbour is not to be one any more.
  package enum Offence: Error { case nonsense }

  package let me: PeerID
  /// Which of its lives this is.
  package private(set) var epoch: UInt64
  package private(set) var membership: MembershipCore
  package private(set) var broadcasts: BroadcastCore
  package private(set) var links: LinkCore
  private var direct: DirectCore
  private var words = Queue<(to: PeerID, word: MeshWord)>()
  private var events = Queue<Event>()
  private var woken = Queue<PeerID>()

  package init(
    _ record: MemberRecord, _ seal: RecordSeal, _ settings: Settings = Settings(), seed: UInt64,
    at now: Instant
  ) {
    me = record.id
    epoch = record.version.epoch
    membership = MembershipCore(record, seal, allowed: settings.allowed, seed: seed, at: now)
    broadcasts = BroadcastCore(
      BroadcastCore.Source(id: record.id, epoch: record.version.epoch), seal, allowed: settings.allowed,
      seed: seed &+ 1,
      kept: settings.kept, window: settings.window)
    links = LinkCore(record.id, fullMesh: settings.fullMesh, seed: seed &+ 2, at: now)
    direct = DirectCore(window: settings.window)
  }

  // MARK: Connections

  /// What the other side is told first.
  package func greeting(for id: PeerID) -> DirectCore.Greeting { direct.greeting(for: id) }

  package mutating func linked(
    with record: MemberRecord, _ greeting: DirectCore.Greeting, at now: Instant
  ) throws(Offence) {
    let id = record.id
    guard membership.take(record, at: now),
      direct.linked(with: id, epoch: record.version.epoch, greeting, own: epoch)
    else { throw .nonsense }
    membership.linked(with: id, at: now)
    links.linked(with: id, at: now)
    broadcasts.linked(with: id, at: now)
    if direct.hasSomething(for: id) { woken.append(id) }
    settle(at: now)
  }

  /// - Parameter knows: whether it is known why: then nobody is suspect.
  package mutating func unlinked(from id: PeerID, knows: Bool, at now: Instant) {
    membership.unlinked(from: id, knows: knows, at: now)
    links.unlinked(from: id, at: now)
    broadcasts.unlinked(from: id, at: now)
    direct.unlinked(from: id)
    settle(at: now)
  }

  /// Whether somebody has signed what it says of itself.
  package func isRight(_ record: MemberRecord) -> Bool { membership.seal.isRight(record) }

  /// Whether there are connections enough: who comes then is told of others.
  package func isCrowded(for id: PeerID) -> Bool { links.isCrowded(for: id) }

  package mutating func introductions() -> [MemberRecord] { membership.some(MeshLimits.introduced) }

  /// Somebody that had no room has named others.
  package mutating func introduced(to records: [MemberRecord], at now: Instant) {
    for record in records { membership.take(record, at: now) }
    settle(at: now)
  }

  /// - Parameter isAnswered: whether it was there, though it may not have wanted this one.
  package mutating func dialled(_ id: PeerID, isLinked: Bool, isAnswered: Bool, at now: Instant) {
    if !isAnswered { membership.doubt(id, at: now) }
    links.dialled(id, isLinked: isLinked, at: now)
    settle(at: now)
  }

  // MARK: What comes

  package mutating func receive(packet: [UInt8], from id: PeerID, at now: Instant) {
    membership.receive(packet, from: id, at: now)
    settle(at: now)
  }

  package mutating func hear(_ word: MeshWord, from id: PeerID, at now: Instant) throws(Offence) {
    switch word {
    case .fingerprint, .summary, .rumours: membership.hear(word, from: id, at: now)
    case .needs(let needs): links.isNeeded(needs, by: id, at: now)
    case .have, .graft, .prune, .gone: broadcasts.hear(word, from: id, at: now)
    case .taken(let next):
      guard direct.taken(next, by: id) else { throw .nonsense }
      woken.append(id)
    }
    settle(at: now)
  }

  /// A large message has begun to come.
  package mutating func isComing(
    _ source: BroadcastCore.Source, _ number: UInt64, from id: PeerID, at now: Instant
  ) {
    membership.heard(id, at: now)
    broadcasts.isComing(source, number, from: id, at: now)
  }

  package mutating func receive(_ message: BroadcastMessage, from id: PeerID, at now: Instant) {
    membership.heard(id, at: now)
    broadcasts.receive(message, from: id, at: now)
    settle(at: now)
  }

  package mutating func receive(
    _ message: DirectCore.Message, _ number: UInt64, from id: PeerID, at now: Instant
  ) throws(Offence) {
    membership.heard(id, at: now)
    guard let isNew = direct.receive(number, from: id) else { throw .nonsense }
    guard isNew else { return }
    guard message.kind == .missed else { return events.append(.direct(message, from: id)) }
    guard message.payload.count == 8 else { throw .nonsense }
    events.append(.missed(by: id, count: message.payload.span.bytes.number(at: 0, as: UInt64.self)))
  }

  /// What was received is in somebody's hands: who has sent it may send more.
  package mutating func acknowledge(_ id: PeerID) {
    if let next = direct.acknowledge(id) { words.append((id, .taken(next))) }
  }

  // MARK: What is said

  package var hasRoom: Bool { broadcasts.hasRoom }

  package func hasRoom(for id: PeerID) -> Bool { direct.hasRoom(for: id) }

  package mutating func broadcast(_ payload: [UInt8], isText: Bool, topic: String, at now: Instant) {
    broadcasts.publish(payload, isText: isText, topic: topic, isDirect: links.hasAll, at: now)
    settle(at: now)
  }

  /// Says something to one alone; where there is no connection with it, one is asked for.
  package mutating func send(_ message: DirectCore.Message, to id: PeerID, at now: Instant) {
    direct.send(message, to: id)
    links.wants(id, at: now)
    woken.append(id)
    settle(at: now)
  }

  /// A connection with it is needed, or not any more.
  package mutating func hold(_ id: PeerID, _ isHeld: Bool, at now: Instant) {
    links.hold(id, isHeld, at: now)
    settle(at: now)
  }

  package mutating func announce(name: String, addresses: [SocketAddress], at now: Instant) {
    membership.announce(name: name, addresses: addresses, at: now)
    settle(at: now)
  }

  package mutating func leave(at now: Instant) {
    membership.leave(at: now)
    settle(at: now)
  }

  /// Whether all that was said is on its way to somebody.
  package var isQuiet: Bool { broadcasts.isQuiet && direct.waiting.isEmpty }

  /// What waits for whom, and will not be sent any more.
  package mutating func giveUpAll() -> [(to: PeerID, count: Int)] {
    direct.waiting.map { ($0, direct.giveUp($0)) }
  }

  /// What goes to a neighbour next.
  package enum Outgoing {
    case broadcast(BroadcastMessage)
    case direct(UInt64, DirectCore.Message)
  }

  package mutating func nextMessage(for id: PeerID) -> Outgoing? {
    if let (number, message) = direct.nextMessage(for: id) { return .direct(number, message) }
    return broadcasts.nextMessage(for: id).map { .broadcast($0) }
  }

  // MARK: Time

  package var nextDeadline: Instant {
    mutating get {
      min(membership.nextDeadline, links.nextDeadline, broadcasts.nextDeadline ?? .distantFuture)
    }
  }

  package mutating func handleDeadline(at now: Instant) {
    membership.handleDeadline(at: now)
    for id in direct.waiting where membership.isThere(id) { links.wants(id, at: now) }
    if links.isTimeForRevival(at: now) { links.revive(among: membership.missing, at: now) }
    links.handleDeadline(at: now)
    broadcasts.handleDeadline(at: now)
    settle(at: now)
  }

  /// What one part has found out, the others hear.
  private mutating func settle(at now: Instant) {
    while let event = membership.pollEvent() {
      switch event {
      case .joined(let member):
        links.changed(member.id, isThere: true, at: now)
        if let life = membership.epoch(of: member.id) { broadcasts.lives(member.id, epoch: life, at: now) }
      case .forgotten(let id):
        links.forget(id, at: now)
        broadcasts.forget(id)
        direct.forget(id)
        continue
      case .died(let member), .left(let member):
        links.changed(member.id, isThere: false, at: now)
        links.wantsNot(member.id, at: now)
        if links.isLinked(with: member.id) { events.append(.drop(member.id)) }
        let count = direct.giveUp(member.id)
        if count > 0 { events.append(.undelivered(to: member.id, count: count)) }
      case .suspected, .trusted, .changed, .hasDouble: break
      }
      events.append(.membership(event))
    }
    while let event = links.pollEvent() {
      switch event {
      case .dial(let id): if let member = membership.member(id) { events.append(.dial(member)) }
      case .drop(let id):
        if direct.hasSomething(for: id) { links.wants(id, at: now) } else { events.append(.drop(id)) }
      case .say(let needs, let id): words.append((id, .needs(needs)))
      }
    }
    if membership.record.version.epoch != epoch {
      epoch = membership.record.version.epoch
      broadcasts.begin(BroadcastCore.Source(id: me, epoch: epoch))
    }
    while let event = broadcasts.pollEvent() {
      if case .offended(let id) = event {
        events.append(.offended(by: id))
        continue
      }
      if case .missed(let source, let count) = event, membership.isThere(source) {
        var payload = WireWriter()
        payload.append(count)
        direct.send(DirectCore.Message(.missed, payload.bytes), to: source)
        links.wants(source, at: now)
        woken.append(source)
      }
      events.append(.broadcast(event))
    }
    while let word = membership.pollWord() { words.append(word) }
    while let word = broadcasts.pollWord() { words.append(word) }
    while let id = broadcasts.pollWoken() { woken.append(id) }
  }

  // MARK: What is to be done

  package enum Output: Sendable {
    /// To be sent to a neighbour; it may get lost.
    case packet([UInt8], to: PeerID)
    /// To be said over the connection, if there is one.
    case word(MeshWord, to: PeerID)
    /// There may be something for a neighbour: see ``nextMessage(for:)``.
    case wake(PeerID)
    case event(Event)
  }

  /// What is to be done next.
  package mutating func poll() -> Output? {
    if let (to, bytes) = membership.pollPacket() { return .packet(bytes, to: to) }
    if let (to, word) = words.popFirst() { return .word(word, to: to) }
    if let id = woken.popFirst() { return .wake(id) }
    return events.popFirst().map { .event($0) }
  }
}
