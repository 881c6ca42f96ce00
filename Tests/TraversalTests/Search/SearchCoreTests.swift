import Testing
import Warren

@testable import WarrenTraversal

@Suite("A side of a search")
struct SearchCoreTests {
  @Test(
    "makes up for a little lateness at once, and never for more: its rate is promised", arguments: [0, 1])
  func stall(part: Int) {
    let model = PortModel(mapping: .addressAndPortDependent, range: .unreserved)
    let plan = SearchPlan(.birthday, opener: .proposer, profile: .normal, model: model, seed: 1)
    var now = Instant(nanoseconds: 0)
    var core = SearchCore(
      plan, part == 0 ? .opens : .probes(plan.ports(), every: .milliseconds(1)), at: now)
    let rate = part == 0 ? plan.openRate : plan.probeRate
    var (sent, turns) = (0, 0)
    // On time; then the machine is busy for a second; then on time again.
    while let deadline = core.deadline {
      turns += 1
      now = max(now, deadline)
      if turns == 50 { now = now.advanced(by: .seconds(1)) }
      var atOnce = 0
      while core.next(at: now) != nil { atOnce += 1 }
      #expect(atOnce <= 1 + rate / 50)
      sent += atOnce
      if turns > 10_000 { break }
    }
    #expect(core.isOver)
    #expect(sent >= (part == 0 ? min(plan.openerPackets, rate * 5 / 2) : plan.probes) - 1)
  }
}
