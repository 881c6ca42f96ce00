import WarrenCrypto
import WarrenMachine

/// What neighbours tell each other of messages, so that whoever misses one gets it.
extension BroadcastCore {
  // MARK: What neighbours say

  /// What a neighbour says of messages.
  package mutating func hear(_ word: MeshWord, from id: PeerID, at now: Instant) {
    guard let slot = links.firstIndex(of: id) else { return }
    switch word {
    case .have(let haves):
      let isHistory = !knownSlots.contains(slot) && newUntil.map { now <= $0 } ?? true
      for have in haves {
        if have.source == me { mark(0, slot, has: min(have.next, logs[0].next)) }
        if have.source.id != me.id { take(have, slot, isHistory: isHistory, at: now) }
      }
      // A list that is full has another behind it.
      if haves.count < MeshLimits.haveEntries { knownSlots.insert(slot) }
    case .graft(let source, let from): serve(source, from: from, slot, at: now)
    case .prune(let source):
      guard let place = knownPlace(of: source) else { return }
      logs[place].readers[slot]?.mode = .lazy
    case .gone(let source, let next):
      guard let place = knownPlace(of: source), next > logs[place].next else { return }
      want(place, at: now)
      logs[place].wish?.gone[slot] = next
      if logs[place].wish?.asked == slot || logs[place].wish?.asked == nil {
        logs[place].wish?.asked = nil
        logs[place].wish?.at = now
      }
    default: break
    }
  }

  /// Nobody's word is taken for what somebody else has said: only asked for.
  mutating func take(_ have: Have, _ slot: Int, isHistory: Bool, at now: Instant) {
    let isFirst = places[have.source.id] == nil
    guard let place = place(of: have.source) else {
      if have.source.epoch > lives[have.source.id] ?? 0, unknown.count < MeshLimits.haveEntries {
        unknown.append((have.source, slot, have.next, isHistory))
      }
      return
    }
    mark(place, slot, has: have.next)
    // What was said before this one came is not for it.
    if isFirst, isHistory, have.next > 1 {
      beginLog(place, at: have.next)
      deliverAhead(place, at: now)
      settleWish(place, at: now)
    }
    guard have.next > logs[place].next else { return }
    want(place, at: now)
    if logs[place].wish?.end != nil, logs[place].wish?.gone[slot] == nil { logs[place].wish?.at = now }
  }

  mutating func beginLog(_ place: Int, at number: UInt64) {
    forgetKept(place)
    logs[place].begin(at: number)
  }

  private mutating func serve(_ source: Source, from: UInt64, _ slot: Int, at now: Instant) {
    guard let place = knownPlace(of: source), from > 0 else { return }
    counters.grafts += 1
    // It is on its way already.
    if let reader = logs[place].readers[slot], reader.mode == .eager, reader.cursor == from + 1 { return }
    logs[place].readers[slot]?.mode = .eager
    let start = min(from, logs[place].next)
    logs[place].readers[slot]?.has = start
    logs[place].readers[slot]?.cursor = start
    wake(place, slot)
  }

  // MARK: What is missing

  mutating func want(_ place: Int, at now: Instant) {
    guard logs[place].wish == nil else { return }
    logs[place].wish = SourceLog.Wish(at: now.advanced(by: MeshLimits.graftDelay))
    wanting.append(place)
  }

  private mutating func endWish(_ place: Int) {
    logs[place].wish = nil
    wanting.removeAll { $0 == place }
  }

  /// Whether something is missing still.
  mutating func settleWish(_ place: Int, at now: Instant) {
    guard logs[place].wish != nil else { return }
    if !logs[place].isMissingSomething {
      endWish(place)
    } else if logs[place].wish?.asked != nil {
      // It comes: whoever was asked has time for what follows.
      logs[place].wish?.at = now.advanced(by: MeshLimits.graftPatience)
    }
  }

  private mutating func ask(_ place: Int, at now: Instant) {
    guard var wish = logs[place].wish else { return }
    if let coming = logs[place].coming, coming.until > now {
      logs[place].wish?.at = coming.until
      return
    }
    let havers = logs[place].readers.indices.filter {
      links[$0] != nil && (logs[place].readers[$0]?.has ?? 0) > logs[place].next
    }
    guard !havers.isEmpty else {
      // Whoever had it is gone, or what came before its turn is all that there is: it is told again by others.
      if logs[place].ahead.isEmpty {
        endWish(place)
      } else {
        logs[place].wish?.at = now.advanced(by: MeshLimits.graftPatience)
      }
      return
    }
    let hopeful = havers.filter { wish.gone[$0] == nil }
    guard !hopeful.isEmpty else {
      // Others may have it still, and say so in a moment.
      if let end = wish.end, end <= now { return giveUp(place, at: now) }
      let end = wish.end ?? now.advanced(by: MeshLimits.lastHope)
      wish.end = end
      wish.at = end
      logs[place].wish = wish
      return
    }
    let others = hopeful.filter { $0 != wish.asked }
    let slot = (others.isEmpty ? hopeful : others).randomElement(using: &random)!
    wish.asked = slot
    wish.at = now.advanced(by: MeshLimits.graftPatience)
    logs[place].wish = wish
    say(.graft(logs[place].source, from: logs[place].next), to: slot)
  }

  /// Nobody has it any more: what follows is better than nothing.
  private mutating func giveUp(_ place: Int, at now: Instant) {
    endWish(place)
    // Where it goes on, its sender says, and nobody else.
    guard let first = logs[place].ahead.keys.min() else { return }
    let count = first - logs[place].next
    beginLog(place, at: first)
    events.append(.missed(from: logs[place].source.id, count: count))
    deliverAhead(place, at: now)
    if logs[place].isMissingSomething { want(place, at: now) }
  }

  mutating func forgetKept(_ place: Int) {
    keptBytes -= logs[place].keptBytes
    var others = Queue<Int>()
    while let oldest = order.popFirst() { if oldest != place { others.append(oldest) } }
    order = others
  }

  // MARK: Time

  /// When to call ``handleDeadline(at:)``.
  package var nextDeadline: Instant? {
    var next = nextTelling
    for place in wanting { if let at = logs[place].wish?.at { next = min(next ?? at, at) } }
    return next
  }

  package mutating func handleDeadline(at now: Instant) {
    if let at = nextTelling, at <= now { tell(at: now) }
    for place in wanting { if let at = logs[place].wish?.at, at <= now { ask(place, at: now) } }
    while let oldest = order.first, let at = logs[oldest].oldest,
      at.duration(to: now) >= MeshLimits.keptTime
    {
      _ = order.popFirst()
      drop(oldest)
    }
  }

  /// Tells some of those who are not sent it that something is there.
  private mutating func tell(at now: Instant) {
    var haves: [[Have]] = Array(repeating: [], count: links.count)
    for place in telling {
      let log = logs[place]
      var slots = log.readers.indices.filter { slot in
        guard let reader = log.readers[slot], links[slot] != nil, reader.has < log.next,
          reader.told < log.next
        else { return false }
        return !log.isEager(reader, isOwn: place == 0)
      }
      slots.shuffle(using: &random)
      for slot in slots.prefix(MeshLimits.havePeers) {
        haves[slot].append(Have(source: log.source, next: log.next))
        logs[place].readers[slot]?.told = log.next
      }
      logs[place].tellings -= 1
    }
    for (slot, list) in haves.enumerated() where !list.isEmpty { say(list, to: slot) }
    telling.removeAll { logs[$0].tellings <= 0 }
    nextTelling = telling.isEmpty ? nil : now.advanced(by: MeshLimits.havePause)
  }
}
