import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("A hole puncher")
struct PunchTests {
  @Test("reaches whoever can be reached without a guess, within one and a half round trips")
  func easy() async throws {
    let places: [Place] = [.public, .fullCone, .restricted, .portRestricted, .firewall]
    for alice in places {
      for bob in places {
        for seed in 1...3 as ClosedRange<UInt64> {
          let outcome = try await PunchTrial(alice: alice, bob: bob).run(seed: seed)
          #expect(outcome.isDirect && outcome.agree, "\(alice) with \(bob), seed \(seed)")
          let slowest = outcome.slowest ?? .seconds(99)
          #expect(slowest <= .milliseconds(75), "\(alice) with \(bob), seed \(seed)")
        }
      }
    }
  }

  @Test("reaches over TCP whoever can be reached without a guess, by both dialling at once")
  func tcp() async throws {
    let places: [Place] = [.public, .fullCone, .restricted, .portRestricted, .firewall, .blocked]
    for alice in places {
      for bob in places {
        for seed in 1...3 as ClosedRange<UInt64> {
          var trial = PunchTrial(alice: alice, bob: bob)
          trial.transports = [.tcp]
          let outcome = try await trial.run(seed: seed)
          #expect(outcome.isDirect && outcome.agree, "\(alice) with \(bob), seed \(seed)")
          // One round trip for the SYNs, one for the checks.
          let slowest = outcome.slowest ?? .seconds(99)
          #expect(slowest <= .milliseconds(125), "\(alice) with \(bob), seed \(seed)")
        }
      }
    }
  }

  @Test(
    "finds the port of a NAT that chooses a new one for each destination",
    arguments: 1...5 as ClosedRange<UInt64>)
  func hard(seed: UInt64) async throws {
    let easy: [Place] = [.public, .fullCone, .restricted, .portRestricted, .firewall]
    for alice in easy {
      for bob in [Place.sequential, .random] {
        for trial in [PunchTrial(alice: alice, bob: bob), PunchTrial(alice: bob, bob: alice)] {
          let outcome = try await trial.run(seed: seed)
          #expect(outcome.isDirect && outcome.agree, "\(trial.alice) with \(trial.bob), seed \(seed)")
          #expect(
            outcome.checks < 200, "\(trial.alice) with \(trial.bob), seed \(seed): checks call forth checks")
        }
      }
    }
  }
}
