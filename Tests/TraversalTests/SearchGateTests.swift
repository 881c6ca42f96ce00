import Testing
import WarrenLaboratory
import WarrenMachine
import WarrenSimulator

@testable import WarrenTraversal

@Suite("A search gate")
struct SearchGateTests {
  @Test("lets one in at a time, in the order of coming")
  func order() {
    let gate = SearchGate()
    let entered = Guarded<[Int]>([])
    for number in 0..<4 { gate.wait { entered.withLock { $0.append(number) } } }
    for count in 1...4 {
      #expect(entered.withLock { $0 } == Array(0..<count))
      gate.leave()
    }
    gate.wait { entered.withLock { $0.append(9) } }
    #expect(entered.withLock { $0 }.last == 9)
  }

  @Test("makes searches of one program follow each other, and all of them end")
  func together() async throws {
    let gate = SearchGate()
    var trial = PunchTrial(alice: .portRestricted, bob: .random)
    trial.change = { $0.searchGate = gate }
    // Both sides of a trial share the gate here: whoever comes second waits until the first has searched in vain.
    trial.limit = .seconds(20)
    let outcome = try await trial.run(seed: 1)
    #expect(outcome.packets > 0)
    let entered = Guarded(false)
    gate.wait { entered.withLock { $0 = true } }
    #expect(entered.withLock { $0 }, "somebody is still in")
  }
}
