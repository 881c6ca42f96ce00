import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("TCP's congestion control")
struct TCPCongestionTests {
  /// Ten segments of 1,000 bytes on their way from 1 to 10,001, and three duplicates.
  static func recovering() -> TCPCongestion {
    var congestion = TCPCongestion(segmentSize: 1000, limits: TCPLimits())
    var isLoss = congestion.duplicated(at: 1, of: 10_001)
    #expect(!isLoss)
    isLoss = congestion.duplicated(at: 1, of: 10_001)
    #expect(!isLoss)
    #expect(congestion.allowance == 12_000, "a new segment for each (RFC 3042)")
    isLoss = congestion.duplicated(at: 1, of: 10_001)
    #expect(isLoss)
    #expect(congestion.allowance == 8000, "half of what was on its way, and the three that left the network")
    return congestion
  }

  @Test("repeats for each loss in a window, and ends when the window has arrived (RFC 6582)")
  func newReno() {
    var congestion = Self.recovering()
    var isLoss = congestion.duplicated(at: 1, of: 10_001)
    #expect(!isLoss)
    #expect(congestion.allowance == 9000)
    isLoss = congestion.acknowledged(3000, upTo: 3001, of: 12_001)
    #expect(isLoss, "a partial acknowledgement")
    #expect(congestion.allowance == 7000)
    isLoss = congestion.acknowledged(7000, upTo: 10_001, of: 12_001)
    #expect(!isLoss)
    #expect(congestion.allowance == 3000)
    isLoss = congestion.duplicated(at: 10_001, of: 12_001)
    #expect(!isLoss)
    isLoss = congestion.duplicated(at: 10_001, of: 12_001)
    #expect(!isLoss)
    isLoss = congestion.duplicated(at: 10_001, of: 12_001)
    #expect(!isLoss, "they tell of the old loss")
  }

  @Test("begins again with one segment after a timeout (RFC 5681, 3.1)")
  func timedOut() {
    var congestion = TCPCongestion(segmentSize: 1000, limits: TCPLimits())
    congestion.timedOut(at: 1, of: 10_001)
    #expect(congestion.allowance == 1000)
    for position in 1...4 { _ = congestion.acknowledged(1000, upTo: 1 + position * 1000, of: 10_001) }
    #expect(congestion.allowance == 5000, "slow start up to half of what was on its way")
    for position in 5...9 { _ = congestion.acknowledged(1000, upTo: 1 + position * 1000, of: 10_001) }
    #expect(congestion.allowance == 6000, "then a segment for each window")
  }

  @Test("forgets to repeat what has arrived in the meantime")
  func overtaken() throws {
    var core = TCPCore(connectingTo: .loopback(.v4, port: 1), initialSequence: 0)
    let now = Instant(nanoseconds: 0)
    _ = core.poll(at: now)
    core.received(TCPSegment([.syn, .ack], sequence: 0, acknowledgement: 1, window: 9000), at: now)
    _ = try core.write(([1, 2, 3] as [UInt8]).span.bytes, at: now)
    while core.poll(at: now) != nil {}
    for _ in 0..<3 { core.received(TCPSegment(.ack, sequence: 1, acknowledgement: 1, window: 9000), at: now) }
    core.received(TCPSegment(.ack, sequence: 1, acknowledgement: 4, window: 9000), at: now)
    #expect(core.poll(at: now) == nil)
  }
}
