import Testing
import Warren

@testable import WarrenLaboratory

@Suite("A transfer over QUIC through bad weather")
struct WeatherTests {
  /// A few seeds, or once where there are none.
  private func outcomes(of trial: TransferTrial, in world: TwoMachines) async -> [TransferTrial.Outcome] {
    guard world == .simulated else { return [await trial.runLocally()] }
    var outcomes: [TransferTrial.Outcome] = []
    for seed in 1...3 as ClosedRange<UInt64> { outcomes.append(await trial.run(seed: seed)) }
    return outcomes
  }

  @Test(
    "arrives whole and once, or is known to be over, in time", .serialized, arguments: TwoMachines.allCases,
    TransferTrial.all)
  func comesThrough(world: TwoMachines, trial: TransferTrial) async {
    for outcome in await outcomes(of: trial, in: world) {
      #expect(outcome.failure == nil)
      // The weather was as bad as it should be, and no worse.
      let (weather, storm) = (trial.weather, outcome.storm)
      #expect((storm.lost > 0) == (weather.loss > 0 || weather.vanishes))
      #expect((storm.tooLarge > 0) == (weather.largestPayloadLater != nil))
      #expect((storm.duplicated > 0) == (weather.duplication > 0))
      #expect((storm.corrupted > 0) == (weather.corruption > 0))
      #expect((storm.heldBack > 0) == (weather.reordering > 0))
    }
  }

  @Test("is the same for the same seed")
  func deterministic() async {
    let trial = TransferTrial(.everything)
    let (one, same, other) = (await trial.run(seed: 4), await trial.run(seed: 4), await trial.run(seed: 5))
    #expect(one == same && one != other)
  }

  @Test("does not hang where it does not end: it is said who waits for what", arguments: TwoMachines.allCases)
  func hanging(world: TwoMachines) async {
    let trial = TransferTrial(.vanishing) { $0.limit = .seconds(5) }
    for outcome in await outcomes(of: trial, in: world) {
      #expect(outcome.failure?.hasPrefix("it has not ended after 5.0 seconds: ") ?? false)
      #expect(outcome.failure?.contains("bob waits for stream 0 to bring something") ?? false, "\(outcome)")
    }
  }

  @Test("is not right where nothing passes")
  func nothing() async {
    let outcome = await TransferTrial(Weather("wall") { $0.largestPayload = 100 }).run(seed: 1)
    #expect(outcome.failure == "\(QUICError(.handshakeTimeout))")
  }
}

@Suite("A pattern")
struct PatternTests {
  private let pattern = Pattern(key: 4)

  @Test("is the same from wherever it begins", arguments: 0..<20)
  func anywhere(start: Int) {
    let all = pattern.bytes(0..<100)
    for end in start...100 {
      #expect(pattern.bytes(start..<end) == Array(all[start..<end]))
      #expect(pattern.firstDifference(of: Array(all[start..<end]), from: start) == nil)
    }
  }

  @Test("knows what is missing, is changed, comes twice, or is another's")
  func differences() {
    let bytes = pattern.bytes(0..<64)
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= 1
      #expect(pattern.firstDifference(of: changed, from: 0) == place)
    }
    let missing = Array(bytes[..<16] + bytes[24...])
    let twice = Array(bytes[..<24] + bytes[16...])
    let swapped = Array(bytes[8..<16] + bytes[..<8])
    #expect(pattern.firstDifference(of: missing, from: 0) ?? 64 >= 16)
    #expect(pattern.firstDifference(of: twice, from: 0) ?? 64 >= 24)
    #expect(pattern.firstDifference(of: swapped, from: 0) != nil)
    #expect(Pattern(key: 5).firstDifference(of: bytes, from: 0) != nil)
  }
}
