import Testing
import Warren
import WarrenLaboratory

@Suite("A connection over which nobody says anything")
struct IdleTests {
  /// How seldom it may say that it is alive: four fifths of the longest silence that was tried and survived.
  private static let intervals: [Int: Double] = [20: 15.2, 30: 23.2, 60: 47.2, 300: 239.2]

  @Test(
    "stays for half an hour, and says that it is alive as seldom as the NATs permit",
    arguments: [20, 30, 60, 300])
  func stays(life: Int) async throws {
    let outcome = try await IdleTrial(behindNATsOf: .seconds(life), for: .seconds(1800)).run(seed: 1).outcome
    check(outcome, every: Self.intervals[life]!)
  }

  /// - Parameter ways: how many direct ones it has found.
  private func check(_ outcome: IdleTrial.Outcome, every seconds: Double, ways: Int = 1) {
    #expect(outcome.faults.isEmpty, "\(outcome.faults)")
    #expect((21...32).contains(outcome.largestSign))
    let interval = Duration.seconds(seconds)
    let pauses = outcome.pauses
    #expect(pauses.count >= Int(1800 / (seconds + 0.1)) - 2, "\(pauses)")
    // One side says it, the other answers, and wants an answer itself now and then.
    #expect(
      outcome.straight.packets <= ways * pauses.count * 5 / 2 + 4, "\(outcome.straight) in \(pauses.count)")
    #expect(
      pauses.allSatisfy { $0 >= interval - .milliseconds(1) && $0 <= interval + .milliseconds(100) },
      "\(pauses)")
  }

  private static func place(_ name: String, _ life: Int) -> Place {
    Place(name, .changed { $0.lifetimes.udp = .seconds(life) })
  }

  @Test(
    "says that it is alive as often as the more forgetful of two NATs wants",
    arguments: [(30, 300), (300, 30)])
  func different(alice: Int, bob: Int) async throws {
    let trial = IdleTrial(
      alice: Self.place("alice", alice), bob: Self.place("bob", bob), for: .seconds(1800))
    // Where bob's is the more forgetful, it is he who says it: a second later.
    check(try await trial.run(seed: 1).outcome, every: alice < bob ? 23.2 : 24.2)
  }

  @Test("says that it is alive as often as to begin with on another network, until that one is known")
  func elsewhere() async throws {
    var trial = IdleTrial(behindNATsOf: .seconds(60), for: .seconds(1800))
    trial.halfway = { await $0.networkChanged() }
    let outcome = try await trial.run(seed: 1).outcome
    let half = outcome.signs[0].advanced(by: .seconds(900))
    #expect(outcome.largestSign <= 32)
    let pauses = zip(outcome.signs, outcome.signs.dropFirst()).map { ($0, $0.duration(to: $1)) }.filter {
      $0.1 > .seconds(1)
    }
    let (before, after) = (pauses.filter { $0.0 < half }.map(\.1), pauses.filter { $0.0 >= half }.map(\.1))
    #expect(before.dropLast(3).allSatisfy { $0 > .seconds(47) }, "\(before)")
    // A minute, and until two have rested in vain: 122 s.
    #expect((11...14).contains(after.count { $0 < .seconds(17) }), "\(after)")
    #expect(after.suffix(10).allSatisfy { $0 > .seconds(47) }, "\(after)")
  }

  @Test("stays where mappings live shorter than what it begins with, once that is known")
  func forgetful() async throws {
    let outcome = try await IdleTrial(behindNATsOf: .seconds(10), for: .seconds(1800)).run(seed: 1).outcome
    // It has lost its way before, and has found another besides.
    check(outcome, every: 7.2, ways: 2)
  }

  @Test("is as short of words as its users want: then it ends by itself")
  func unwanted() async throws {
    var trial = IdleTrial(behindNATsOf: .seconds(300), for: .seconds(60))
    trial.change = { ($0.idleTimeout, $0.keepAlive) = (.seconds(30), .seconds(300)) }
    let outcome = try await trial.run(seed: 1).outcome
    #expect(outcome.signs.isEmpty && !outcome.faults.isEmpty)
  }
}
