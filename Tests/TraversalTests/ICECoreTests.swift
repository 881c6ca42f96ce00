import Testing
import Warren

@Suite("Two ICE agents")
struct ICECoreTests {
  static let start = Instant(nanoseconds: 1_000_000_000)

  @Test("know a way after one round trip, and both use it after one more")
  func oneRoundTrip() throws {
    let lab = ICELaboratory()
    lab.open()
    lab.introduce()
    lab.run(for: .seconds(1))
    for side in lab.sides {
      let opened = try #require(side.opened)
      #expect(Self.start.duration(to: opened) == .milliseconds(50))
      let selected = try #require(side.selected)
      #expect(Self.start.duration(to: selected) <= .milliseconds(100))
    }
    #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 0))
    #expect(lab.sides[1].core.selected?.remote == ICELaboratory.address(0, 0))
    #expect(lab.sides[0].core.selected?.roundTrip == .milliseconds(50))
  }

  @Test("agree on one way, whatever is lost", arguments: [0.1, 0.3, 0.5], 0..<40 as Range<UInt64>)
  func loss(loss: Double, seed: UInt64) throws {
    let lab = ICELaboratory(seed: seed)
    lab.loss = loss
    lab.open(2)
    lab.introduce()
    lab.run(for: .seconds(30))
    let (first, second) = (lab.sides[0].core.selected, lab.sides[1].core.selected)
    #expect(first != nil)
    #expect(first?.remote == second.map { lab.sides[1].sockets[$0.base.index] })
    #expect(second?.remote == first.map { lab.sides[0].sockets[$0.base.index] })
  }

  @Test(
    "as the RFC has it, with paced checks and freezing, agree on the best way that works",
    arguments: 0..<20 as Range<UInt64>)
  func standard(seed: UInt64) throws {
    let lab = ICELaboratory(seed: seed, .standard, .standard)
    lab.open(3)
    // The best sockets do not reach each other.
    let dead = [ICELaboratory.address(0, 0), ICELaboratory.address(1, 0)]
    lab.passes = { !dead.contains($0) && !dead.contains($1) }
    lab.introduce()
    lab.run(for: .seconds(20))
    let best = ICELaboratory.address(1, 1)
    #expect(lab.sides[0].core.selected?.remote == best)
    #expect(lab.sides[1].core.selected?.remote == ICELaboratory.address(0, 1))
  }

  @Test("never send new checks faster than their pacing allows")
  func pacing() {
    let lab = ICELaboratory(.standard, .standard)
    lab.open(5)
    lab.passes = { _, _ in false }
    var times: [Instant] = []
    lab.introduce()
    var before = lab.sides[0].sent
    for _ in 0..<400 {
      lab.run(for: .milliseconds(1))
      if lab.sides[0].sent > before { times.append(lab.now) }
      before = lab.sides[0].sent
    }
    let gaps = zip(times, times.dropFirst()).map { $0.duration(to: $1) }
    #expect(gaps.allSatisfy { $0 >= .milliseconds(50) })
    #expect(times.count >= 7)
  }

  @Test(
    "that both believe they decide, or neither, find out who does",
    arguments: [ICECore.Role.controlling, .controlled], 0..<20 as Range<UInt64>)
  func conflict(role: ICECore.Role, seed: UInt64) {
    for configuration in [ICEConfiguration.eager, .standard] {
      let lab = ICELaboratory(seed: seed, configuration, configuration, roles: (role, role))
      lab.open(2)
      lab.introduce()
      lab.run(for: .seconds(5))
      #expect(lab.sides[0].core.role != lab.sides[1].core.role)
      #expect(lab.sides.allSatisfy { $0.core.selected != nil })
      #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 0))
    }
  }

  @Test("learn of an address that nobody has named from the check that comes from it")
  func peerReflexive() throws {
    let lab = ICELaboratory()
    lab.open()
    // The second is told nothing of where the first is.
    lab.introduce(to: 0)
    lab.introduce(to: 1, lab.description(of: 0, candidates: []))
    lab.run(for: .seconds(1))
    let selected = lab.sides[1].core.selected
    let path = try #require(selected)
    #expect(path.remoteKind == .peerReflexive)
    #expect(path.remote == ICELaboratory.address(0, 0))
    let opened = try #require(lab.sides[1].opened)
    #expect(Self.start.duration(to: opened) == .milliseconds(75))
  }

  @Test("answer checks that come before the other side's description, and go on once it is there")
  func early() throws {
    let lab = ICELaboratory()
    lab.open()
    lab.introduce(to: 0)
    lab.run(for: .milliseconds(60))
    // The first knows that its packets arrive: it was answered.
    #expect(lab.sides[0].opened != nil)
    #expect(lab.sides[1].opened == nil)
    lab.introduce(to: 1, lab.description(of: 0, candidates: []))
    lab.run(for: .seconds(1))
    #expect(lab.sides[1].core.selected?.remote == ICELaboratory.address(0, 0))
  }

  @Test("of which one only answers agree as well")
  func lite() {
    var lite = ICEConfiguration.standard
    lite.isLite = true
    let lab = ICELaboratory(.standard, lite, roles: (.controlled, .controlled))
    lab.open()
    lab.introduce(to: 0, lab.description(of: 1, isLite: true))
    lab.introduce(to: 1)
    lab.run(for: .seconds(2))
    #expect(lab.sides[0].core.role == .controlling)
    #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 0))
    #expect(lab.sides[1].core.selected?.remote == ICELaboratory.address(0, 0))
  }

  @Test("take a candidate that comes late, and use it if it is better")
  func trickle() {
    let lab = ICELaboratory()
    lab.open(2)
    let all = lab.description(of: 1).candidates
    lab.introduce(to: 0, lab.description(of: 1, candidates: [all[1]]))
    lab.introduce(to: 1, lab.description(of: 0, candidates: []))
    // Only their second sockets reach each other until the candidate comes.
    lab.run(for: .seconds(1))
    #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 1))
    let isTaken = lab.sides[0].core.addRemote(all[0], at: lab.now)
    #expect(isTaken)
    lab.drain(0)
    lab.run(for: .seconds(1))
    #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 0))
    #expect(
      lab.sides[1].core.selected.map { lab.sides[1].sockets[$0.base.index] } == ICELaboratory.address(1, 0))
  }

  @Test("notice within 36 seconds that consent has gone, and take another way that is open")
  func consent() {
    let lab = ICELaboratory()
    lab.open(2)
    lab.introduce()
    lab.run(for: .seconds(60))
    #expect(lab.sides.allSatisfy { $0.events.allSatisfy { if case .lost = $0 { false } else { true } } })
    let before = lab.sides[0].core.selected
    let dead = [ICELaboratory.address(0, 0), ICELaboratory.address(1, 0)]
    lab.passes = { !dead.contains($0) && !dead.contains($1) }
    lab.run(for: .seconds(36))
    #expect(before?.remote == dead[1])
    #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 1))
    #expect(lab.sides[1].core.selected?.remote == ICELaboratory.address(0, 1))
    lab.passes = { _, _ in false }
    lab.run(for: .seconds(36))
    #expect(lab.sides.allSatisfy { $0.core.selected == nil && $0.core.openPaths.isEmpty })
  }

  @Test("give up after 39.5 seconds, not before, and only if nothing answers")
  func failure() throws {
    let lab = ICELaboratory()
    lab.open()
    lab.passes = { _, _ in false }
    lab.introduce()
    lab.run(for: .milliseconds(39_400))
    #expect(lab.sides.allSatisfy { !$0.events.contains(.failed) })
    lab.run(for: .seconds(25))
    #expect(lab.sides.allSatisfy { $0.events.contains(.failed) })
    // It goes on trying, ever more rarely, since the network may change.
    lab.passes = { _, _ in true }
    lab.run(for: .seconds(70))
    #expect(lab.sides.allSatisfy { $0.core.selected != nil })
  }

  @Test("say nothing once closed")
  func closed() {
    let lab = ICELaboratory()
    lab.open()
    lab.introduce()
    lab.run(for: .seconds(1))
    lab.sides[0].core.close()
    let sent = lab.sides[0].sent
    lab.run(for: .seconds(60))
    #expect(lab.sides[0].sent == sent)
    #expect(lab.sides[0].core.nextDeadline == nil)
  }
}
