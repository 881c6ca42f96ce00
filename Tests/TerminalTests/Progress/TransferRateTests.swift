import Testing
import WarrenMachine

@testable import WarrenTerminal

@Suite("How fast something comes")
struct TransferRateTests {
  private func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: Int64(milliseconds) * 1_000_000) }

  @Test("what comes evenly has its rate from the beginning, in whatever pieces")
  func even() {
    for step in [1, 10, 100, 1000] {
      var rate = TransferRate(at: at(0))
      for time in stride(from: step, through: 5000, by: step) {
        rate.take(UInt64(step) * 1000, at: at(time))
        if time >= 100 { #expect(abs(rate.bytesPerSecond(at: at(time)) - 1e6) < 1e3) }
      }
    }
  }

  @Test("a change is seen within some seconds, and one piece that comes early changes little")
  func changes() {
    var rate = TransferRate(at: at(0))
    for time in stride(from: 100, through: 20_000, by: 100) { rate.take(100_000, at: at(time)) }
    rate.take(100_000, at: at(20_001))
    #expect(abs(rate.bytesPerSecond(at: at(20_001)) - 1e6) < 50_000)
    for time in stride(from: 20_100, through: 30_000, by: 100) { rate.take(1_000_000, at: at(time)) }
    #expect(rate.bytesPerSecond(at: at(30_000)) > 9e6)
    // And then nothing comes.
    #expect(rate.bytesPerSecond(at: at(60_000)) < 1000)
  }
}
