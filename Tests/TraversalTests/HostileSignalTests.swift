import Testing
import Warren
import WarrenMachine

/// What a peer says may be a lie, come late, or come twice.
@Suite("A hole puncher's core")
struct HostileSignalTests {
  private let now = Instant(nanoseconds: 1)
  private let ours = SocketAddress(IPAddress(10, 0, 0, 1), port: 4000)

  private func core(_ change: (inout PunchConfiguration) -> Void = { _ in }) -> PunchCore {
    var configuration = PunchConfiguration()
    change(&configuration)
    var core = PunchCore(configuration, role: .controlled) { SeededRandom(1) }
    core.addSocket(0, port: ours.port, addresses: [ours.ip], at: now)
    core.begin(at: now)
    while core.pollSignal() != nil {}
    return core
  }

  private func description(_ name: String, password: String = "0123456789012345678901") -> ICEDescription {
    ICEDescription(usernameFragment: name, password: password)
  }

  @Test("takes no name or password that ICE does not allow")
  func lengths() {
    for name in ["", "abc", String(repeating: "a", count: 70_000), "ab cd"] {
      var core = core()
      core.receive(PunchSignal(.description(description(name))), at: now)
      #expect(core.ice.remoteUsernameFragment == nil)
    }
    for password in ["", "short", String(repeating: "a", count: 70_000)] {
      var core = core()
      core.receive(PunchSignal(.description(description("abcd", password: password))), at: now)
      #expect(core.ice.remoteUsernameFragment == nil)
    }
  }

  @Test("takes what comes late, or twice, for nothing new")
  func late() {
    var core = core()
    var names: [String] = []
    for name in ["first", "second", "first", "second", "first", "third", "second"] {
      core.receive(PunchSignal(.description(description(name))), at: now)
      while let signal = core.pollSignal() {
        if case .description(let description) = signal.content { names.append(description.usernameFragment) }
      }
    }
    // Two new names, two new ones of our own.
    #expect(names.count == 2)
    #expect(core.ice.remoteUsernameFragment == "third")
  }

  @Test("sends nothing to candidates beyond those that it takes")
  func beyond() {
    var core = core()
    core.wasAsked()
    core.receive(PunchSignal(.description(description("abcd"))), at: now)
    var sent: Set<SocketAddress> = []
    var message = STUNMessageWriter()
    for number in 0..<5000 {
      let address = SocketAddress(IPAddress(v4: 0xC633_6400 + UInt32(number)), port: 9)
      core.receive(
        PunchSignal(.candidate(Candidate(.serverReflexive, at: address, priority: 1, foundation: "1"))), at: now)
      while let transmit = core.pollTransmit(into: &message, at: now) { sent.insert(transmit.destination) }
    }
    #expect(sent.count <= ICELimits.remoteCandidates)
    #expect(core.ice.counters.refusals[.tooMany] == 5000 - ICELimits.remoteCandidates)
  }
}
