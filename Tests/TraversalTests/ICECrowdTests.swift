import Testing
import Warren

@Suite("ICE agents with more addresses than pairs")
struct ICECrowdTests {
  /// So many addresses that nobody is at, the first the best.
  private func dead(_ count: Int, preference: UInt16 = 40_000) -> [Candidate] {
    (0..<count).map {
      ICELaboratory.candidate(
        SocketAddress(IPAddress(10, 9, 0, UInt8($0 + 1)), port: 9), preference: preference - UInt16($0),
        foundation: "d\($0)")
    }
  }

  @Test("always have room for a pair whose check has come")
  func checked() throws {
    let lab = ICELaboratory()
    lab.open(2)
    lab.introduce(to: 0, lab.description(of: 1, candidates: dead(ICELimits.remoteCandidates)))
    lab.run(for: .seconds(1))
    lab.introduce(to: 1)
    lab.run(for: .seconds(3))
    let (counters, selected) = (lab.sides[0].core.counters, lab.sides[0].core.selected)
    #expect(counters.refusals[.tooMany] > 0)
    let path = try #require(selected)
    #expect(path.remote == lab.sides[1].sockets[0])
    #expect(lab.sides[1].core.selected != nil)
  }

  @Test("let a better address take the place of a worse one")
  func better() throws {
    let lab = ICELaboratory()
    lab.open(4)
    lab.passes = { from, to in from == lab.sides[0].sockets[0] || to == lab.sides[0].sockets[0] }
    lab.introduce(to: 1, lab.description(of: 0, candidates: []))
    lab.introduce(to: 0, lab.description(of: 1, candidates: dead(ICELimits.remoteCandidates - 1)))
    lab.run(for: .seconds(1))
    let isTaken = lab.sides[0].core.addRemote(ICELaboratory.candidate(lab.sides[1].sockets[0]), at: lab.now)
    #expect(isTaken)
    lab.drain(0)
    lab.run(for: .seconds(1))
    #expect(lab.sides[0].core.selected?.remote == lab.sides[1].sockets[0])
  }

  @Test("ask once where they are heard, and hear from elsewhere, and again in the next round")
  func oneWay() {
    let lab = ICELaboratory()
    lab.open()
    lab.introduce()
    var asked: [Instant] = []
    // The other side's NAT has another port for each of this side's: no answer comes from where the question went.
    lab.tap = { [unowned lab] flight in
      guard let message = try? STUNMessage(flight.bytes.span.bytes) else { return false }
      if message.messageClass == .request {
        if flight.to == 1 { asked.append(lab.now) }
        return true
      }
      var moved = flight
      moved.source = ICELaboratory.address(9, 9)
      lab.deliver(moved)
      return false
    }
    lab.run(for: .seconds(20))
    // A few times each until the first answer is there, and then not until 5 and 15 s.
    let bursts = zip(asked, asked.dropFirst()).filter { $0.duration(to: $1) > .seconds(1) }.count + 1
    #expect(bursts == 3 && asked.count <= 4 * bursts, "\(asked)")
  }

  @Test("of 32 addresses each, meet on the best that works", arguments: 0..<5 as Range<UInt64>)
  func many(seed: UInt64) throws {
    let lab = ICELaboratory(seed: seed)
    lab.open(32)
    let dead = Set((0..<5).flatMap { [ICELaboratory.address(0, $0), ICELaboratory.address(1, $0)] })
    lab.passes = { !dead.contains($0) && !dead.contains($1) }
    lab.introduce()
    lab.run(for: .seconds(10))
    #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 5))
    #expect(lab.sides[1].core.selected?.remote == ICELaboratory.address(0, 5))
  }
}
