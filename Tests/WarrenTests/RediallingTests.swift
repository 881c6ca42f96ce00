import Testing
import WarrenCrypto
import WarrenRegistry

@testable import Warren

@Suite("A dial that has failed")
struct RediallingTests {
  private static let start = Instant(nanoseconds: 0)
  private static let target = RegistryTarget.key(
    PeerID(bytes: [UInt8](repeating: 1, count: 32).span.bytes)!)

  private static func after(_ milliseconds: Int) -> Instant {
    start.advanced(by: .milliseconds(milliseconds))
  }

  private static func dial(_ target: RegistryTarget = target, patience: Duration = .seconds(30)) -> Redialling
  {
    Redialling(target, patience: patience, at: start)
  }

  /// When it is tried, in milliseconds, if nothing but this is answered, at once.
  private func tries(_ error: RegistryError, _ dial: Redialling) -> [Int] {
    var (dial, now, tries) = (dial, Self.start, [0])
    while let pause = dial.pause(after: error, at: now), tries.count < 100 {
      now = now.advanced(by: pause)
      tries.append(Int(Self.start.duration(to: now) / .milliseconds(1)))
    }
    return tries
  }

  @Test("because the other side is away is tried again for ten seconds, ever less often")
  func away() {
    let away = RegistryError(.away, "")
    #expect(tries(away, Self.dial()) == [0, 500, 1500, 3500, 5500, 7500, 9500])
    #expect(
      tries(away, Self.dial(patience: .seconds(3))) == [0, 500, 1500], "and no longer than somebody waits")
    #expect(tries(away, Self.dial(.pairing("secret"))) == [0], "who waits with a secret waits once")
  }

  @Test("as nobody is called so is not tried again, unless somebody was a moment ago")
  func missed() {
    let missing = RegistryError(.notRegistered, "")
    #expect(tries(missing, Self.dial()) == [0])
    var dial = Self.dial()
    dial.isForsaken = true
    #expect(dial.pause(after: .forsaken, at: Self.start) == .zero)
    #expect(!dial.isForsaken)
    #expect(tries(missing, dial) == [0, 500, 1500, 3500, 5500, 7500, 9500])
  }

  @Test("as the two are said to be connected is tried again a few times, whatever was before")
  func connected() {
    var dial = Self.dial()
    for _ in 0..<3 { _ = dial.pause(after: RegistryError(.away, ""), at: Self.start) }
    #expect(tries(.connected, dial).count == 1 + PeerLimits.retries)
  }

  @Test("for another reason is over")
  func other() {
    for code in RegistryError.Code.allCases where ![.away].contains(code) {
      #expect(tries(RegistryError(code, ""), Self.dial()) == [0], "\(code)")
    }
  }

  @Test("has all its time, however long others have taken of it")
  func waived() {
    var dial = Self.dial()
    dial.waive(since: Self.after(1000), at: Self.after(46_000))
    #expect(dial.left(at: Self.after(46_000)) == .seconds(29))
    #expect(dial.left(at: Self.after(80_000)) == .seconds(-5))
    #expect(dial.pause(after: RegistryError(.away, ""), at: Self.after(80_000)) == nil)
  }

  @Test("may be given up for another while the two are brought together, and while there is time for that")
  func forsaking() {
    var dial = Self.dial(patience: .seconds(300))
    #expect(!dial.mayForsake(at: Self.start), "nobody has answered yet")
    dial.introduced(at: Self.after(10_000))
    #expect(dial.mayForsake(at: Self.after(11_000)) && dial.mayForsake(at: Self.after(59_000)))
    #expect(!dial.mayForsake(at: Self.after(70_000)), "the registry ends each in its time")
    var short = Self.dial(patience: .seconds(30))
    short.introduced(at: Self.start)
    #expect(short.mayForsake(at: Self.after(20_000)) && !short.mayForsake(at: Self.after(29_000)))
    var once = Self.dial(.pairing("secret"))
    once.introduced(at: Self.start)
    #expect(!once.mayForsake(at: Self.after(1000)), "nobody waits with the secret any more")
  }
}
