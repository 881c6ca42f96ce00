import Testing
import WarrenMachine

@testable import WarrenRegistry

@Suite("Those who ask")
struct CallerTests {
  private static let start = Instant(nanoseconds: 5)
  private static func address(_ number: Int) -> IPAddress { IPAddress(v4: UInt32(number)) }

  @Test("may do so as often as was said, and are told when they may again")
  func rates() {
    var rates = RequestRates(perSecond: 2, burst: 3)
    let one = Self.address(1)
    for _ in 0..<3 { #expect(rates.take(for: one, at: Self.start) == nil) }
    #expect(rates.take(for: one, at: Self.start) == .milliseconds(500))
    #expect(rates.take(for: Self.address(2), at: Self.start) == nil, "nobody pays for another")
    let later = Self.start.advanced(by: .milliseconds(500))
    #expect(rates.take(for: one, at: later) == nil)
    #expect(rates.take(for: one, at: later) == .milliseconds(500))
    let muchLater = Self.start.advanced(by: .seconds(3600))
    for _ in 0..<3 { #expect(rates.take(for: one, at: muchLater) == nil) }
    #expect(rates.take(for: one, at: muchLater) != nil, "no more is saved than was said")
  }

  @Test("are remembered in no more than a fixed amount of memory, those who ask most the longest")
  func memory() {
    var rates = RequestRates(perSecond: 0.001, burst: 2, capacity: 100)
    let greedy = Self.address(1)
    for _ in 0..<2 { _ = rates.take(for: greedy, at: Self.start) }
    for number in 2..<5000 {
      _ = rates.take(for: Self.address(number), at: Self.start)
      if number % 40 == 0 { #expect(rates.take(for: greedy, at: Self.start) != nil) }
      #expect(rates.count <= 100)
    }
  }

  @Test("with IPv6 are one for each network, as a house has one")
  func subscribers() throws {
    let one = try IPAddress("2001:db8:0:1::1").subscriber
    #expect(try IPAddress("2001:db8:0:1:ffff::2").subscriber == one)
    #expect(try IPAddress("2001:db8:0:2::1").subscriber != one)
    #expect(try IPAddress("::ffff:192.0.2.1").subscriber == IPAddress(192, 0, 2, 1))
    #expect(IPAddress(192, 0, 2, 1).subscriber != IPAddress(192, 0, 2, 2).subscriber)
  }
}
