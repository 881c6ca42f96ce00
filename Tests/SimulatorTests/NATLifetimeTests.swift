import Testing
import WarrenMachine
import WarrenSimulator

/// RFC 4787, REQ-5 and 6, two-state timers (X2) and absolute lifetimes (X3): how long a mapping lives.
struct NATLifetimeTests {
  typealias Configuration = NATConfiguration

  /// A full cone, so that filters do not matter, with mappings that live so long.
  private static func cone(_ lifetime: Duration, _ change: (inout Configuration) -> Void = { _ in })
    -> Configuration
  {
    Configuration.fullCone.changed { $0.lifetimes.udp = lifetime }.changed(change)
  }

  /// Whether a mapping is still there when it has been idle for so long.
  private func isAlive(_ configuration: Configuration, after idle: Duration) -> Bool {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.send(x1, to: y1)!
    laboratory.wait(idle)
    return laboratory.answer(z1, to: mapped) == x1
  }

  @Test(
    "an idle mapping lives for its lifetime and not longer",
    arguments: [10, 20, 30, 35, 60, 65, 120, 180, 300, 600])
  func idle(seconds: Int) {
    let configuration = NATLifetimeTests.cone(.seconds(seconds))
    #expect(isAlive(configuration, after: .seconds(seconds) - .milliseconds(1)))
    #expect(!isAlive(configuration, after: .seconds(seconds) + .milliseconds(1)))
  }

  @Test("a mapping is gone in time although nobody handles the deadline")
  func lazily() {
    var laboratory = NATLaboratory(NATLifetimeTests.cone(.seconds(30)))
    let mapped = laboratory.send(x1, to: y1)!
    laboratory.now = laboratory.now.advanced(by: .seconds(31))
    #expect(laboratory.answer(z1, to: mapped) == nil)
    #expect(laboratory.nat.mappingCount == 0)
  }

  @Test("two minutes are the least that conforms: the presets but carriers' keep it")
  func atLeastTwoMinutes() {
    #expect(isAlive(.fullCone, after: .seconds(119)))
    #expect(!isAlive(.carrierGrade, after: .seconds(119)))
  }

  /// Whether a mapping towards a port lives for a minute.
  private func livesForAMinute(_ configuration: Configuration, towardPort port: UInt16) -> Bool {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.send(x1, to: NATLaboratory.y.port(port))!
    laboratory.wait(.seconds(60))
    return laboratory.answer(z1, to: mapped) == x1
  }

  @Test("towards port 53 alone a mapping may live for a shorter time")
  func dns() {
    let short = NATLifetimeTests.cone(.seconds(300)) { $0.lifetimes.dns = .seconds(10) }
    #expect(!livesForAMinute(short, towardPort: 53))
    #expect(livesForAMinute(short, towardPort: 1111))
    #expect(livesForAMinute(.fullCone, towardPort: 53))
  }

  // MARK: REQ-6

  /// Whether a mapping of 30 s lives for a minute with a packet every 20 s, in that direction.
  private func isRefreshed(_ directions: Configuration.Directions, by side: NATSide) -> Bool {
    var laboratory = NATLaboratory(NATLifetimeTests.cone(.seconds(30)) { $0.refreshes = directions })
    let mapped = laboratory.send(x1, to: y1)!
    for _ in 0..<3 {
      laboratory.wait(.seconds(20))
      if side == .inside { laboratory.send(x1, to: y1) } else { laboratory.answer(y1, to: mapped) }
    }
    return laboratory.nat.mapping(of: x1, toward: y1) == mapped && laboratory.answer(z1, to: mapped) == x1
  }

  @Test("what refreshes a mapping is what the configuration says")
  func refresh() {
    #expect(isRefreshed([.outbound], by: .inside))
    #expect(!isRefreshed([.outbound], by: .outside))
    #expect(isRefreshed([.outbound, .inbound], by: .outside))
    #expect(isRefreshed([.outbound, .inbound], by: .inside))
  }

  @Test("with outbound refresh off, which violates REQ-6, a busy mapping dies and comes back elsewhere")
  func noOutboundRefresh() {
    var laboratory = NATLaboratory(
      NATConfiguration.symmetric.changed {
        $0.refreshes = []
        $0.lifetimes.udp = .seconds(30)
      })
    let mapped = laboratory.send(x1, to: y1)
    laboratory.wait(.seconds(20))
    #expect(laboratory.send(x1, to: y1) == mapped)
    laboratory.wait(.seconds(11))
    #expect(laboratory.send(x1, to: y1) != mapped)
  }

  /// Whether a filter of 30 s lets in for a minute whoever sends every 20 s, without a word from inside.
  private func filterIsRefreshedFromOutside(_ directions: Configuration.Directions) -> Bool {
    var laboratory = NATLaboratory(
      .changed {
        $0.lifetimes.filter = .seconds(30)
        $0.refreshesFilter = directions
      })
    let mapped = laboratory.send(x1, to: y1)!
    laboratory.wait(.seconds(20))
    #expect(laboratory.answer(y1, to: mapped) == x1)
    laboratory.wait(.seconds(20))
    return laboratory.answer(y1, to: mapped) == x1
  }

  @Test("an inbound packet that refreshes the mapping does not refresh the filter")
  func inboundRefreshLeavesFilters() {
    #expect(!filterIsRefreshedFromOutside([.outbound]))
    #expect(filterIsRefreshedFromOutside([.outbound, .inbound]))
  }

  @Test("a filter lives on with what the inside sends, unless outbound packets do not refresh it")
  func outboundRefreshOfFilters() {
    func isOpen(_ directions: Configuration.Directions) -> Bool {
      var laboratory = NATLaboratory(
        .changed {
          $0.lifetimes.filter = .seconds(30)
          $0.refreshesFilter = directions
        })
      let mapped = laboratory.send(x1, to: y1)!
      laboratory.wait(.seconds(20))
      laboratory.send(x1, to: y1)
      laboratory.wait(.seconds(20))
      return laboratory.answer(y1, to: mapped) == x1
    }
    #expect(isOpen([.outbound]))
    #expect(!isOpen([]))
  }

  /// Whether a mapping of 30 s that only gets ICMP errors lives for longer.
  private func isRefreshedByErrors() -> Bool {
    var laboratory = NATLaboratory(NATLifetimeTests.cone(.seconds(30)))
    let mapped = laboratory.send(x1, to: y1)!
    laboratory.wait(.seconds(20))
    let offender = Packet.udp(mapped, y1)
    laboratory.put(offender.failure(.portUnreachable, reportedBy: y1.ip)!, from: .outside)
    #expect(laboratory.packets(toward: .inside).count == 1)
    laboratory.wait(.seconds(11))
    return laboratory.answer(z1, to: mapped) == x1
  }

  @Test("ICMP errors prolong nothing")
  func errorsDoNotRefresh() {
    #expect(!isRefreshedByErrors())
  }

  // MARK: X2 and X3

  @Test("an answered mapping lives longer from the next packet on, if only outbound ones refresh")
  func assuredByAnswer() {
    func isAlive(isAnswered: Bool) -> Bool {
      var laboratory = NATLaboratory(
        NATLifetimeTests.cone(.seconds(120)) {
          $0.lifetimes.udpUnreplied = .seconds(30)
          $0.refreshes = [.outbound]
        })
      let mapped = laboratory.send(x1, to: y1)!
      if isAnswered { laboratory.answer(y1, to: mapped) }
      laboratory.send(x1, to: y1)
      laboratory.wait(.seconds(119))
      return laboratory.answer(y1, to: mapped) == x1
    }
    #expect(isAlive(isAnswered: true))
    #expect(!isAlive(isAnswered: false))
  }

  /// How many seconds a mapping lives after packets of these sides, each of them a second and a half after the last.
  private func lifetime(_ configuration: Configuration, after sides: [NATSide]) -> Int {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.send(x1, to: y1)!
    for side in sides {
      laboratory.wait(.milliseconds(1500))
      if side == .inside { laboratory.send(x1, to: y1) } else { laboratory.answer(y1, to: mapped) }
    }
    var seconds = 0
    while laboratory.nat.mappingCount > 0 {
      laboratory.wait(.seconds(1))
      seconds += 1
    }
    return seconds
  }

  @Test("with two-state timers an answered mapping lives longer", arguments: [120, 180])
  func twoStates(assured: Int) {
    let twoStates = NATConfiguration.changed {
      $0.lifetimes.udpUnreplied = .seconds(30)
      $0.lifetimes.udp = .seconds(assured)
      $0.refreshesFilter = [.outbound, .inbound]
    }
    #expect(lifetime(twoStates, after: []) == 30)
    #expect(lifetime(twoStates, after: [.outside]) == assured)
    #expect(lifetime(.portRestrictedCone, after: []) == 300)
    #expect(lifetime(.portRestrictedCone, after: [.outside]) == 300)
  }

  @Test("to Linux, a flow is a stream when it is answered and goes on after two seconds")
  func stream() {
    let linux = NATConfiguration.linuxMasquerade(input: .drop)
    #expect(lifetime(linux, after: []) == 30)
    #expect(lifetime(linux, after: [.outside]) == 30, "a question and its answer")
    #expect(lifetime(linux, after: [.outside, .inside]) == 120)
    #expect(lifetime(linux, after: [.outside, .outside]) == 120)
    #expect(lifetime(linux, after: [.inside, .inside]) == 30, "nothing came back")
    #expect(lifetime(linux, after: [.inside, .outside]) == 30, "the first answer came late")
    #expect(lifetime(linux, after: [.inside, .outside, .outside]) == 120)
    #expect(
      lifetime(linux.changed { $0.lifetimes.udpStreamAge = .seconds(4) }, after: [.outside, .inside]) == 30)
  }

  /// After how many seconds a mapping that is in use all the time changes its outside port.
  private func lifeOfBusyMapping(_ configuration: Configuration, seed: UInt64) -> Int? {
    var laboratory = NATLaboratory(configuration, seed: seed)
    let first = laboratory.send(x1, to: y1)!
    for second in 1...200 {
      laboratory.wait(.seconds(1))
      guard laboratory.send(x1, to: y1) == first else { return second }
      laboratory.answer(y1, to: first)
    }
    return nil
  }

  @Test("an absolute lifetime ends a busy mapping, after 50 to 75 s")
  func absolute() {
    let mobile = NATConfiguration.symmetric.changed { $0.lifetimes.absolute = .seconds(50)...(.seconds(75)) }
    let lives = (1...20).map { lifeOfBusyMapping(mobile, seed: $0) }
    #expect(lives.allSatisfy { (50...76).contains($0 ?? 0) })
    #expect(Set(lives).count > 5)
    #expect(lifeOfBusyMapping(.symmetric, seed: 1) == nil)
  }
}
