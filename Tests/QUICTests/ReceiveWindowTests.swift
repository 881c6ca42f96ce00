import Testing
import WarrenMachine

@testable import WarrenQUIC

@Suite("What a stream lets the other side send")
struct ReceiveWindowTests {
  private static let start = Instant(nanoseconds: 0)
  private static let roundTrip = Duration.milliseconds(40)

  @Test("moves by what is taken, told by the quarter")
  func quarters() {
    var window = ReceiveWindow(1000, atMost: 1000, at: Self.start)
    #expect(window.take(249, at: Self.start, roundTrip: Self.roundTrip) == 0)
    #expect(window.take(1, at: Self.start, roundTrip: Self.roundTrip) == 250)
    #expect(window.take(1000, at: Self.start, roundTrip: Self.roundTrip) == 1000)
  }

  @Test("doubles where the reader is quicker than the way, up to what is allowed")
  func doubles() {
    var window = ReceiveWindow(1000, atMost: 3000, at: Self.start)
    let soon = Self.start.advanced(by: .milliseconds(39))
    #expect(window.take(250, at: soon, roundTrip: Self.roundTrip) == 1250)
    #expect(window.take(499, at: soon, roundTrip: Self.roundTrip) == 0)
    #expect(window.take(1, at: soon, roundTrip: Self.roundTrip) == 500 + 1000)
    #expect(window.take(750, at: soon, roundTrip: Self.roundTrip) == 750)
  }

  @Test("stays as it is where the reader is no quicker than the way")
  func stays() {
    var window = ReceiveWindow(1000, atMost: 4000, at: Self.start)
    for turn in 1...10 {
      let late = Self.start.advanced(by: Self.roundTrip * turn)
      #expect(window.take(250, at: late, roundTrip: Self.roundTrip) == 250)
    }
  }
}
