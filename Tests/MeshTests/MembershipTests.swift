import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenMesh

@Suite("Who is in a mesh, as a core")
struct MembershipTests {
  private static func record(_ number: UInt8, epoch: UInt64 = 1) -> MemberRecord {
    var record = MemberRecord(
      key(number).peerID, MemberVersion(epoch: epoch), name: "node \(number)",
      addresses: [
        SocketAddress(IPAddress(v4: 0xC000_0201), port: 4000),
        SocketAddress(IPAddress(v6: 0x2001_0DB8_0000_0000, 1), port: 4000),
      ])
    seal(number).sign(&record)
    return record
  }

  private static func seal(_ number: UInt8, mesh: String = "test") -> RecordSeal {
    RecordSeal(mesh: mesh, key(number))
  }

  private static func core(_ number: UInt8, at now: Instant = .start) -> MembershipCore {
    MembershipCore(record(number), seal(number), seed: UInt64(number), at: now)
  }

  private static func rumours(_ rumours: Rumour...) -> MeshWord { .rumours(rumours.flatMap(\.encoded)) }

  private func events(_ core: inout MembershipCore) -> [MembershipCore.Event] {
    var events: [MembershipCore.Event] = []
    while let event = core.pollEvent() { events.append(event) }
    return events
  }

  @Test("a record is read as it was written, and not when a byte is missing or changed")
  func encoding() throws {
    let record = Self.record(2)
    let bytes = record.encoded
    var input = WireReader(bytes.span.bytes)
    #expect(MemberRecord(&input) == record)
    #expect(bytes.count <= MeshLimits.packetBytes / 3)
    let seal = Self.seal(1)
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= 0x20
      var input = WireReader(changed.span.bytes)
      if let other = MemberRecord(&input), input.isAtEnd { #expect(!seal.isRight(other), "byte \(place)") }
      var short = WireReader(bytes.span.bytes.extracting(first: place))
      #expect(MemberRecord(&short) == nil, "\(place) bytes")
    }
  }

  @Test("nobody is believed who is not signed for, or of another mesh")
  func forged() {
    var core = Self.core(1)
    var record = Self.record(2)
    record.name = "somebody else"
    core.hear(Self.rumours(.said(record)), from: key(3).peerID, at: .start)
    var other = Self.record(4)
    Self.seal(4, mesh: "another").sign(&other)
    core.hear(Self.rumours(.said(other)), from: key(3).peerID, at: .start)
    #expect(core.count == 1 && core.counters.refused == 2)
    core.hear(Self.rumours(.said(Self.record(2))), from: key(3).peerID, at: .start)
    #expect(core.count == 2)
  }

  @Test("who is said to be suspect or dead contradicts, and is believed")
  func contradiction() throws {
    var (accused, other) = (Self.core(1), Self.core(2))
    let me = key(1).peerID
    other.hear(Self.rumours(.said(accused.record)), from: me, at: .start)
    other.hear(Self.rumours(.dead(me, accused.record.version)), from: key(3).peerID, at: .start)
    #expect(other.member(me)?.state == .dead && other.count == 1)
    // What was said before is not enough.
    other.hear(Self.rumours(.said(accused.record)), from: key(3).peerID, at: .start)
    #expect(other.member(me)?.state == .dead)
    accused.hear(Self.rumours(.dead(me, accused.record.version)), from: key(2).peerID, at: .start)
    other.hear(Self.rumours(.said(accused.record)), from: me, at: .start)
    #expect(other.member(me)?.state == .alive && other.count == 2)
    #expect(events(&other).count == 3)
    // Nor does an old rumour kill it again.
    other.hear(Self.rumours(.dead(me, MemberVersion(epoch: 1))), from: key(3).peerID, at: .start)
    #expect(other.member(me)?.state == .alive)
  }

  @Test("who says what is no longer true of somebody is told what is, by the accused and by others")
  func outdated() throws {
    var (accused, witness) = (Self.core(1), Self.core(2))
    let (me, late) = (key(1).peerID, Self.record(3))
    let accusation = Rumour.suspected(me, accused.record.version, by: key(4).peerID)
    accused.hear(Self.rumours(accusation), from: key(4).peerID, at: .start)
    witness.take(accused.record, at: .start)
    for var core in [accused, witness] {
      core.take(late, at: .start)
      core.linked(with: late.id, at: .start)
      let packet = MeshPacket.ping(7).encoded + accusation.encoded + accusation.encoded
      core.receive(packet, from: late.id, at: .start)
      let sent = core.pollPacket()
      let answer = try #require(sent)
      #expect(answer.to == late.id)
      #expect(answer.bytes.starts(with: MeshPacket.pong(7).encoded + Rumour.said(accused.record).encoded))
      // What is new to it is not answered.
      core.receive(MeshPacket.news.encoded + Rumour.said(Self.record(5)).encoded, from: late.id, at: .start)
      #expect(core.pollPacket() == nil)
    }
  }

  @Test("nobody buries whom others accuse before asking whether they know better, and accuses it not itself")
  func lastQuestion() {
    var core = Self.core(1)
    let (suspect, neighbours) = (Self.record(2), (3...5).map { Self.record($0) })
    for record in [suspect] + neighbours { core.take(record, at: .start) }
    for neighbour in neighbours { core.linked(with: neighbour.id, at: .start) }
    let accusation = Rumour.suspected(suspect.id, suspect.version, by: key(9).peerID)
    core.hear(Self.rumours(accusation), from: neighbours[0].id, at: .start)
    var questions: [Duration] = []
    var now = Instant.start
    while core.member(suspect.id)?.state == .suspect {
      now = core.nextDeadline
      core.handleDeadline(at: now)
      while let packet = core.pollPacket() {
        // By then nothing is passed on any more.
        if packet.bytes == MeshPacket.news.encoded + accusation.encoded, now > .start + .milliseconds(900) {
          questions.append(Instant.start.duration(to: now))
        }
      }
    }
    let end = Instant.start.duration(to: now)
    #expect(core.member(suspect.id)?.state == .dead && end <= MeshLimits.longestSuspicion)
    // Late enough that its word has had the time to come round, and early enough that an answer still comes.
    #expect(questions.contains { $0 > end / 4 && $0 < end * 3 / 4 } && questions.last! < end)
    #expect(questions.count <= 15, "\(questions)")
  }

  @Test("however many are suspect at once, others are asked about each")
  func manySuspects() {
    var core = Self.core(1)
    let suspects = (10..<50).map { Self.record($0) }
    let neighbour = Self.record(2)
    for record in suspects + [neighbour] { core.take(record, at: .start) }
    core.linked(with: neighbour.id, at: .start)
    for suspect in suspects {
      let accusation = Rumour.suspected(suspect.id, suspect.version, by: key(9).peerID)
      core.hear(Self.rumours(accusation), from: neighbour.id, at: .start)
    }
    var asked: Set<PeerID> = []
    var now = Instant.start
    while core.count > 2 {
      now = core.nextDeadline
      core.handleDeadline(at: now)
      while let packet = core.pollPacket() {
        #expect(packet.bytes.count <= MeshLimits.packetBytes)
        // By then what was to be passed on was.
        guard now > .start + .seconds(3) else { continue }
        var input = WireReader(packet.bytes.span.bytes)
        _ = MeshPacket(&input)
        while !input.isAtEnd, let rumour = Rumour(&input) {
          if case .suspected(let id, _, _) = rumour { asked.insert(id) }
        }
      }
    }
    #expect(asked.isSuperset(of: suspects.map(\.id)))
  }

  @Test("a rumour of the far future takes the word from nobody")
  func future() {
    var (core, other) = (Self.core(1), Self.core(2))
    let me = key(1).peerID
    other.take(core.record, at: .start)
    for version in [
      MemberVersion(epoch: .max, incarnation: .max), MemberVersion(epoch: 9, incarnation: .max),
      MemberVersion(epoch: 1, incarnation: .max),
    ] {
      core.hear(Self.rumours(.dead(me, version)), from: key(2).peerID, at: .start)
      other.hear(Self.rumours(.dead(me, version)), from: key(3).peerID, at: .start)
      #expect(core.record.version == MemberVersion(epoch: 1) && other.member(me)?.state == .alive)
    }
  }

  @Test("nobody who was heard a moment ago is dead because somebody says so")
  func heard() {
    var core = Self.core(1)
    let neighbour = Self.record(2)
    core.take(neighbour, at: .start)
    core.linked(with: neighbour.id, at: .start)
    core.hear(Self.rumours(.dead(neighbour.id, neighbour.version)), from: key(3).peerID, at: .start)
    #expect(core.member(neighbour.id)?.state == .suspect)
  }

  @Test("two programs with one key find out that they are two")
  func double() {
    var core = Self.core(1)
    for epoch in [10, 20, 30] as [UInt64] {
      core.hear(Self.rumours(.said(Self.record(1, epoch: epoch))), from: key(2).peerID, at: .start)
      #expect(core.record.version.epoch > epoch)
    }
    #expect(events(&core) == [.hasDouble])
  }

  @Test("who has slept suspects nobody for what it has not heard meanwhile")
  func slept() {
    var core = Self.core(1)
    let others = (2...5).map { Self.record($0) }
    for other in others {
      core.take(other, at: .start)
      core.linked(with: other.id, at: .start)
    }
    // They are asked, and before they could answer the machine sleeps.
    let later = Instant.start + .seconds(2)
    core.handleDeadline(at: Instant.start + .milliseconds(1_100))
    core.handleDeadline(at: later + .seconds(3600))
    #expect(others.allSatisfy { core.member($0.id)?.state == .alive })
    // Who does not answer now is suspect, and then dead.
    var now = later + .seconds(3600)
    for _ in 0..<200 {
      now = max(now, core.nextDeadline)
      core.handleDeadline(at: now)
    }
    #expect(others.allSatisfy { core.member($0.id)?.state == .dead } && core.count == 1)
  }

  @Test("what a peer sends that is no packet does no harm, whatever it is")
  func hostile() {
    var random = SeededRandom(1)
    var core = Self.core(1)
    let neighbour = Self.record(2)
    core.take(neighbour, at: .start)
    core.linked(with: neighbour.id, at: .start)
    for _ in 0..<5_000 {
      var bytes = random.bytes(Int.random(in: 0..<200, using: &random))
      if !bytes.isEmpty { bytes[0] = UInt8.random(in: 0...5, using: &random) }
      core.receive(bytes, from: neighbour.id, at: .start)
      if let word = MeshWord(bytes) { core.hear(word, from: neighbour.id, at: .start) }
      while core.pollPacket() != nil || core.pollWord() != nil {}
    }
    #expect(core.count == 2 && core.questions.count <= MeshLimits.errands)
  }

  @Test("a mesh knows no more members than it has room for")
  func crowd() {
    var core = MembershipCore(
      MemberRecord(id(1), MemberVersion(epoch: 1), name: "me"), .plain, seed: 1, at: .start)
    var random = SeededRandom(2)
    for _ in 0..<MeshLimits.members + 100 {
      var record = MemberRecord(
        PeerID(bytes: random.bytes(32).span.bytes)!, MemberVersion(epoch: 1), name: "one of many")
      RecordSeal.plain.sign(&record)
      core.take(record, at: .start)
    }
    #expect(core.count == MeshLimits.members + 1)
  }

  @Test("words are read as they were written")
  func words() {
    let source = BroadcastCore.Source(id: id(3), epoch: 7)
    let words: [MeshWord] = [
      .fingerprint(1), .needs(true), .needs(false), .have([]), .have([.init(source: source, next: 9)]),
      .graft(source, from: 4), .prune(source), .gone(source, next: 5), .taken(6), .rumours([1, 2]),
      .summary(isAnswer: true, [.init(id(4), MemberVersion(epoch: 2, incarnation: 3), .dead)]),
    ]
    for word in words {
      let bytes = word.encoded
      #expect(MeshWord(bytes) == word && bytes.count <= MeshWord.mostBytes)
      if case .rumours = word { continue }
      #expect(MeshWord(bytes + [0]) == nil)
    }
    #expect(MeshWord([]) == nil && MeshWord([99]) == nil)
  }
}
