import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenMesh

@Suite("With whom one is connected, as a core")
struct LinkTests {
  private func ids(_ count: Int) -> [PeerID] {
    var random = SeededRandom(UInt64(count))
    return (0..<count).map { _ in PeerID(bytes: random.bytes(32).span.bytes)! }
  }

  /// Whom each wants, where all know all.
  private func wanted(_ ids: [PeerID], fullMesh: Int = MeshLimits.fullMesh) -> [PeerID: Set<PeerID>] {
    var wanted: [PeerID: Set<PeerID>] = [:]
    for me in ids {
      var core = LinkCore(me, fullMesh: fullMesh, seed: 1, at: .start)
      for other in ids where other != me { core.changed(other, isThere: true, at: .start) }
      var dialled: Set<PeerID> = []
      // Each dial comes to something, so that there is room for the next.
      for step in 0..<20 {
        core.handleDeadline(at: .start + .seconds(step))
        while let event = core.pollEvent() {
          guard case .dial(let id) = event else { continue }
          dialled.insert(id)
          core.linked(with: id, at: .start + .seconds(step))
          core.dialled(id, isLinked: true, at: .start + .seconds(step))
        }
      }
      wanted[me] = dialled
    }
    return wanted
  }

  private func reached(from start: PeerID, in graph: [PeerID: Set<PeerID>], without gone: Set<PeerID> = [])
    -> Int
  {
    var seen: Set<PeerID> = [start]
    var next = [start]
    while let id = next.popLast() {
      for other in graph[id] ?? [] where !seen.contains(other) && !gone.contains(other) {
        seen.insert(other)
        next.append(other)
      }
    }
    return seen.count
  }

  @Test(
    "few are all connected with all, many with eight that want the same", arguments: [2, 5, 32, 33, 100, 500])
  func rings(count: Int) {
    let ids = ids(count)
    let wanted = wanted(ids)
    for id in ids {
      let own = wanted[id]!
      #expect(
        count <= MeshLimits.fullMesh ? own.count == count - 1 : (3...8).contains(own.count), "\(own.count)")
      for other in own { #expect(wanted[other]!.contains(id)) }
    }
    #expect(reached(from: ids[0], in: wanted) == count)
  }

  @Test("the rest holds together when a third is gone at once")
  func holdsTogether() {
    let ids = ids(300)
    let wanted = wanted(ids)
    let gone = Set(ids.prefix(100))
    #expect(reached(from: ids[100], in: wanted, without: gone) == 200)
  }

  @Test("who cannot be reached is passed over on its rings, and tried again, ever more seldom")
  func unreachable() {
    let ids = ids(100)
    var core = LinkCore(ids[0], fullMesh: 32, seed: 1, at: .start)
    for other in ids.dropFirst() { core.changed(other, isThere: true, at: .start) }
    var dials: [PeerID: Int] = [:]
    var now = Instant.start
    var dead: Set<PeerID> = []
    while now < Instant.start + .seconds(600) {
      core.handleDeadline(at: now)
      while let event = core.pollEvent() {
        guard case .dial(let id) = event else { continue }
        dials[id, default: 0] += 1
        if dead.count < 4 { dead.insert(id) }
        let isReached = !dead.contains(id)
        if isReached { core.linked(with: id, at: now) }
        core.dialled(id, isLinked: isReached, at: now)
      }
      now = max(core.nextDeadline, now + .milliseconds(1))
    }
    #expect(dead.allSatisfy { (8...30).contains(dials[$0] ?? 0) }, "\(dead.map { dials[$0] ?? 0 })")
    #expect(core.links >= 8)
  }

  @Test("whose connections break at once is tried ever more seldom, and soon again where one has lasted")
  func flapping() {
    func dials(lasting life: Duration) -> Int {
      var core = LinkCore(id(1), fullMesh: 32, seed: 1, at: .start)
      core.changed(id(2), isThere: true, at: .start)
      var (count, end, now) = (0, Instant?.none, Instant.start)
      while now < Instant.start + .seconds(600) {
        if let last = end, last <= now {
          core.unlinked(from: id(2), at: now)
          end = nil
        }
        core.handleDeadline(at: now)
        while let event = core.pollEvent() {
          guard case .dial(let other) = event else { continue }
          count += 1
          core.linked(with: other, at: now)
          core.dialled(other, isLinked: true, at: now)
          end = now + life
        }
        now = max(min(core.nextDeadline, end ?? .distantFuture), now + .milliseconds(1))
      }
      return count
    }
    #expect((8...30).contains(dials(lasting: .milliseconds(100))))
    #expect(dials(lasting: MeshLimits.lasting) > 50)
  }

  @Test("a connection that neither needs is closed after a while, and one that the other needs is not")
  func surplus() {
    let ids = ids(100)
    var core = LinkCore(ids[0], fullMesh: 32, seed: 1, at: .start)
    for other in ids.dropFirst() { core.changed(other, isThere: true, at: .start) }
    let wanted = wanted(ids)[ids[0]]!
    let strangers = ids.dropFirst().filter { !wanted.contains($0) }.prefix(2)
    for stranger in strangers { core.linked(with: stranger, at: .start) }
    core.isNeeded(false, by: strangers.first!, at: .start)
    var dropped: [PeerID] = []
    for step in 0..<60 {
      core.handleDeadline(at: .start + .seconds(step))
      while let event = core.pollEvent() {
        if case .drop(let id) = event { dropped.append(id) }
        if case .drop(let id) = event { core.unlinked(from: id, at: .start + .seconds(step)) }
      }
    }
    #expect(dropped == [strangers.first!])
  }

  @Test("of two, the lower dials at once, and the other only where that comes to nothing")
  func yielding() {
    for (me, other, isFirst) in [(id(1), id(2), true), (id(2), id(1), false)] {
      var core = LinkCore(me, fullMesh: 32, seed: 1, at: .start)
      core.changed(other, isThere: true, at: .start)
      core.handleDeadline(at: .start)
      #expect((core.pollEvent() == .dial(other)) == isFirst)
      core.handleDeadline(at: .start + MeshLimits.yielding)
      #expect((core.pollEvent() == .dial(other)) == !isFirst)
    }
  }
}
