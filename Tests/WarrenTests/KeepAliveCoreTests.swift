import TestSupport
import Testing

@testable import Warren

@Suite("How often a peer's connections say that they are alive, as a core")
struct KeepAliveCoreTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)

  /// A core that was connected for long enough, and has measured this for IPv4.
  private static func measured(
    _ outcome: MappingLifetimeCore.Outcome, beginning: Duration = .seconds(15)
  ) -> KeepAliveCore {
    var core = KeepAliveCore(beginning: beginning)
    core.look(isConnected: true, at: start)
    _ = core.beginsMeasuring(.v4, at: start.advanced(by: .seconds(60)))
    core.measured(outcome, .v4)
    return core
  }

  @Test(
    "is four fifths of what a mapping lives, and no more often than to begin with unless it lives shorter")
  func interval() {
    for (life, interval) in [(9, 7.2), (14, 11.2), (16, 15), (19, 15.2), (59, 47.2), (299, 239.2)] {
      let core = Self.measured(.atLeast(.seconds(life)))
      #expect(core.intervals[.v4].isNear(.seconds(interval)))
      #expect(core.intervals[.v6] == .seconds(15))
    }
  }

  @Test("stays as it is where it cannot be found out, and that is not tried again")
  func unknown() {
    var core = Self.measured(.unknown)
    #expect(core.intervals == KeepAliveIntervals(beginning: .seconds(15)))
    let later = Self.start.advanced(by: .seconds(7200))
    core.look(isConnected: true, at: later)
    let begins = core.beginsMeasuring(.v4, at: later)
    #expect(!begins)
  }

  @Test("is not looked into before there has been a connection for a minute, without a break")
  func delay() {
    var core = KeepAliveCore(beginning: .seconds(15))
    for second in 0..<200 {
      let now = Self.start.advanced(by: .seconds(second))
      core.look(isConnected: second != 50, at: now)
      let begins = core.beginsMeasuring(.v4, at: now)
      #expect(begins == (second == 111))
    }
  }

  @Test("is what it was to begin with on another network, until that is known")
  func elsewhere() {
    var core = Self.measured(.atLeast(.seconds(59)))
    let moved = Self.start.advanced(by: .seconds(1000))
    core.look(isConnected: true, at: moved)
    core.networkChanged(at: moved)
    #expect(core.intervals[.v4] == .seconds(15))
    let begins = [59, 60].map { core.beginsMeasuring(.v4, at: moved.advanced(by: .seconds($0))) }
    #expect(begins == [false, true])
    core.measured(.atLeast(.seconds(29)), .v4)
    #expect(core.intervals[.v4].isNear(.seconds(23.2)))
  }

  @Test("is not what a measurement says that was begun on another network")
  func late() {
    var core = KeepAliveCore(beginning: .seconds(15))
    core.look(isConnected: true, at: Self.start)
    let later = Self.start.advanced(by: .seconds(60))
    let begins = core.beginsMeasuring(.v4, at: later)
    #expect(begins)
    core.networkChanged(at: later)
    core.measured(.atLeast(.seconds(299)), .v4)
    #expect(core.intervals[.v4] == .seconds(15))
  }
}

extension Duration {
  fileprivate func isNear(_ other: Duration) -> Bool {
    self - other < .milliseconds(1) && other - self < .milliseconds(1)
  }
}
