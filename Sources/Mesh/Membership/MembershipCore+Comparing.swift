import WarrenCrypto
import WarrenMachine

/// What one of two neighbours knows and the other does not: after they have met, and now and then.
extension MembershipCore {
  /// Of each that is known the version and the state, under the beginning of its id.
  package struct Digest: Hashable, Sendable {
    var beginning: UInt64
    var version: MemberVersion
    var state: Member.State

    init(_ id: PeerID, _ version: MemberVersion, _ state: Member.State) {
      beginning = Self.beginning(of: id)
      self.version = version
      self.state = state
    }

    init(beginning: UInt64, _ version: MemberVersion, _ state: Member.State) {
      self.beginning = beginning
      self.version = version
      self.state = state
    }

    static func beginning(of id: PeerID) -> UInt64 { id.withBytes { $0.number(at: 0, as: UInt64.self) } }

    /// Whether it is of somebody who is there, as far as is known.
    var isThere: Bool { state.isThere }

    /// Whether it says more than the other.
    func isNewer(than other: Digest) -> Bool {
      version != other.version ? version > other.version : rank > other.rank
    }

    private var rank: Int {
      switch state {
      case .alive: 0
      case .suspect: 1
      case .dead, .left: 2
      }
    }
  }

  var summary: [Digest] {
    [Digest(me, own.version, own.hasLeft ? .left : .alive)]
      + entries.keys.sorted().map { Digest($0, entries[$0]!.record.version, entries[$0]!.state) }
  }

  /// What a neighbour says over its connection.
  package mutating func hear(_ word: MeshWord, from id: PeerID, at now: Instant) {
    heard(id, at: now)
    switch word {
    case .fingerprint(let theirs):
      guard theirs != fingerprint, mayCompare(with: id, at: now) else { return }
      say(.summary(isAnswer: false, summary), to: id)
    case .summary(let isAnswer, let digests):
      if mayCompare(with: id, at: now) { compare(digests, isAnswer: isAnswer, with: id) }
    case .rumours(let bytes):
      var input = WireReader(bytes.span.bytes)
      while !input.isAtEnd {
        guard let rumour = Rumour(&input) else {
          counters.refused += 1
          return
        }
        hear(rumour, from: id, at: now)
      }
    default: break
    }
  }

  /// It is dear for who answers, and cheap for who asks.
  private mutating func mayCompare(with id: PeerID, at now: Instant) -> Bool {
    guard let entry = entries[id] else { return false }
    // A question may be followed by an answer, and by one's own question.
    let since = entry.compared.map { $0.at.duration(to: now) } ?? MeshLimits.comparisonPause
    if since >= MeshLimits.comparisonPause {
      entries[id]!.compared = (now, 1)
      return true
    }
    entries[id]!.compared!.times += 1
    return entry.compared!.times < 4
  }

  private mutating func compare(_ digests: [Digest], isAnswer: Bool, with id: PeerID) {
    let theirs = Dictionary(digests.map { ($0.beginning, $0) }, uniquingKeysWith: { one, _ in one })
    let summary = summary
    let known = Set(summary.map(\.beginning))
    var lacks = digests.contains { $0.isThere && !known.contains($0.beginning) }
    var news: [UInt8] = []
    for (subject, mine) in zip([me] + entries.keys.sorted(), summary) {
      let its = theirs[mine.beginning]
      // Whoever is gone is nobody's business who has not known it.
      if its.map(mine.isNewer) ?? mine.isThere {
        add(entries[subject]?.rumours(by: me) ?? [.said(own)], to: &news, for: id)
      }
      if let its, its.isNewer(than: mine) { lacks = true }
    }
    if !news.isEmpty { say(.rumours(news), to: id) }
    if lacks, !isAnswer { say(.summary(isAnswer: true, summary), to: id) }
  }

  private mutating func add(_ rumours: [Rumour], to news: inout [UInt8], for id: PeerID) {
    for rumour in rumours {
      let bytes = rumour.encoded
      if news.count + bytes.count > MeshLimits.rumourBytes {
        say(.rumours(news), to: id)
        news = []
      }
      news += bytes
    }
  }

  mutating func say(_ word: MeshWord, to id: PeerID) { words.append((id, word)) }

  // MARK: What is to be done

  /// The next packet to be sent to a neighbour, which may get lost.
  package mutating func pollPacket() -> (to: PeerID, bytes: [UInt8])? { packets.popFirst() }

  /// The next that is to be said to a neighbour.
  package mutating func pollWord() -> (to: PeerID, word: MeshWord)? { words.popFirst() }

  /// What has happened next.
  package mutating func pollEvent() -> Event? { events.popFirst() }
}

extension MemberEntry {
  /// What somebody has to hear who knows nothing of it.
  func rumours(by me: PeerID) -> [Rumour] {
    switch state {
    case .alive, .left: [.said(record)]
    case .suspect:
      [.said(record), .suspected(record.id, record.version, by: suspicion?.accusers.first ?? me)]
    case .dead: [.said(record), .dead(record.id, record.version)]
    }
  }
}
