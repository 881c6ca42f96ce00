import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenMesh

@Suite("Messages to all, as a core")
struct BroadcastTests {
  /// Some cores, with connections that carry everything at once.
  private struct Room {
    var cores: [BroadcastCore]
    var now = Instant.start
    var heard: [[String]]
    var missed: [UInt64]
    var lost: UInt64 = 0
    var offenders: [PeerID] = []
    var links: [Set<Int>]
    /// Who is not sent messages at present.
    var isSlow: Set<Int> = []

    init(_ count: Int, kept: Int = 1 << 20, window: Int = 1 << 20) {
      cores = (0..<count).map {
        BroadcastCore(
          BroadcastCore.Source(id: id(UInt8($0 + 1)), epoch: 1), .plain, seed: UInt64($0), kept: kept,
          window: window)
      }
      // Each has the others' records.
      for node in cores.indices {
        for other in 1...UInt8(count) { cores[node].lives(id(other), epoch: 1, at: now) }
      }
      heard = Array(repeating: [], count: count)
      missed = Array(repeating: 0, count: count)
      links = Array(repeating: [], count: count)
    }

    mutating func link(_ one: Int, _ other: Int) {
      links[one].insert(other)
      links[other].insert(one)
      cores[one].linked(with: id(UInt8(other + 1)), at: now)
      cores[other].linked(with: id(UInt8(one + 1)), at: now)
      settle()
    }

    mutating func cut(_ one: Int, _ other: Int) {
      links[one].remove(other)
      links[other].remove(one)
      cores[one].unlinked(from: id(UInt8(other + 1)), at: now)
      cores[other].unlinked(from: id(UInt8(one + 1)), at: now)
      settle()
    }

    mutating func say(_ text: String, by node: Int, isDirect: Bool = false) {
      cores[node].publish(Array(text.utf8), isText: true, isDirect: isDirect, at: now)
      settle()
    }

    mutating func pass(_ time: Duration) {
      let end = now + time
      while let next = cores.compactMap(\.nextDeadline).min(), next <= end {
        now = max(now, next)
        for node in cores.indices { cores[node].handleDeadline(at: now) }
        settle()
      }
      now = end
    }

    mutating func settle() {
      var isQuiet = false
      while !isQuiet {
        isQuiet = true
        for node in cores.indices {
          while let (to, word) = cores[node].pollWord() {
            isQuiet = false
            if let other = place(to), links[node].contains(other) {
              cores[other].hear(word, from: id(UInt8(node + 1)), at: now)
            }
          }
          for other in links[node].sorted() where !isSlow.contains(other) {
            while let message = cores[node].nextMessage(for: id(UInt8(other + 1))) {
              isQuiet = false
              cores[other].receive(message, from: id(UInt8(node + 1)), at: now)
            }
          }
          while let event = cores[node].pollEvent() {
            switch event {
            case .message(let message): heard[node].append(String(decoding: message.payload, as: UTF8.self))
            case .missed(_, let count): missed[node] += count
            case .lost(_, let count): lost += count
            case .offended(let id): offenders.append(id)
            }
          }
        }
      }
    }

    private func place(_ id: PeerID) -> Int? { cores.firstIndex { $0.me.id == id } }
  }

  @Test("each hears each message once, in order, over a ring with a chord, and nobody sends what was heard")
  func tree() {
    var room = Room(6)
    for node in 0..<6 { room.link(node, (node + 1) % 6) }
    room.link(0, 3)
    for number in 0..<20 {
      room.say("\(number)", by: 0)
      room.pass(.milliseconds(50))
    }
    room.pass(.seconds(2))
    for node in 1..<6 { #expect(room.heard[node] == (0..<20).map { "\($0)" }) }
    // The first flood finds the tree; then each message goes over five connections.
    let sent = room.cores.reduce(0) { $0 + $1.counters.sent }
    #expect(sent <= 20 * 5 + 4, "\(sent)")
  }

  @Test(
    "who is connected with all has nobody pass its messages on, and who is not connected with it hears them all the same"
  )
  func direct() {
    var room = Room(4)
    for (one, other) in [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)] { room.link(one, other) }
    room.say("a", by: 0, isDirect: true)
    #expect(room.heard[1] == ["a"] && room.heard[3] == [])
    room.pass(.seconds(1))
    #expect(room.heard[3] == ["a"])
    #expect(room.cores.reduce(0) { $0 + $1.counters.sent } == 3)
  }

  @Test("what was said while a connection was cut comes when there is one again")
  func cut() {
    var room = Room(3)
    room.link(0, 1)
    room.link(1, 2)
    room.say("a", by: 0)
    room.cut(1, 2)
    for text in ["b", "c"] { room.say(text, by: 0) }
    room.say("x", by: 2)
    room.pass(.seconds(5))
    room.link(0, 2)
    room.pass(.seconds(2))
    #expect(
      room.heard[2] == ["a", "b", "c"] && room.heard[0] == ["x"] && room.heard[1] == ["a", "b", "c", "x"])
  }

  @Test("who comes later hears what is said from then on")
  func newcomer() {
    var room = Room(3)
    room.link(0, 1)
    for text in ["a", "b"] { room.say(text, by: 0) }
    room.link(1, 2)
    room.say("c", by: 0)
    room.pass(.seconds(2))
    #expect(room.heard[2] == ["c"] && room.missed[2] == 0)
  }

  @Test("a slow neighbour stops nobody, and gets all that is kept; of what is not, both are told")
  func slow() {
    // Room for ten messages, and a window of five.
    let cost = 10 + MeshLimits.messageCost
    var room = Room(3, kept: 10 * cost, window: 5 * cost)
    room.link(0, 1)
    room.link(0, 2)
    room.say("0123456789", by: 0)
    room.isSlow = [2]
    for _ in 0..<5 { room.say("0123456789", by: 0) }
    #expect(room.cores[0].hasRoom)
    room.isSlow = []
    room.settle()
    #expect(room.heard[2].count == 6)
    room.isSlow = [2]
    for _ in 0..<30 { room.say("0123456789", by: 0) }
    #expect(room.cores[0].hasRoom && room.heard[1].count == 36)
    room.isSlow = []
    room.settle()
    room.pass(.seconds(10))
    #expect(room.lost == 20 && room.missed[2] == 20 && room.heard[2].count == 16)
    // Where all are slow, whoever says more has to wait.
    room.isSlow = [1, 2]
    for _ in 0..<7 { room.say("0123456789", by: 0) }
    #expect(!room.cores[0].hasRoom)
    room.isSlow = [2]
    room.settle()
    #expect(room.cores[0].hasRoom)
  }

  @Test("what somebody passes on in another's name is not believed unless that one has signed it")
  func forged() {
    let seal = RecordSeal(mesh: "test", key(1))
    var core = BroadcastCore(.init(id: key(9).peerID, epoch: 1), RecordSeal(mesh: "test", key(9)), seed: 1)
    core.linked(with: key(2).peerID, at: .start)
    let source = BroadcastCore.Source(id: key(1).peerID, epoch: 1)
    func message(_ number: UInt64, _ text: String, _ signature: [UInt8]) -> BroadcastMessage {
      BroadcastMessage(
        source, number, isDirect: false, topic: "", isText: true, payload: Array(text.utf8),
        signature: signature)
    }
    core.receive(message(1, "forged", Array(repeating: 1, count: 64)), from: key(2).peerID, at: .start)
    #expect(core.counters.refused == 1 && core.counters.delivered == 0)
    let unsigned = message(1, "right", [])
    let right = message(1, "right", seal.sign(unsigned.statement, .message))
    core.receive(message(1, "wrong", right.signature), from: key(2).peerID, at: .start)
    core.receive(right, from: key(2).peerID, at: .start)
    // What was said once is not heard twice, and not in another's place.
    core.receive(right, from: key(2).peerID, at: .start)
    core.receive(message(2, "right", right.signature), from: key(2).peerID, at: .start)
    #expect(core.counters.refused == 3 && core.counters.delivered == 1)
  }

  @Test("a sender that begins another life is heard, and what it said in the last is not heard again")
  func lives() {
    var core = BroadcastCore(.init(id: id(9), epoch: 1), .plain, seed: 1)
    core.linked(with: id(1), at: .start)
    func message(_ epoch: UInt64, _ number: UInt64) -> BroadcastMessage {
      BroadcastMessage(
        .init(id: id(1), epoch: epoch), number, isDirect: true, topic: "", isText: false, payload: [1])
    }
    for (epoch, number) in [(1, 1), (1, 2), (2, 1), (1, 3), (2, 2)] as [(UInt64, UInt64)] {
      core.receive(message(epoch, number), from: id(1), at: .start)
    }
    var heard: [[UInt64]] = []
    while let event = core.pollEvent() {
      if case .message(let message) = event { heard.append([message.source.epoch, message.number]) }
    }
    #expect(heard == [[1, 1], [1, 2], [2, 1], [2, 2]])
  }

  @Test("no lie about what somebody has said keeps anybody from hearing it")
  func lies() {
    let seal = RecordSeal(mesh: "test", key(1))
    let source = BroadcastCore.Source(id: key(1).peerID, epoch: 5)
    func message(_ number: UInt64) -> BroadcastMessage {
      var message = BroadcastMessage(source, number, isDirect: false, topic: "", isText: false, payload: [])
      message.signature = seal.sign(message.statement, .message)
      return message
    }
    let liar = key(2).peerID
    for isNew in [true, false] {
      var core = BroadcastCore(.init(id: key(9).peerID, epoch: 1), RecordSeal(mesh: "test", key(9)), seed: 1)
      core.lives(source.id, epoch: source.epoch, at: .start)
      core.linked(with: liar, at: .start)
      var now = Instant.start
      if !isNew { core.hear(.have([]), from: liar, at: now) }
      let far = MeshLimits.lastNumber
      let lies: [MeshWord] = [
        .have([.init(source: source, next: far)]), .gone(source, next: far), .graft(source, from: far),
        .graft(source, from: 0),
        .have([.init(source: .init(id: source.id, epoch: .max), next: far)]),
        .gone(.init(id: source.id, epoch: .max), next: 3),
        .have([.init(source: core.me, next: far)]), .gone(core.me, next: far), .graft(core.me, from: far),
        .prune(core.me),
      ]
      for lie in lies {
        core.hear(lie, from: liar, at: now)
        for _ in 0..<20 {
          now = max(now, core.nextDeadline ?? now) + .milliseconds(1)
          core.handleDeadline(at: now)
        }
      }
      core.linked(with: source.id, at: now)
      for number in 1...3 as ClosedRange<UInt64> { core.receive(message(number), from: source.id, at: now) }
      #expect(core.counters.delivered == 3, "new: \(isNew)")
    }
    // What does not fit a number is not read at all.
    #expect(BroadcastMessage(head: message(.max).encodedHead, payload: []) == nil)
    #expect(
      MeshWord(MeshWord.have([.init(source: source, next: .max)]).encoded)
        == .have([.init(source: source, next: MeshLimits.lastNumber)]))
  }

  @Test("what a sender has not signed is not passed on, though it comes from the sender itself")
  func unsigned() {
    let me = BroadcastCore.Source(id: key(9).peerID, epoch: 1)
    var core = BroadcastCore(me, RecordSeal(mesh: "test", key(9)), seed: 1)
    for number in [1, 2] as [UInt8] { core.linked(with: key(number).peerID, at: .start) }
    let source = BroadcastCore.Source(id: key(1).peerID, epoch: 1)
    core.receive(
      BroadcastMessage(
        source, 1, isDirect: false, topic: "", isText: false, payload: [],
        signature: Array(repeating: 0, count: 64)), from: source.id, at: .start)
    #expect(core.nextMessage(for: key(2).peerID) == nil && core.counters.delivered == 1)
    var offenders: [PeerID] = []
    while let event = core.pollEvent() { if case .offended(let id) = event { offenders.append(id) } }
    #expect(offenders == [source.id])
  }

  @Test("what comes before its turn is kept within limits, and nothing is lost by that")
  func ahead() {
    var core = BroadcastCore(.init(id: id(9), epoch: 1), .plain, seed: 1)
    core.linked(with: id(1), at: .start)
    func message(_ number: UInt64) -> BroadcastMessage {
      BroadcastMessage(
        .init(id: id(1), epoch: 1), number, isDirect: true, topic: "", isText: false, payload: [])
    }
    for number in 2...500 as ClosedRange<UInt64> { core.receive(message(number), from: id(1), at: .start) }
    core.receive(message(1), from: id(1), at: .start)
    #expect(core.counters.delivered == MeshLimits.aheadMessages + 1)
    core.handleDeadline(at: .start + MeshLimits.graftDelay)
    var asked: [MeshWord] = []
    while let (_, word) = core.pollWord() { asked.append(word) }
    #expect(asked.contains(.graft(.init(id: id(1), epoch: 1), from: UInt64(MeshLimits.aheadMessages + 2))))
  }
}
