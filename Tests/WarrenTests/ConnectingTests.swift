import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("A peer connects")
struct ConnectingTests {
  private static let easy: [Place] = [
    .public, .fullCone, .restricted, .portRestricted, .firewall, .public.overCarrier,
    .portRestricted.overCarrier,
  ]

  @Test("and its first byte arrives after two round trips", arguments: easy)
  func twoRoundTrips(alice: Place) async throws {
    for bob in Self.easy {
      let outcome = try await PeerTrial(alice: alice, bob: bob).run(seed: 1).outcome
      #expect(outcome.firstByte == PeerTrial.oneWay * 4, "\(alice) to \(bob): \(outcome)")
      #expect(outcome.agree && !outcome.isPunched, "\(alice) to \(bob): \(outcome)")
    }
  }
}
