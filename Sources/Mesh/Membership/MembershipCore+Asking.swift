import WarrenCrypto
import WarrenMachine

/// Who is asked whether it is there, and when.
extension MembershipCore {
  /// When to call ``handleDeadline(at:)``.
  package var nextDeadline: Instant {
    var next = min(nextRound, nextComparison)
    if let nextGossip { next = min(next, nextGossip) }
    for id in asked { if let at = entries[id]?.probe?.next { next = min(next, at) } }
    for id in suspects { if let at = entries[id]?.suspicion?.next { next = min(next, at) } }
    return next
  }

  /// Does what is due.
  package mutating func handleDeadline(at now: Instant) {
    let late = min(nextDeadline, now).duration(to: now)
    // What was silent while this one slept may have spoken.
    if late > MeshLimits.ownPause { forgive(at: now) }
    if nextRound <= now {
      nextRound = now.advanced(by: MeshLimits.round)
      for id in watched() where isSilent(id, at: now) { probe(id, at: now) }
      forget(at: now)
    }
    for id in asked { if let next = entries[id]?.probe?.next, next <= now { ask(id, at: now) } }
    for id in suspects { if let end = entries[id]?.suspicion?.end, end <= now { bury(id, at: now) } }
    askAbout(suspects.filter { entries[$0]!.suspicion!.question <= now }, at: now)
    if let at = nextGossip, at <= now { spread(at: now) }
    if nextComparison <= now {
      let isSettled = lastNews.duration(to: now) >= MeshLimits.comparison
      let pause = isSettled ? MeshLimits.comparison : MeshLimits.unsettledComparison
      nextComparison = now.advanced(by: pause * Double.random(in: 0.5..<1.5, using: &random))
      if let link = links.randomElement(using: &random) { say(.fingerprint(fingerprint), to: link) }
    }
  }

  private mutating func forgive(at now: Instant) {
    for id in asked {
      for number in entries[id]?.probe?.numbers ?? [] { questions[number] = nil }
      entries[id]?.probe = MemberEntry.Probe(since: now, next: now)
    }
    for id in suspects { entries[id]?.suspicion = Suspicion(by: me, members: count, at: now) }
  }

  /// Those behind this one on the ring, and one more in its turn, so that each way is tried now and then.
  private mutating func watched() -> [PeerID] {
    let place = RingPlace.of(me, in: 0)
    let behind = links.firstIndex { RingPlace.of($0, in: 0) > place } ?? 0
    var watched = (0..<min(MeshLimits.watched, links.count)).map { links[(behind + $0) % links.count] }
    if links.count > MeshLimits.watched {
      turn = (turn + 1) % (links.count - MeshLimits.watched)
      watched.append(links[(behind + MeshLimits.watched + turn) % links.count])
    }
    return watched
  }

  /// Whether nothing has come from it for a round.
  private func isSilent(_ id: PeerID, at now: Instant) -> Bool {
    guard let entry = entries[id], entry.isThere, entry.probe == nil else { return false }
    return entry.heard.map { $0.duration(to: now) >= MeshLimits.round / 2 } ?? true
  }

  mutating func probe(_ id: PeerID, at now: Instant) {
    entries[id]?.probe = MemberEntry.Probe(since: now, next: now)
    asked.append(id)
    ask(id, at: now)
  }

  /// Asks it once more, and others to do the same; then it is suspect.
  private mutating func ask(_ id: PeerID, at now: Instant) {
    guard let entry = entries[id], var probe = entry.probe else { return }
    if probe.since.duration(to: now) >= MeshLimits.patience, entry.suspicion?.accusers.contains(me) != true {
      suspect(id, entry.record.version, by: me, at: now)
      if let entry = entries[id]?.probe { probe = entry }
    }
    if entry.isLinked {
      let number = newNumber()
      probe.numbers.append(number)
      if probe.numbers.count > 16 { questions[probe.numbers.removeFirst()] = nil }
      questions[number] = .own(id, at: now)
      // It has to hear first of all what is said of itself.
      let isSuspect = entries[id]?.state == .suspect
      send(
        .ping(number), first: isSuspect ? [.suspected(id, entry.record.version, by: me)] : [], to: id, at: now
      )
    }
    let needsHelp = probe.times > 0 || !entry.isLinked
    if needsHelp, entries[id]?.state == .alive {
      let number = newNumber()
      probe.numbers.append(number)
      questions[number] = .own(id, at: now)
      for helper in links.filter({ $0 != id }).shuffled(using: &random).prefix(MeshLimits.helpers) {
        send(.pingFor(number, id), to: helper, at: now)
      }
    }
    probe.times += 1
    let pause = entries[id]?.state == .suspect ? MeshLimits.urgentPause : entry.answerTime
    probe.next = now.advanced(by: pause)
    let end = probe.since.advanced(by: MeshLimits.patience)
    if end > now { probe.next = min(probe.next, end) }
    entries[id]?.probe = probe
  }

  /// Others may know that a suspect has contradicted: its word has come round to most, and may have missed this one.
  private mutating func askAbout(_ suspects: [PeerID], at now: Instant) {
    guard !suspects.isEmpty else { return }
    for id in suspects { entries[id]?.suspicion?.asked(at: now) }
    // It is no accusation of its own.
    let rumours = suspects.map { id in
      Rumour.suspected(id, entries[id]!.record.version, by: entries[id]!.suspicion!.accusers[0])
    }
    for helper in links.shuffled(using: &random).prefix(MeshLimits.helpers) {
      send(.news, first: rumours, to: helper, at: now)
    }
  }

  private mutating func newNumber() -> UInt32 {
    number &+= 1
    return number
  }

  /// Something has come from it: be it no answer, it is there.
  package mutating func heard(_ id: PeerID, at now: Instant) {
    entries[id]?.heard = now
    answered(id, at: now)
  }

  /// It is there.
  private mutating func answered(_ id: PeerID, at now: Instant) {
    guard let probe = entries[id]?.probe else { return }
    // A suspect is one until it says so itself, with something newer: others know no better else.
    if entries[id]?.state == .suspect { return }
    for number in probe.numbers { questions[number] = nil }
    entries[id]?.probe = nil
    asked.removeAll { $0 == id }
  }

  // MARK: Packets

  /// Takes a packet that a neighbour has sent.
  package mutating func receive(_ packet: [UInt8], from id: PeerID, at now: Instant) {
    heard(id, at: now)
    var input = WireReader(packet.span.bytes)
    guard let head = MeshPacket(&input) else {
      counters.refused += 1
      return
    }
    var rumours: [Rumour] = []
    while !input.isAtEnd {
      guard let rumour = Rumour(&input) else {
        counters.refused += 1
        break
      }
      rumours.append(rumour)
    }
    for rumour in rumours { hear(rumour, from: id, at: now) }
    let news = newer(than: rumours)
    if case .ping(let number) = head {
      send(.pong(number), first: news, to: id, at: now)
    } else if !news.isEmpty {
      send(.news, first: news, to: id, at: now)
    }
    switch head {
    case .news, .ping: break
    case .pong(let number): takeAnswer(number, from: id, at: now)
    case .pingFor(let number, let target):
      guard target != me else { return send(.pong(number), to: id, at: now) }
      guard questions.count < MeshLimits.errands, entries[target]?.isLinked == true else { return }
      let own = newNumber()
      questions[own] = .errand(of: id, number: number, about: target, at: now)
      send(.ping(own), to: target, at: now)
    }
  }

  private mutating func takeAnswer(_ number: UInt32, from id: PeerID, at now: Instant) {
    switch questions[number] {
    case .own(let target, let at):
      if target == id { entries[id]?.measured(at.duration(to: now)) }
      answered(target, at: now)
    case .errand(let asker, let theirs, let target, _):
      guard target == id else { return }
      questions[number] = nil
      send(.pong(theirs), to: asker, at: now)
    case nil: break
    }
  }

  /// What those have said since of whom somebody says that they do not answer.
  private func newer(than rumours: [Rumour]) -> [Rumour] {
    var news: [Rumour] = []
    for case .suspected(let id, let version, _) in rumours { add(id, since: version, to: &news) }
    for case .dead(let id, let version) in rumours { add(id, since: version, to: &news) }
    return news
  }

  private func add(_ id: PeerID, since version: MemberVersion, to news: inout [Rumour]) {
    guard let record = id == me ? own : entries[id]?.record, record.version > version else { return }
    if !news.contains(.said(record)) { news.append(.said(record)) }
  }

  /// - Parameter first: what is said before anything else, in as many packets as that takes.
  private mutating func send(_ head: MeshPacket, first: [Rumour] = [], to id: PeerID, at now: Instant) {
    var packet = head.encoded
    for rumour in first {
      let bytes = rumour.encoded
      if packet.count + bytes.count > MeshLimits.packetBytes {
        send(packet, to: id)
        packet = MeshPacket.news.encoded
      }
      packet += bytes
    }
    gossip.fill(&packet, upTo: MeshLimits.packetBytes, times: gossipTimes)
    send(packet, to: id)
  }

  private mutating func send(_ packet: [UInt8], to id: PeerID) {
    counters.packets += 1
    counters.bytes += packet.count
    packets.append((id, packet))
  }

  private var gossipTimes: Int {
    gossip.length > MeshLimits.muchNews
      ? MeshLimits.fewestTimes : Int(Double(MeshLimits.gossipTimes) * Suspicion.digits(count))
  }

  private mutating func spread(at now: Instant) {
    for link in links.shuffled(using: &random).prefix(MeshLimits.gossipPeers) where !gossip.isEmpty {
      send(.news, to: link, at: now)
    }
    nextGossip = gossip.isEmpty ? nil : now.advanced(by: MeshLimits.gossipPause)
  }

  /// What has been in nobody's mind for long.
  private mutating func forget(at now: Instant) {
    questions = questions.filter { _, question in
      if case .errand(_, _, _, let at) = question {
        at.duration(to: now) < MeshLimits.patience * 2
      } else {
        true
      }
    }
    guard entries.count >= count, lastForgetting.duration(to: now) >= MeshLimits.lastRetry else { return }
    lastForgetting = now
    // In their order: what is forgotten first is told first.
    for (id, entry) in entries.sorted(by: { $0.key < $1.key })
    where !entry.isThere && !entry.isLinked && entry.since.duration(to: now) >= MeshLimits.memory {
      entries[id] = nil
      gossip.remove(id)
      events.append(.forgotten(id))
    }
  }
}
