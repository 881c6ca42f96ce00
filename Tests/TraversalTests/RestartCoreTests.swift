import TestSupport
import Testing
import Warren

@testable import WarrenTraversal

@Suite("Two hole punchers' cores that begin anew")
struct RestartCoreTests {
  private static let servers = [3478, 3479].map { SocketAddress(IPAddress(192, 0, 2, 1), port: $0) }

  private func core(_ side: UInt8, seed: UInt64, tcp: Bool = false) -> PunchCore {
    var configuration = PunchConfiguration()
    configuration.stunServers = Self.servers
    var seeds = SeededRandom(seed)
    var core = PunchCore(configuration, role: side == 0 ? .controlling : .controlled) {
      SeededRandom(seeds.next())
    }
    let now = Instant(nanoseconds: 1)
    core.addSocket(0, port: 4000, addresses: [IPAddress(10, 0, side, 1)], at: now)
    if tcp { core.addListener(port: 4000, addresses: [IPAddress(10, 0, side, 1)]) }
    core.begin(at: now)
    return core
  }

  /// A core cannot be copied, and so stands in no list.
  private final class Side {
    var core: PunchCore
    init(_ core: consuming PunchCore) { self.core = core }
  }

  @Test(
    "end up with each other's last names, however their restarts and their signals cross",
    arguments: 0..<1000 as Range<UInt64>)
  func crossing(seed: UInt64) {
    var random = SeededRandom(seed)
    let sides = [Side(core(0, seed: seed * 2)), Side(core(1, seed: seed * 2 + 1))]
    var queues: [[PunchSignal]] = [[], []]
    var now = Instant(nanoseconds: 1)
    var (restarts, told, turns) = (Int.random(in: 1...12, using: &random), 0, 0)
    func collect(_ side: Int) {
      while let signal = sides[side].core.pollSignal() {
        if case .description = signal.content { told += 1 }
        queues[1 - side].append(signal)
      }
    }
    while true {
      turns += 1
      now = now.advanced(by: .milliseconds(Int.random(in: 0...300, using: &random)))
      for side in 0...1 {
        sides[side].core.handleDeadline(at: now)
        collect(side)
      }
      let side = Int.random(in: 0...1, using: &random)
      if restarts > 0, Int.random(in: 0..<4, using: &random) == 0 {
        restarts -= 1
        sides[side].core.restart(at: now)
      } else if !queues[side].isEmpty {
        sides[side].core.receive(queues[side].removeFirst(), at: now)
      } else if queues[1 - side].isEmpty, restarts == 0, sides[0].core.deferred == nil,
        sides[1].core.deferred == nil
      {
        break
      }
      collect(side)
      guard turns < 10_000 else { break }
    }
    let names = sides.map { $0.core.ice.credentials.usernameFragment }
    #expect(sides.map { $0.core.ice.remoteUsernameFragment } == [names[1], names[0]])
    #expect(told < 60, "they answer each other without end")
  }

  @Test("tell anew of every address, over UDP and TCP")
  func candidates() throws {
    var core = core(0, seed: 1, tcp: true)
    while core.pollSignal() != nil {}
    core.portMapped(SocketAddress(IPAddress(203, 0, 113, 1), port: 9), .udp, localPort: 4000)
    core.restart(at: Instant(nanoseconds: 2))
    var told: [Candidate] = []
    while let signal = core.pollSignal() {
      if case .description(let description) = signal.content { told = description.candidates }
    }
    #expect(
      Set(told.map(\.description)) == [
        "host udp 10.0.0.1:4000", "host tcp 10.0.0.1:4000", "srflx udp 203.0.113.1:9",
      ])
  }

  @Test("use an address again that was gone for a while")
  func returning() {
    let now = Instant(nanoseconds: 5)
    var core = core(0, seed: 1)
    let (home, away) = (IPAddress(10, 0, 0, 1), IPAddress(172, 16, 0, 1))
    for ip in [away, home] {
      core.refreshSocket(0, port: 4000, addresses: [ip], at: now)
      core.restart(at: now)
    }
    let base = core.base(of: .socket(0), home, .v4)
    #expect(base.map { core.bases[$0].local.ip } == home)
    #expect(base.map { core.ice.bases[$0].isGone } == false)
    #expect(core.base(of: .socket(0), nil, .v4) == base)
    #expect(core.samplingBase?.local.ip == home)
    core.refreshSocket(0, port: 4000, addresses: [], at: now)
    #expect(core.base(of: .socket(0), home, .v4) == nil)
  }

  @Test("aim at no address that no machine can have, in a model or a plan", arguments: [true, false])
  func model(isPlan: Bool) throws {
    let now = Instant(nanoseconds: 5)
    for ip in [IPAddress(127, 0, 0, 1), IPAddress(224, 0, 0, 1), IPAddress(v4: .max), IPAddress(v4: 0)] {
      var core = core(1, seed: 1)
      let sample = PortSample(
        localPort: 1, outside: SocketAddress(ip, port: 1), remote: Self.servers[0], sent: now)
      let model = try #require(PortModel(fitting: [sample]))
      if isPlan {
        let plan = SearchPlan(.birthday, opener: .accepter, profile: .normal, model: model, seed: 1)
        core.receive(PunchSignal(.search(plan, round: 0)), at: now)
        #expect(core.search.pendingPlan == nil)
      } else {
        core.receive(PunchSignal(.ports(PortReport(model: model))), at: now)
        #expect(core.search.theirs == nil)
      }
      #expect(core.ice.counters.refusals.total == 1)
    }
  }
}
