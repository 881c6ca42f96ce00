import TestSupport
import Testing
import Warren

@Suite("ICE agents with relays")
struct ICERelayTests {
  private let start = Instant(nanoseconds: 1_000_000_000)
  private static let home = SocketAddress(IPAddress(10, 0, 0, 1), port: 5000)
  private static let relay = SocketAddress(IPAddress(203, 0, 113, 5), port: 6000)
  private static let otherRelay = SocketAddress(IPAddress(203, 0, 113, 9), port: 7000)
  private static let outside = SocketAddress(IPAddress(198, 51, 100, 7), port: 8000)
  private static let inside = SocketAddress(IPAddress(192, 168, 1, 2), port: 8000)

  private static func candidate(_ kind: Candidate.Kind, _ address: SocketAddress) -> Candidate {
    Candidate(
      kind, at: address, priority: Candidate.priority(kind, localPreference: .max), foundation: "\(address)")
  }

  /// An agent with a socket and a relay, told of these candidates; and where its first checks go, by their base, up to a moment.
  private func checks(
    of candidates: [Candidate], isSeen: Bool = true, after time: Duration,
    _ configuration: ICEConfiguration = .eager
  ) -> Set<[SocketAddress]> {
    var random = SeededRandom(7)
    var core = ICECore(
      configuration, role: .controlling, credentials: ICECredentials(using: &random), random: SeededRandom(8))
    let bases = [Self.candidate(.host, Self.home), Self.candidate(.relayed, Self.relay)]
    let home = core.addBase(.init(bases[0]), at: start)
    _ = core.addBase(.init(bases[1]), at: start)
    if isSeen { core.addMapped(SocketAddress(IPAddress(198, 51, 100, 1), port: 5000), of: home) }
    let other = ICECredentials(using: &random)
    core.setRemote(
      ICEDescription(
        usernameFragment: other.usernameFragment, password: other.password, isLite: false,
        pacing: configuration.pacing, candidates: candidates), at: start)
    var seen: Set<[SocketAddress]> = []
    var writer = STUNMessageWriter()
    var now = start
    while true {
      while let transmit = core.pollTransmit(into: &writer, at: now) {
        seen.insert([bases[transmit.base.index].address, transmit.destination])
      }
      guard let next = core.nextDeadline, next <= start.advanced(by: time) else { return seen }
      now = max(now, next)
      core.handleDeadline(at: now)
    }
  }

  @Test("do not ask a relay for what is in somebody's own network")
  func inside() {
    let candidates = [Self.candidate(.host, Self.inside), Self.candidate(.serverReflexive, Self.outside)]
    #expect(
      checks(of: candidates, after: .seconds(3)) == [
        [Self.home, Self.inside], [Self.home, Self.outside], [Self.relay, Self.outside],
      ])
  }

  @Test("go from relay to relay only when nothing else has answered for a moment")
  func lastResort() {
    let candidates = [
      Self.candidate(.serverReflexive, Self.outside), Self.candidate(.relayed, Self.otherRelay),
    ]
    let usual: Set = [
      [Self.home, Self.outside], [Self.home, Self.otherRelay], [Self.relay, Self.outside],
    ]
    #expect(checks(of: candidates, after: .milliseconds(240)) == usual)
    #expect(
      checks(of: candidates, after: .milliseconds(300)) == usual.union([[Self.relay, Self.otherRelay]]))
    #expect(
      checks(of: candidates, after: .milliseconds(240), .standard).contains([Self.relay, Self.otherRelay]))
  }

  @Test("go from relay to relay at once where neither is seen without one")
  func blocked() {
    let candidates = [Self.candidate(.host, Self.inside), Self.candidate(.relayed, Self.otherRelay)]
    #expect(
      checks(of: candidates, isSeen: false, after: .milliseconds(50)).contains([Self.relay, Self.otherRelay]))
  }
}
