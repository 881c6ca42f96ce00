import Testing
import Warren
import WarrenLaboratory

@Suite("A connection over which nobody says anything")
struct IdleTests {
  /// How seldom it may say that it is alive: four fifths of the longest silence that was tried and survived.
  private static let intervals: [Int: Double] = [20: 15.2, 30: 23.2, 60: 47.2, 300: 239.2]

  @Test(
    "stays for half an hour, and says that it is alive as seldom as the NATs permit", arguments: [20, 30, 60, 300])
  func stays(life: Int) async throws {
    let outcome = try await IdleTrial(behindNATsOf: .seconds(life), for: .seconds(1800)).run(seed: 1).outcome
    #expect(outcome.faults.isEmpty, "\(outcome.faults)")
    #expect((21...32).contains(outcome.largestSign))
    let interval = Duration.seconds(Self.intervals[life]!)
    let pauses = outcome.pauses
    #expect(pauses.count >= Int(1800 / Self.intervals[life]!) - 2, "\(pauses)")
    #expect(pauses.allSatisfy { $0 >= interval - .seconds(1) && $0 <= interval + .seconds(1) }, "\(pauses)")
  }
}
