import WarrenCrypto
import WarrenMachine

/// Messages to all, each delivered once and in its sender's order, without I/O (in the manner of Plumtree).
///
/// What is new goes at once to those neighbours that nobody else serves sooner, which is a tree for each sender; the others are
/// told that it is there, and ask for it when it does not come. A neighbour that is slow is served from what is kept, at its
/// own speed, and loses nothing as long as that lasts.
package struct BroadcastCore {
  /// A sender, in one of its lives.
  package struct Source: Hashable, Sendable {
    package var id: PeerID
    package var epoch: UInt64

    package init(id: PeerID, epoch: UInt64) {
      self.id = id
      self.epoch = epoch
    }
  }

  /// Up to where somebody has what a sender has said.
  package struct Have: Hashable, Sendable {
    var source: Source
    var next: UInt64
  }

  package enum Event: Sendable {
    case message(BroadcastMessage)
    /// So many that this sender has sent were not to be had any more when this one asked.
    case missed(from: PeerID, count: UInt64)
    /// So many of this one's own were not kept any more for a neighbour that was too slow, or away for too long.
    case lost(by: PeerID, count: UInt64)
    /// It has sent what it has not signed.
    case offended(PeerID)
  }

  /// What has come and gone.
  package struct Counters: Hashable, Sendable {
    /// Messages that were delivered, that were this one's own, that had been delivered before, and that were sent to neighbours.
    package var delivered = 0
    package var published = 0
    package var doubled = 0
    package var sent = 0
    /// Words about them.
    package var haves = 0
    package var grafts = 0
    package var prunes = 0
    /// What was forged, or out of every order.
    package var refused = 0
  }

  package private(set) var me: Source
  /// Who may take part; nil for everybody.
  private let allowed: Set<PeerID>?
  let seal: RecordSeal
  var random: MeshRandom
  private let keptLimit: Int
  private let window: Int
  /// Neighbours, each under a number of its own while it is one.
  var links: [PeerID?] = []
  private var ready: [Queue<Int>] = []
  var logs: [SourceLog] = []
  var places: [PeerID: Int] = [:]
  /// The order in which what is kept has come: the oldest goes first.
  var order = Queue<Int>()
  var keptBytes = 0
  /// Which life of whom is known by its own record.
  var lives: [PeerID: UInt64] = [:]
  /// Senders that neighbours have named before anything else was known of them.
  var unknown: [(source: Source, slot: Int, next: UInt64, isHistory: Bool)] = []
  /// Until when what neighbours have is taken for what was said before this one came, and who has said what it has.
  var newUntil: Instant?
  var knownSlots: Set<Int> = []
  /// Logs of nobody.
  private var free: [Int] = []
  var nextTelling: Instant?
  /// Logs of which something is to be told.
  var telling: [Int] = []
  /// Logs of which something is missing.
  var wanting: [Int] = []
  package internal(set) var counters = Counters()
  private var words = Queue<(to: PeerID, word: MeshWord)>()
  var events = Queue<Event>()
  /// Neighbours for whom there is something now.
  private var woken = Queue<PeerID>()

  /// Nothing was said yet.
  package init(
    _ me: Source, _ seal: RecordSeal, allowed: Set<PeerID>? = nil, seed: UInt64,
    kept: Int = MeshLimits.keptBytes, window: Int = MeshLimits.window
  ) {
    self.allowed = allowed
    self.me = me
    self.seal = seal
    random = MeshRandom(seed)
    keptLimit = kept
    self.window = window
    logs = [SourceLog(me)]
    places = [me.id: 0]
  }

  // MARK: Neighbours

  package mutating func linked(with id: PeerID, at now: Instant) {
    guard !links.contains(id) else { return }
    let slot = links.firstIndex(of: nil) ?? links.count
    if slot == links.count {
      links.append(id)
      ready.append(Queue())
    } else {
      links[slot] = id
      ready[slot].removeAll()
    }
    for place in logs.indices {
      while logs[place].readers.count <= slot { logs[place].readers.append(nil) }
      // What it has is not known before it says so, which is the first that it does.
      let next = logs[place].next
      logs[place].readers[slot] = SourceLog.Reader(cursor: next, told: next)
    }
    newUntil = newUntil ?? now.advanced(by: MeshLimits.newcomer)
    // What has been said before it came, it hears of at once, be it nothing.
    say(logs.filter { $0.next > 1 }.map { Have(source: $0.source, next: $0.next) }, to: slot)
  }

  package mutating func unlinked(from id: PeerID, at now: Instant) {
    guard let slot = links.firstIndex(of: id) else { return }
    links[slot] = nil
    ready[slot].removeAll()
    knownSlots.remove(slot)
    unknown.removeAll { $0.slot == slot }
    for place in logs.indices where slot < logs[place].readers.count {
      logs[place].readers[slot] = nil
      if logs[place].parent == slot { logs[place].parent = nil }
      if logs[place].coming?.slot == slot { logs[place].coming = nil }
      logs[place].wish?.gone[slot] = nil
      if logs[place].wish?.asked == slot {
        logs[place].wish?.asked = nil
        logs[place].wish?.at = now
      }
    }
  }

  // MARK: Own messages

  /// Whether somebody may broadcast: most of those who are to be sent it have nearly what was said before.
  package var hasRoom: Bool {
    let readers = logs[0].readers.compactMap { $0 }.filter { logs[0].isEager($0, isOwn: true) }
    return readers.count { logs[0].lag(of: $0) > window } * 2 <= readers.count
  }

  /// Whether all neighbours that are to be sent this one's own have been.
  package var isQuiet: Bool {
    logs[0].readers.allSatisfy { reader in
      reader.map { max($0.cursor, $0.has) >= logs[0].next || !logs[0].isEager($0, isOwn: true) } ?? true
    }
  }

  /// Sends something to all.
  ///
  /// - Parameter isDirect: whether this one is connected with everybody.
  package mutating func publish(
    _ payload: [UInt8], isText: Bool = false, topic: String = "", isDirect: Bool, at now: Instant
  ) {
    var message = BroadcastMessage(
      me, logs[0].next, isDirect: isDirect, topic: topic, isText: isText, payload: payload)
    message.signature = seal.sign(message.statement, .message)
    logs[0].isDirect = isDirect
    counters.published += 1
    keep(message, 0, isVerified: true, at: now)
  }

  /// This one counts from one again: it has found out that its life is later than it thought.
  package mutating func begin(_ me: Source) {
    forgetKept(0)
    self.me = me
    places = places.filter { $0.value != 0 }
    places[me.id] = 0
    restart(0, me)
  }

  // MARK: What neighbours say

  /// Takes a message that a neighbour has sent or passed on.
  package mutating func receive(_ message: BroadcastMessage, from id: PeerID, at now: Instant) {
    guard let slot = links.firstIndex(of: id), message.source.id != me.id,
      allowed?.contains(message.source.id) ?? true
    else { return }
    // Whoever has sent it itself has proven who it is.
    var isVerified = false
    func isRight() -> Bool {
      if !isVerified, message.source.id != id {
        isVerified = seal.isSigned(message.statement, .message, by: message.source.id, message.signature)
        if !isVerified { counters.refused += 1 }
        return isVerified
      }
      return true
    }
    if place(of: message.source) == nil {
      // Its record is on its way, perhaps: its signature says as much, if not of an earlier life.
      guard message.source.epoch > lives[message.source.id] ?? 0, isRight() else { return }
      lives[message.source.id] = message.source.epoch
    }
    guard let place = place(of: message.source) else { return }
    mark(place, slot, has: message.number + 1)
    if logs[place].coming?.number == message.number { logs[place].coming = nil }
    if message.number < logs[place].next, logs[place].isUntouched, isRight() {
      // What others have said of what was before this one came was not so.
      beginLog(place, at: message.number)
    }
    guard message.number >= logs[place].next, logs[place].ahead[message.number] == nil else {
      counters.doubled += 1
      // Whom it comes from may send again what it was asked for.
      if logs[place].parent == slot { return }
      logs[place].readers[slot]?.mode = .lazy
      counters.prunes += 1
      return say(.prune(message.source), to: slot)
    }
    guard isRight() else { return events.append(.offended(id)) }
    guard message.number == logs[place].next else { return putAside(message, place, at: now) }
    logs[place].parent = slot
    deliver(message, place, isVerified: isVerified, at: now)
    deliverAhead(place, at: now)
    settleWish(place, at: now)
  }

  /// A large message has begun to come, or more of it has: nobody else needs to be asked for it.
  package mutating func isComing(_ source: Source, _ number: UInt64, from id: PeerID, at now: Instant) {
    guard let slot = links.firstIndex(of: id), let place = knownPlace(of: source), number == logs[place].next
    else { return }
    var end = now.advanced(by: MeshLimits.longestComing)
    // Who drips holds it up for so long, and no longer.
    if let coming = logs[place].coming, coming.number == number, coming.slot == slot { end = coming.end }
    logs[place].coming = (number, slot, min(now.advanced(by: MeshLimits.coming), end), end)
  }

  mutating func deliverAhead(_ place: Int, at now: Instant) {
    // What was put aside may have come from its sender itself.
    while let next = logs[place].takeAhead() { deliver(next, place, isVerified: false, at: now) }
  }

  private mutating func deliver(
    _ message: BroadcastMessage, _ place: Int, isVerified: Bool, at now: Instant
  ) {
    counters.delivered += 1
    logs[place].isDirect = message.isDirect
    logs[place].isUntouched = false
    events.append(.message(message))
    keep(message, place, isVerified: isVerified, at: now)
  }

  private mutating func putAside(_ message: BroadcastMessage, _ place: Int, at now: Instant) {
    if logs[place].ahead.count < MeshLimits.aheadMessages,
      logs[place].aheadBytes + message.cost <= MeshLimits.aheadBytes,
      logs.reduce(0, { $0 + $1.aheadBytes }) + message.cost <= MeshLimits.allAheadBytes
    {
      logs[place].ahead[message.number] = message
      logs[place].aheadBytes += message.cost
    }
    want(place, at: now)
  }

  // MARK: What is kept

  private mutating func keep(
    _ message: BroadcastMessage, _ place: Int, isVerified: Bool, at now: Instant
  ) {
    logs[place].append(message, isVerified: isVerified, at: now)
    order.append(place)
    keptBytes += message.cost
    while keptBytes > keptLimit, order.count > 1, let oldest = order.popFirst() { drop(oldest) }
    let isOwn = place == 0
    for slot in logs[place].readers.indices {
      guard let reader = logs[place].readers[slot] else { continue }
      if logs[place].isEager(reader, isOwn: isOwn) { wake(place, slot) }
    }
    logs[place].tellings = MeshLimits.haveTimes
    if !telling.contains(place) { telling.append(place) }
    nextTelling = nextTelling ?? now.advanced(by: MeshLimits.havePause)
  }

  mutating func drop(_ place: Int) {
    let before = logs[place].keptBytes
    logs[place].dropFirst()
    keptBytes -= before - logs[place].keptBytes
  }

  mutating func wake(_ place: Int, _ slot: Int) {
    guard let reader = logs[place].readers[slot], !reader.isReady, let id = links[slot],
      max(reader.cursor, reader.has) < logs[place].next
    else { return }
    logs[place].readers[slot]?.isReady = true
    if ready[slot].isEmpty { woken.append(id) }
    ready[slot].append(place)
  }

  /// The next message for a neighbour; nil where there is none.
  package mutating func nextMessage(for id: PeerID) -> BroadcastMessage? {
    guard let slot = links.firstIndex(of: id) else { return nil }
    while let place = ready[slot].popFirst() {
      guard var reader = logs[place].readers[slot] else { continue }
      reader.isReady = false
      reader.cursor = max(reader.cursor, reader.has)
      logs[place].readers[slot] = reader
      guard logs[place].isEager(reader, isOwn: place == 0), reader.cursor < logs[place].next else { continue }
      let first = logs[place].keptFrom
      if reader.cursor < first {
        say(.gone(logs[place].source, next: first), to: slot)
        if place == 0 { events.append(.lost(by: id, count: first - reader.cursor)) }
        logs[place].readers[slot]?.cursor = first
        logs[place].readers[slot]?.has = first
      }
      let number = logs[place].readers[slot]!.cursor
      guard let message = logs[place][number] else { continue }
      logs[place].readers[slot]?.cursor += 1
      wake(place, slot)
      guard isFit(message, for: id, place) else {
        say(.gone(message.source, next: number + 1), to: slot)
        continue
      }
      counters.sent += 1
      return message
    }
    return nil
  }

  /// Who passes on what others refuse would be refused itself: what came from its sender is looked at before.
  private mutating func isFit(_ message: BroadcastMessage, for id: PeerID, _ place: Int) -> Bool {
    if logs[place].isVerified(message.number) || message.source.id == id { return true }
    guard seal.isSigned(message.statement, .message, by: message.source.id, message.signature) else {
      events.append(.offended(message.source.id))
      return false
    }
    logs[place].verified(message.number)
    return true
  }

  // MARK: What is to be done

  package mutating func pollWord() -> (to: PeerID, word: MeshWord)? { words.popFirst() }

  package mutating func pollEvent() -> Event? { events.popFirst() }

  /// A neighbour for whom there is something now: see ``nextMessage(for:)``.
  package mutating func pollWoken() -> PeerID? { woken.popFirst() }

  /// A list that is full has another behind it.
  mutating func say(_ haves: [Have], to slot: Int) {
    counters.haves += haves.count
    for start in stride(from: 0, through: haves.count, by: MeshLimits.haveEntries) {
      say(.have(Array(haves[start..<min(start + MeshLimits.haveEntries, haves.count)])), to: slot)
    }
  }

  mutating func say(_ word: MeshWord, to slot: Int) {
    if let id = links[slot] { words.append((id, word)) }
  }

  mutating func mark(_ place: Int, _ slot: Int, has next: UInt64) {
    guard let reader = logs[place].readers[slot], next > reader.has else { return }
    logs[place].readers[slot]?.has = next
  }

  // MARK: Senders

  /// Somebody is there, in this life, as it has said itself.
  package mutating func lives(_ id: PeerID, epoch: UInt64, at now: Instant) {
    guard id != me.id else { return }
    lives[id] = epoch
    let named = unknown.filter { $0.source.id == id }
    unknown.removeAll { $0.source.id == id }
    for have in named {
      take(Have(source: have.source, next: have.next), have.slot, isHistory: have.isHistory, at: now)
    }
  }

  /// Nobody remembers it any more.
  package mutating func forget(_ id: PeerID) {
    lives[id] = nil
    guard let place = places[id], place > 0 else { return }
    forgetKept(place)
    places[id] = nil
    restart(place, Source(id: id, epoch: 0))
    free.append(place)
  }

  /// The log that there is of a sender in that life.
  func knownPlace(of source: Source) -> Int? {
    places[source.id].flatMap { logs[$0].source == source ? $0 : nil }
  }

  /// The log of a sender; nil where it is not known in that life, or there is no room for more.
  mutating func place(of source: Source) -> Int? {
    if let place = knownPlace(of: source) { return place }
    guard lives[source.id] == source.epoch else { return nil }
    if let place = places[source.id] {
      // It has begun another life: what it said in the last is done with.
      forgetKept(place)
      restart(place, source)
      return place
    }
    guard let place = free.popLast() ?? (logs.count < MeshLimits.members ? logs.count : nil) else {
      return nil
    }
    if place == logs.count { logs.append(SourceLog(source)) }
    places[source.id] = place
    restart(place, source)
    return place
  }

  private mutating func restart(_ place: Int, _ source: Source) {
    wanting.removeAll { $0 == place }
    telling.removeAll { $0 == place }
    let ready = logs[place].readers.map { $0?.isReady ?? false }
    logs[place] = SourceLog(source)
    logs[place].readers = links.map { $0 == nil ? nil : SourceLog.Reader(cursor: 1) }
    for slot in ready.indices where ready[slot] { logs[place].readers[slot]?.isReady = true }
  }
}
