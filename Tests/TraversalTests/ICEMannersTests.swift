import Testing
import Warren

@testable import WarrenTraversal

@Suite("An ICE agent's manners")
struct ICEMannersTests {
  @Test("It waits as long between checks as the slower of the two wishes, within reason")
  func remotePacing() {
    let lab = ICELaboratory()
    lab.open()
    let candidates = (0..<40).map {
      ICELaboratory.candidate(
        SocketAddress(IPAddress(10, 9, 0, UInt8($0 + 1)), port: 9), foundation: "d\($0)")
    }
    var description = lab.description(of: 1, candidates: candidates)
    description.pacing = .milliseconds(200)
    lab.introduce(to: 0, description)
    let burst = lab.sides[0].core.configuration.burst
    // Each is sent again after 20, 40, 80 ms and so on: new ones are what counts here.
    lab.run(for: .milliseconds(15))
    #expect(lab.sides[0].sent == burst)
    lab.run(for: .milliseconds(180))
    let before = lab.sides[0].sent
    lab.run(for: .milliseconds(10))
    #expect(lab.sides[0].sent > before)
  }

  @Test("A connection that both have agreed upon is not given up for a better one: it may have a new owner")
  func connections() throws {
    let lab = ICELaboratory()
    func connect(_ number: Int, preference: UInt16) {
      for side in 0...1 {
        let (own, other) = (ICELaboratory.address(side, number), ICELaboratory.address(1 - side, number))
        let transport: Candidate.Transport = side == 0 ? .tcpActive : .tcpPassive
        let priority = Candidate.priority(.host, transport, localPreference: preference)
        lab.sides[side].sockets.append(own)
        _ = lab.sides[side].core.addBase(
          .init(
            Candidate(.host, over: transport, at: own, priority: priority, foundation: "c\(number)"),
            connectedTo: other, localPreference: preference), at: lab.now)
      }
      for side in 0...1 { lab.drain(side) }
    }
    lab.introduce(to: 0, lab.description(of: 1, candidates: []))
    lab.introduce(to: 1, lab.description(of: 0, candidates: []))
    connect(0, preference: 8)
    lab.run(for: .seconds(1))
    connect(1, preference: 65_535)
    lab.run(for: .seconds(60))
    for side in 0...1 {
      let (open, used) = (lab.sides[side].core.openPaths, lab.sides[side].core.selected)
      #expect(open.count == 2)
      let selected = try #require(used)
      #expect(selected.remote == ICELaboratory.address(1 - side, 0))
    }
  }

  @Test("What was only a hint and came to nothing is checked again once the other side checks it")
  func hint() {
    let lab = ICELaboratory()
    lab.open()
    let theirs = lab.sides[1].sockets[0]
    lab.introduce(to: 0, lab.description(of: 1, candidates: []))
    lab.sides[0].core.suspect(theirs, on: ICEBaseID(0), at: lab.now)
    lab.passes = { _, _ in false }
    lab.drain(0)
    lab.run(for: .seconds(10))
    let sent = lab.sides[0].sent
    lab.run(for: .seconds(120))
    #expect(lab.sides[0].sent == sent)
    lab.passes = { _, _ in true }
    lab.introduce(to: 1)
    lab.run(for: .seconds(2))
    let selected = (lab.sides[0].core.selected, lab.sides[1].core.selected)
    #expect(selected.0 != nil && selected.1 != nil)
  }

  @Test("A name or password that no agent could have is not taken")
  func description() {
    let lab = ICELaboratory()
    lab.open()
    var description = lab.description(of: 1)
    description.password = "short"
    lab.introduce(to: 0, description)
    #expect(lab.sides[0].core.remoteUsernameFragment == nil)
    #expect(lab.sides[0].sent == 0)
    lab.introduce()
    lab.run(for: .seconds(1))
    #expect(lab.sides[0].core.selected != nil)
  }
}
