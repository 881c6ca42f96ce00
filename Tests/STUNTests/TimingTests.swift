import Testing
import WarrenMachine
import WarrenSTUN

@Suite("A request over UDP, and one over a stream")
struct TimingTests {
  @Test("is sent seven times within half a minute, and given up after 39.5 seconds")
  func standard() {
    // RFC 8489, 6.2.1 gives these times for a first wait of 500 ms.
    var timer = STUNRequestTimer(sentAt: Instant(nanoseconds: 0))
    var times: [Duration] = []
    var end: Duration?
    while end == nil {
      let now = timer.deadline
      let elapsed = Instant(nanoseconds: 0).duration(to: now)
      #expect(timer.handleDeadline(at: now.advanced(by: .nanoseconds(-1))) == nil)
      switch timer.handleDeadline(at: now) {
      case .sendAgain: times.append(elapsed)
      case .timedOut: end = elapsed
      case nil: Issue.record("nothing happens at the deadline")
      }
    }
    #expect(times == [500, 1500, 3500, 7500, 15_500, 31_500].map { .milliseconds($0) })
    #expect(end == .milliseconds(39_500))
  }

  @Test("is found in a stream whatever pieces it comes in", arguments: 1...50)
  func pieces(size: Int) throws {
    let messages = try ["rfc5769-2.1-request", "rfc5769-2.2-ipv4-response", "rfc8489-b.1-sha256-request"].map(
      fixture)
    let all = messages.flatMap { $0 }
    var reader = STUNStreamReader()
    var found: [[UInt8]] = []
    for start in stride(from: 0, to: all.count, by: size) {
      reader.append(all[start..<min(start + size, all.count)])
      while let message = try reader.next() { found.append(message) }
    }
    #expect(found == messages)
  }

  @Test("is refused in a stream when it claims to be huge, or is none")
  func streamErrors() {
    var reader = STUNStreamReader()
    reader.append([0, 1, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 0, count: 12))
    #expect(throws: STUNMessageError.wrongLength) { try reader.next() }
    reader = STUNStreamReader()
    reader.append(Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8))
    #expect(throws: STUNMessageError.notSTUN) { try reader.next() }
  }
}
