import Testing
import Warren

@testable import WarrenScenarios
@testable import WarrenSimulator

@Suite("What is drawn of packets")
struct PacketSequenceTests {
  private let scenario = Scenario("two", why: "") {
    Machine("alice").behind(.symmetric)
    Machine("bob")
  } timeline: {
    Step.connect("alice", to: "bob")
  }

  private func packet(_ number: UInt64, _ size: Int = 100, port: UInt16 = 9) -> Trace.Summary {
    Trace.Summary(
      number: number, transport: .udp, source: SocketAddress(IPAddress(192, 168, 1, 2), port: 5),
      destination: SocketAddress(IPAddress(203, 0, 113, 2), port: port), size: size, hopLimit: 64,
      detail: .none)
  }

  private func event(_ milliseconds: Int, _ place: String, _ happening: Trace.Happening) -> Trace.Event {
    Trace.Event(
      time: Instant(nanoseconds: Int64(milliseconds) * 1_000_000), place: place, happening: happening)
  }

  private func journeys(_ events: [Trace.Event], after earlier: UInt64 = 0) -> [Journey] {
    Journey.all(in: events, after: earlier, places: ["alice", "alice's NAT", "bob"])
  }

  @Test("a packet is one journey by all that it came by, and what was on its way before is none")
  func way() {
    let found = journeys(
      [
        event(0, "bob", .delivered(packet(1))), event(0, "alice", .sent(packet(2))),
        event(0, "alice's NAT", .forwarded(packet(1))), event(1, "alice's NAT", .forwarded(packet(2))),
        event(20, "bob", .delivered(packet(2))),
      ], after: 1)
    #expect(
      found.count == 1 && found[0].places == ["alice", "alice's NAT", "bob"] && found[0].end == .arrived)
  }

  @Test("it ends where it is refused, or on its way")
  func ends() {
    let found = journeys([
      event(0, "alice", .sent(packet(1))), event(0, "alice", .sent(packet(2))),
      event(0, "alice", .sent(packet(3))),
      event(1, "alice's NAT", .dropped(packet(1), reason: "it is full")),
      event(2, "internet", .dropped(packet(2), reason: "lost")),
    ])
    #expect(found.map(\.end) == [.refused("it is full"), .lost("lost"), .open])
    #expect(found.map(\.places) == [["alice", "alice's NAT"], ["alice"], ["alice"]])
  }

  @Test(
    "what the link behind its last stop has lost was not refused there; what one sends to oneself is not drawn"
  )
  func links() {
    var own = packet(3)
    own.destination = own.source
    let found = journeys([
      event(0, "alice", .sent(packet(1))), event(0, "alice", .dropped(packet(1), reason: "lost")),
      event(0, "alice", .sent(packet(2))), event(1, "alice's NAT", .forwarded(packet(2))),
      event(1, "alice's NAT", .dropped(packet(2), reason: "lost")),
      event(2, "alice", .sent(own)), event(2, "alice", .dropped(own, reason: "nothing has the port")),
      event(3, "alice", .sent(packet(4))), event(3, "alice", .delivered(packet(4))),
    ])
    #expect(found.map(\.end) == [.lost("lost"), .lost("lost"), .refused("nothing has the port"), .arrived])
    #expect(found.map(\.isAtHome) == [false, false, true, true] && Arrow.folding(found).count == 2)
  }

  @Test("one that the network has doubled is drawn twice, and one in parts once")
  func doubled() {
    let (sent, there) = (event(0, "alice", .sent(packet(1))), event(9, "bob", .delivered(packet(1))))
    let box = event(1, "alice's NAT", .forwarded(packet(1)))
    #expect(journeys([sent, box, box, there, there]).count == 1)
    let late = event(30, "alice's NAT", .forwarded(packet(1)))
    #expect(journeys([sent, box, there, late, event(40, "bob", .delivered(packet(1)))]).count == 2)
  }

  private func flight(_ number: UInt64, at time: Int, size: Int = 100, port: UInt16 = 9) -> [Trace.Event] {
    [
      event(time, "alice", .sent(packet(number, size, port: port))),
      event(time + 20, "bob", .delivered(packet(number, size, port: port))),
    ]
  }

  private func arrows(_ flights: [[Trace.Event]]) -> [Arrow] {
    Arrow.folding(journeys(flights.flatMap { $0 }.sorted { $0.time < $1.time }))
  }

  @Test("a search is one arrow, which says of how many packets to how many ports")
  func search() {
    let search = (0..<240).map { flight(UInt64($0 + 1), at: 20 * $0, port: UInt16(1000 + $0)) }
    let found = arrows(search)
    #expect(found.count == 1 && found[0].label == "100 B × 240, 240 ports")
    #expect(found[0].last.start.packet.number == 240)
    #expect(found[0].title(since: Instant(nanoseconds: 0)).hasPrefix("240 packets from #1 on, UDP, "))
  }

  @Test("a few packets with pauses between them, or of other sizes, are an arrow each")
  func answers() {
    #expect(arrows((0..<5).map { flight(UInt64($0 + 1), at: 20 * $0) }).count == 5)
    #expect(arrows((0..<20).map { flight(UInt64($0 + 1), at: 20 * $0, size: 100 + $0) }).count == 20)
    #expect(arrows((0..<20).map { flight(UInt64($0 + 1), at: 100 * $0) }).count == 20)
  }

  @Test("a burst is one arrow, whatever sizes its packets have")
  func burst() {
    let found = arrows((0..<4).map { flight(UInt64($0 + 1), at: $0, size: 1200 - $0) })
    #expect(found.map(\.label) == ["1197–1200 B × 4 :9"])
  }

  @Test("there is a limit to arrows, and the rest is counted")
  func limit() throws {
    let recording = Recording(scenario)
    recording.take(event(0, "internet", .note(Stage.begunNote)))
    let count = ScenarioLimits.arrows + 30
    for number in 0..<count {
      for event in flight(UInt64(number + 1), at: 15 * number, size: 40 + number % 7) {
        recording.take(event)
      }
    }
    let talk = Scenario.Talk(
      caller: "alice", called: "bob", answered: .seconds(15), asked: Instant(nanoseconds: 0), ways: [],
      silence: .zero)
    let outcome = Scenario.Outcome(
      seed: 1, judgement: Judgement(), conversations: [talk], finalKinds: [:], relayedForWant: 0, chaos: [],
      begun: talk.asked,
      length: .seconds(20),
      trace: Trace(keeping: 0))
    let run = RunInDetail(seed: 1, outcome: outcome, recording: recording)
    let sequence = PacketSequence(run, of: scenario)
    #expect(sequence.arrows.count == ScenarioLimits.arrows && sequence.leftOut == (30, 30))
    #expect(sequence.lanes.map(\.name) == ["alice", "bob"])
    let page = Page("<!DOCTYPE html>" + SequenceDrawing(sequence).svg(title: "it").text)
    #expect(page.mistakes.isEmpty && page.elements.count { $0 == "g" } == ScenarioLimits.arrows)
    let entry = ScenarioReport.Entry(
      scenario: scenario, verdict: ScenarioSweep.Verdict(name: "two"), run: run, word: "two")
    let section = ScenarioSection(report: ScenarioReport(seeds: 1...1), entry: entry, place: 0).html.text
    #expect(section.contains("30 more arrows, of 30 packets"))
  }

  @Test("later is lower, and what follows from something stands below it")
  func clock() {
    let at = { (time: Int64, kind: SequenceClock.Kind, order: Int) in
      SequenceClock.Moment(time: Instant(nanoseconds: time), kind: kind, order: order)
    }
    let moments = [
      at(0, .start, 0), at(0, .start, 1), at(25_000_000, .arrival, 0), at(25_000_000, .start, 2),
      at(9_000_000_000, .note, 0),
    ]
    let clock = SequenceClock(moments.reversed())
    let heights = moments.map { clock[$0] }
    #expect(
      heights == heights.sorted() && Set(heights).count == 5 && heights[0] == 0 && clock.end == heights[4])
    #expect(heights[4] - heights[3] < 60)
  }

  @Test("those who talk stand at the sides behind their NATs, and servers between them")
  func lanes() throws {
    let triple = Lane.all(of: try Scenario(named: "triple-nat"))
    #expect(
      triple.map(\.name) == [
        "alice", "alice's NAT", "alice's NAT 2", "alice's NAT 3", "registry", "stun", "bob's NAT", "bob",
      ])
    let roaming = Lane.all(of: try Scenario(named: "wifi-to-cellular")).map(\.name)
    #expect(roaming.first == "alice" && roaming.last == "bob" && roaming.contains("mobile network"))
  }
}
