import TestSupport
import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("From a hole puncher's start to its end")
struct PuncherLifeTests {
  private func world() -> World {
    World(seed: 1) {
      Machine("alice")
      Machine("bob")
    }
  }

  private func configuration(_ transports: Set<TransportProtocol>) -> PunchConfiguration {
    var configuration = PunchConfiguration()
    configuration.transports = transports
    configuration.families = [.v4]
    return configuration
  }

  @Test("signals that come before the start are not lost", arguments: [TransportProtocol.udp, .tcp])
  func early(transport: TransportProtocol) async throws {
    try await world().run { world in
      let (a, b) = HolePuncher.pair(
        on: world.machine("alice"), world.machine("bob"), configuration([transport]))
      try await a.start()
      try await a.machine.sleep(for: .seconds(1))
      try await b.start()
      _ = try await a.machine.withDeadline(.seconds(1)) { try await a.firstPath() }
      await a.close()
      await b.close()
    }
  }

  @Test("who has UDP and TCP gets a connection for datagrams")
  func both() async throws {
    try await world().run { world in
      let (a, b) = HolePuncher.pair(
        on: world.machine("alice"), world.machine("bob"), configuration([.udp, .tcp]))
      try await a.start()
      try await b.start()
      let (one, other) = (try await a.connection(), try await b.connection())
      try await one.send([7])
      var datagrams = other.datagrams.makeAsyncIterator()
      #expect(await datagrams.next() == [7])
      await a.close()
      await b.close()
    }
  }

  @Test("once it is closed it does not start, and where it cannot start it is closed")
  func closed() async throws {
    try await world().run { world in
      let a = HolePuncher(on: world.machine("alice"), role: .controlling, configuration([.udp]))
      await a.close()
      await #expect(throws: PunchError.closed) { try await a.start() }
      var wrong = configuration([.udp])
      wrong.interface = "none of these"
      let b = HolePuncher(on: world.machine("bob"), role: .controlled, wrong)
      await #expect(throws: PunchError.noNetwork) { try await b.start() }
      await #expect(throws: PunchError.closed) { try await b.firstPath() }
    }
  }

  @Test("a port that STUN servers saw over TCP is kept while the other side is waited for")
  func patientTCP() async throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      var trial = PunchTrial(alice: .portRestricted, bob: .portRestricted)
      trial.transports = [.tcp]
      trial.signalDelay = .seconds(600)
      trial.limit = .seconds(700)
      let outcome = try await trial.run(seed: seed)
      #expect(outcome.isDirect && outcome.agree)
    }
  }
}
