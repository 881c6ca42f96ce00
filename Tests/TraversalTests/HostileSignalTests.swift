import TestSupport
import Testing
import Warren
import WarrenMachine
import WarrenSTUN

@testable import WarrenTraversal

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

  private func candidate(_ number: UInt8) -> Candidate {
    Candidate(.host, at: SocketAddress(IPAddress(10, 0, 0, number), port: 9), priority: 1, foundation: "1")
  }

  private func destinations(_ core: inout PunchCore) -> Set<SocketAddress> {
    var message = STUNMessageWriter()
    var all: Set<SocketAddress> = []
    while let transmit = core.pollTransmit(into: &message, at: now) { all.insert(transmit.destination) }
    return all
  }

  @Test("takes nothing that was said under an earlier name")
  func earlierName() {
    var core = core()
    core.receive(PunchSignal(.description(description("first")), of: "first"), at: now)
    core.receive(PunchSignal(.candidate(candidate(2)), of: "first"), at: now)
    #expect(destinations(&core) == [candidate(2).address])
    core.receive(PunchSignal(.description(description("second")), of: "second"), at: now)
    core.receive(PunchSignal(.candidate(candidate(3)), of: "first"), at: now)
    core.receive(PunchSignal(.candidate(candidate(4)), of: "second"), at: now)
    #expect(destinations(&core) == [candidate(4).address])
  }

  @Test("keeps what overtakes its description, and not more than can be its")
  func overtaking() {
    var core = core()
    for _ in 0..<5000 { core.receive(PunchSignal(.candidate(candidate(9)), of: "never"), at: now) }
    #expect(core.overtaking.count <= PunchLimits.overtakingSignals)
    core = self.core()
    core.receive(PunchSignal(.candidate(candidate(2)), of: "first"), at: now)
    core.receive(PunchSignal(.candidate(candidate(3)), of: "other"), at: now)
    #expect(destinations(&core).isEmpty)
    core.receive(PunchSignal(.description(description("first")), of: "first"), at: now)
    #expect(destinations(&core) == [candidate(2).address])
  }

  @Test("begins anew no faster than networks change, however often the other side does")
  func restarts() {
    var core = core()
    var anew = 0
    for second in 0..<100 {
      for turn in 0..<20 {
        let time = now.advanced(by: .seconds(second))
        core.receive(PunchSignal(.description(description("name\(second)and\(turn)"))), at: time)
      }
      while let signal = core.pollSignal() { if case .description = signal.content { anew += 1 } }
    }
    #expect((50...60).contains(anew))
    #expect(core.pastFragments.count <= PunchLimits.rememberedFragments)
  }

  @Test("lets go of every socket that it has opened on the way when it begins anew")
  func socketsOfRestart() {
    var core = core {
      $0.stunServers = [3478, 3479].map { SocketAddress(IPAddress(192, 0, 2, 1), port: $0) }
    }
    var open: Set<Int> = []
    var last = 0
    for round in 0..<6 {
      core.receive(PunchSignal(.description(description("name\(round)"))), at: now)
      while let purpose = core.pollSocketRequest() {
        last += 1
        open.insert(last)
        core.opened(purpose, socket: last, port: UInt16(20_000 + last), at: now)
      }
      while let closed = core.pollSocketToClose() { open.remove(closed) }
      #expect(open.count < SearchLimits.samplesPerBurst)
    }
    #expect(last >= 18)
  }

  @Test("follows no more search packets than there may be, and none from elsewhere")
  func hints() throws {
    var core = core()
    core.receive(PunchSignal(.description(description("first"))), at: now)
    let peer = IPAddress(203, 0, 113, 9)
    let sample = PortSample(
      localPort: 1, outside: SocketAddress(peer, port: 1),
      remote: SocketAddress(IPAddress(192, 0, 2, 1), port: 3478), sent: now)
    core.receive(PunchSignal(.ports(PortReport(model: try #require(PortModel(fitting: [sample]))))), at: now)
    var message = STUNMessageWriter()
    var state = SearchState()
    message.begin(.indication, .binding, state.ours(token: core.ice.credentials))
    let packet = message.copy
    for port in 1...1000 as ClosedRange<UInt16> {
      for ip in [peer, IPAddress(198, 51, 100, 1)] {
        _ = core.receive(
          packet.span.bytes, on: .socket(0), at: ours.ip, from: SocketAddress(ip, port: port), at: now)
      }
    }
    var end = now
    var destinations: Set<SocketAddress> = []
    while let next = core.nextDeadline, now.duration(to: next) < .seconds(30) {
      end = max(end, next)
      core.handleDeadline(at: end)
      while let transmit = core.pollTransmit(into: &message, at: end) {
        destinations.insert(transmit.destination)
      }
    }
    #expect(destinations.count == PunchLimits.hints)
    #expect(destinations.allSatisfy { $0.ip == peer })
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
        PunchSignal(.candidate(Candidate(.serverReflexive, at: address, priority: 1, foundation: "1"))),
        at: now)
      while let transmit = core.pollTransmit(into: &message, at: now) { sent.insert(transmit.destination) }
    }
    #expect(sent.count <= ICELimits.remoteCandidates)
    #expect(core.ice.counters.refusals[.tooMany] == 5000 - ICELimits.remoteCandidates)
  }
}
