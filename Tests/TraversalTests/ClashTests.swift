import Testing
import Warren
import WarrenLaboratory

/// What happens when a packet reaches a NAT that takes strangers' packets for its own, before anything has left it
/// towards the stranger: the port is taken.
@Suite("Of the first packets")
struct ClashTests {
  private static let lags: [Duration] = [
    .zero, .milliseconds(20), .milliseconds(60), .milliseconds(200), .seconds(1),
  ]

  private func outcomes(_ trial: PunchTrial) async throws -> [PunchTrial.Outcome] {
    var outcomes: [PunchTrial.Outcome] = []
    for seed in 1...3 as ClosedRange<UInt64> { outcomes.append(try await trial.run(seed: seed)) }
    return outcomes
  }

  @Test("those of who knows later find its port taken, and a fresh one mends it", arguments: lags)
  func mended(lag: Duration) async throws {
    for alice in Place.masquerades {
      for bob in Place.masquerades {
        var trial = PunchTrial(alice: alice, bob: bob)
        trial.lag = lag
        for outcome in try await outcomes(trial) {
          #expect(outcome.isDirect && outcome.agree, "\(alice) with \(bob)")
          #expect(try #require(outcome.slowest) <= .seconds(2), "\(alice) with \(bob)")
        }
      }
    }
  }

  @Test("none takes a port away where who was asked waits for who asked", arguments: lags.dropLast())
  func waited(lag: Duration) async throws {
    for alice in Place.masquerades {
      for bob in Place.masquerades {
        var trial = PunchTrial(alice: alice, bob: bob)
        trial.lag = lag
        trial.bobWasAsked = true
        for outcome in try await outcomes(trial) {
          #expect(try #require(outcome.slowest) <= PunchMatrix.atOnceUDP, "\(alice) with \(bob)")
          let path = try #require(outcome.path)
          #expect(path.mapped?.port == path.local.port, "\(alice) with \(bob)")
        }
      }
    }
  }

  @Test("waiting for who asked costs those nothing who must send first themselves")
  func mustSendFirst() async throws {
    for bob in [Place.random, .sequential, .portRestricted, .firewall] {
      var trial = PunchTrial(alice: .restricted, bob: bob)
      trial.bobWasAsked = true
      for outcome in try await outcomes(trial) {
        #expect(try #require(outcome.slowest) <= .milliseconds(150), "restricted with \(bob)")
      }
    }
  }
}
