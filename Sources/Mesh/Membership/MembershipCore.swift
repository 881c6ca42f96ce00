import WarrenCrypto
import WarrenMachine

/// Who is in the mesh, and who answers, without I/O (in the manner of SWIM, with Lifeguard's suspicion).
///
/// Whom one looks after is not drawn, but follows from the members' order on a ring: so each is looked after by some at every
/// moment, and how long it takes until a death is known has a bound.
///
/// ```
///   alive ──no answer, others have none either──► suspect ──it does not contradict──► dead
///     ▲──────────it says of itself something newer──────────┴───────────────────────────┘
/// ```
package struct MembershipCore {
  package enum Event: Hashable, Sendable {
    /// It was not there before, as far as was known.
    case joined(Member)
    /// It does not answer.
    case suspected(Member)
    /// It answers again.
    case trusted(Member)
    /// It is gone.
    case died(Member)
    case left(Member)
    /// It calls itself otherwise, or is elsewhere.
    case changed(Member)
    /// Somebody else has this one's key: one of the two must go.
    case hasDouble
    /// It was gone for so long that nobody remembers it.
    case forgotten(PeerID)
  }

  /// What has come and gone.
  package struct Counters: Hashable, Sendable {
    package var packets = 0
    package var bytes = 0
    package var suspicions = 0
    package var contradictions = 0
    package var deaths = 0
    /// What was signed by nobody, or was no packet at all.
    package var refused = 0
  }

  package let me: PeerID
  var own: MemberRecord
  let seal: RecordSeal
  /// Who may take part; nil for everybody.
  let allowed: Set<PeerID>?
  var random: MeshRandom
  var entries: [PeerID: MemberEntry] = [:]
  /// How many are there, this one among them.
  package internal(set) var count = 1
  /// Those that are linked, in their order on the ring.
  var links: [PeerID] = []
  /// What is known, as one number: see ``MembershipCore/compare(at:)``.
  var fingerprint: UInt64 = 0
  /// Those who are asked, and those who are suspect.
  var asked: [PeerID] = []
  var suspects: [PeerID] = []
  /// Whose answer is awaited under a number, and for whom.
  var questions: [UInt32: Question] = [:]
  var number: UInt32
  var gossip = GossipQueue()
  var nextRound: Instant
  var nextGossip: Instant?
  var nextComparison: Instant
  /// When something new was heard last.
  var lastNews: Instant
  var lastForgetting: Instant
  /// Whose turn it is that is not looked after always.
  var turn = 0
  /// How often its own record has come back newer than it was, of late.
  var doubles: [Instant] = []
  package internal(set) var counters = Counters()
  var packets = Queue<(to: PeerID, bytes: [UInt8])>()
  var words = Queue<(to: PeerID, word: MeshWord)>()
  var events = Queue<Event>()

  enum Question {
    case own(PeerID, at: Instant)
    /// Somebody else has asked, under this number.
    case errand(of: PeerID, number: UInt32, about: PeerID, at: Instant)
  }

  /// A membership of this one alone.
  package init(
    _ record: MemberRecord, _ seal: RecordSeal, allowed: Set<PeerID>? = nil, seed: UInt64, at now: Instant
  ) {
    self.allowed = allowed
    me = record.id
    self.seal = seal
    own = record
    seal.sign(&own)
    random = MeshRandom(seed)
    number = UInt32(truncatingIfNeeded: random.next())
    lastNews = now
    lastForgetting = now
    nextRound = now.advanced(by: MeshLimits.round * Double.random(in: 0..<1, using: &random))
    nextComparison = now.advanced(by: MeshLimits.comparison)
    fingerprint = Self.fingerprint(of: own)
  }

  // MARK: What is known

  /// All that are known, this one first, the others in their order.
  package var members: [Member] {
    [Member(me, name: own.name, addresses: own.addresses)] + entries.keys.sorted().map { entries[$0]!.member }
  }

  package func member(_ id: PeerID) -> Member? { entries[id]?.member }

  package func isThere(_ id: PeerID) -> Bool { entries[id]?.isThere ?? false }

  /// Which of its lives it is in.
  package func epoch(of id: PeerID) -> UInt64? { entries[id]?.record.version.epoch }

  /// Who is there besides this one, in their order.
  package var others: [PeerID] { entries.filter { $0.value.isThere }.keys.sorted() }

  /// Those who are gone without having said so.
  package var missing: [PeerID] { entries.filter { $0.value.state == .dead }.keys.sorted() }

  package var record: MemberRecord { own }

  // MARK: What it is told

  /// It is connected with somebody, who has said this of itself.
  package mutating func linked(with id: PeerID, at now: Instant) {
    entries[id]?.isLinked = true
    entries[id]?.heard = now
    guard !links.contains(id) else { return }
    let place = RingPlace.of(id, in: 0)
    links.insert(id, at: links.firstIndex { RingPlace.of($0, in: 0) > place } ?? links.count)
    say(.summary(isAnswer: false, summary), to: id)
  }

  /// It is not connected with it any more.
  ///
  /// - Parameter knows: whether it is known why: then nobody is suspect.
  package mutating func unlinked(from id: PeerID, knows: Bool, at now: Instant) {
    links.removeAll { $0 == id }
    entries[id]?.isLinked = false
    entries[id]?.roundTrip = nil
    guard let entry = entries[id], entry.isThere else { return }
    if knows, entry.state == .alive {
      settle(id)
    } else if !knows, entry.probe == nil {
      probe(id, at: now)
    }
  }

  /// It could not be reached: whether it is there, others may know.
  package mutating func doubt(_ id: PeerID, at now: Instant) {
    guard let entry = entries[id], entry.state == .alive, !entry.isLinked, entry.probe == nil else { return }
    probe(id, at: now)
  }

  /// This one is elsewhere, or is called otherwise.
  package mutating func announce(name: String, addresses: [SocketAddress], at now: Instant) {
    guard name != own.name || addresses != own.addresses else { return }
    own.name = name
    own.addresses = addresses
    assert(own.version.next, at: now)
  }

  /// This one goes.
  package mutating func leave(at now: Instant) {
    own.hasLeft = true
    assert(own.version.next, at: now)
    for link in links { say(.rumours(Rumour.said(own).encoded), to: link) }
  }

  /// This one says something newer of itself.
  func sealed(_ version: MemberVersion) -> MemberRecord {
    var record = own
    record.version = version
    seal.sign(&record)
    return record
  }

  mutating func assert(_ version: MemberVersion, at now: Instant) {
    fingerprint ^= Self.fingerprint(of: own)
    own = sealed(version)
    fingerprint ^= Self.fingerprint(of: own)
    pass(.said(own), at: now)
  }

  /// Some of those who are there: who asks here in vain can ask them.
  package mutating func some(_ count: Int) -> [MemberRecord] {
    others.shuffled(using: &random).prefix(count).map { entries[$0]!.record }
  }

  /// Takes somebody's record that it has said over a connection of its own.
  ///
  /// - Returns: whether it is one.
  @discardableResult
  package mutating func take(_ record: MemberRecord, at now: Instant) -> Bool {
    guard record.id != me, seal.isRight(record) else { return false }
    learn(record, isChecked: true, at: now)
    return true
  }

  // MARK: Rumours

  mutating func hear(_ rumour: Rumour, from neighbour: PeerID, at now: Instant) {
    switch rumour {
    case .said(let record):
      if record.id == me { hearOwn(record, at: now) } else { learn(record, isChecked: false, at: now) }
    case .suspected(let id, let version, let accuser):
      if id == me { return contradict(version, at: now) }
      suspect(id, version, by: accuser, at: now)
    case .dead(let id, let version):
      if id == me { return contradict(version, at: now) }
      // Of what is not known yet nobody says anything that counts: its own word will come.
      guard let entry = entries[id], entry.isThere, version == entry.record.version else { return }
      let isHeard = entry.isLinked && entry.heard.map { $0.duration(to: now) < MeshLimits.patience } ?? false
      if isHeard { suspect(id, version, by: neighbour, at: now) } else { bury(id, at: now) }
    }
  }

  private mutating func contradict(_ version: MemberVersion, at now: Instant) {
    guard version == own.version, !own.hasLeft else { return }
    counters.contradictions += 1
    assert(own.version.next, at: now)
  }

  /// What this one said in an earlier life, or another one that has its key.
  private mutating func hearOwn(_ record: MemberRecord, at now: Instant) {
    guard record.version > own.version, !own.hasLeft, seal.isRight(record) else { return }
    guard record.version.epoch > own.version.epoch else { return assert(record.version.next, at: now) }
    doubles.removeAll { $0.duration(to: now) > MeshLimits.comparison * 3 }
    doubles.append(now)
    if doubles.count == 3 { events.append(.hasDouble) }
    // The clock was set back since: this life is newer all the same.
    assert(MemberVersion(epoch: record.version.epoch &+ 1), at: now)
  }

  private mutating func learn(_ record: MemberRecord, isChecked: Bool, at now: Instant) {
    guard let known = entries[record.id] else {
      guard entries.count < MeshLimits.members, !record.hasLeft, allowed?.contains(record.id) ?? true else {
        return
      }
      guard isChecked || isRight(record) else { return }
      var entry = MemberEntry(record, .alive, at: now)
      entry.isLinked = links.contains(record.id)
      entries[record.id] = entry
      count += 1
      fingerprint ^= Self.fingerprint(of: record)
      events.append(.joined(entry.member))
      pass(.said(record), at: now)
      return
    }
    guard record.version > known.record.version, isChecked || isRight(record) else { return }
    if known.isThere { fingerprint ^= Self.fingerprint(of: known.record) }
    // Whoever has contradicted is there, though it was asked in vain.
    if known.state == .suspect || record.hasLeft { settle(record.id) }
    var entry = entries[record.id]!
    entry.record = record
    entry.suspicion = nil
    entry.state = record.hasLeft ? .left : .alive
    if entry.state != known.state { entry.since = now }
    entries[record.id] = entry
    if entry.isThere { fingerprint ^= Self.fingerprint(of: record) }
    count += (entry.isThere ? 1 : 0) - (known.isThere ? 1 : 0)
    switch (known.state, entry.state) {
    // It has begun another life before anybody noticed that the last was over.
    case (.alive, .alive) where known.record.version.epoch != record.version.epoch,
      (.suspect, .alive) where known.record.version.epoch != record.version.epoch:
      events.append(.joined(entry.member))
    case (.alive, .alive):
      if known.record.name != record.name || known.record.addresses != record.addresses {
        events.append(.changed(entry.member))
      }
    case (.suspect, .alive): events.append(.trusted(entry.member))
    case (_, .alive): events.append(.joined(entry.member))
    case (.left, .left): break
    case (_, .left): events.append(.left(entry.member))
    default: break
    }
    pass(.said(record), at: now)
  }

  private mutating func isRight(_ record: MemberRecord) -> Bool {
    let isRight = seal.isRight(record)
    if !isRight { counters.refused += 1 }
    return isRight
  }

  mutating func suspect(_ id: PeerID, _ version: MemberVersion, by accuser: PeerID, at now: Instant) {
    guard var entry = entries[id], entry.isThere, version == entry.record.version else { return }
    if entry.suspicion == nil {
      entry.suspicion = Suspicion(by: accuser, members: count, at: now)
      entry.state = .suspect
      entry.since = now
      suspects.append(id)
      counters.suspicions += 1
      events.append(.suspected(entry.member))
      // Whoever can ask it does, for its own sake.
      if entry.isLinked, entry.probe == nil, accuser != me { entry.probe = .init(since: now, next: now) }
      entries[id] = entry
      if entry.probe != nil, !asked.contains(id) { asked.append(id) }
      pass(.suspected(id, version, by: accuser), at: now)
    } else if entry.suspicion!.confirm(by: accuser) {
      entries[id] = entry
      pass(.suspected(id, version, by: accuser), at: now)
    }
  }

  mutating func bury(_ id: PeerID, at now: Instant) {
    settle(id)
    guard var entry = entries[id] else { return }
    fingerprint ^= Self.fingerprint(of: entry.record)
    entry.state = .dead
    entry.since = now
    entry.suspicion = nil
    entries[id] = entry
    count -= 1
    counters.deaths += 1
    events.append(.died(entry.member))
    pass(.dead(id, entry.record.version), at: now)
  }

  /// Nobody is asked about it any more.
  private mutating func settle(_ id: PeerID) {
    asked.removeAll { $0 == id }
    suspects.removeAll { $0 == id }
    for number in entries[id]?.probe?.numbers ?? [] { questions[number] = nil }
    entries[id]?.probe = nil
  }

  mutating func pass(_ rumour: Rumour, at now: Instant) {
    gossip.add(rumour)
    lastNews = now
    nextComparison = min(nextComparison, now.advanced(by: MeshLimits.unsettledComparison * 1.5))
    nextGossip = nextGossip ?? now
  }

  static func fingerprint(of record: MemberRecord) -> UInt64 {
    RingPlace.mixed(
      RingPlace.of(record.id, in: -1) &+ record.version.epoch &* 31 &+ UInt64(record.version.incarnation))
  }
}
