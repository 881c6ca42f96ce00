import Testing
import Warren
import WarrenSimulator

@Suite("Two whom only a relay connects")
struct HopelessTests {
  /// What a puncher says, until it is closed.
  private func events(of puncher: HolePuncher) -> Task<[PunchEvent], any Error> {
    puncher.machine.spawn("events") {
      var events: [PunchEvent] = []
      for await event in puncher.events { events.append(event) }
      return events
    }
  }

  @Test("are both told why, as soon as both know, and again when they give up")
  func told() async throws {
    let world = World(seed: 1) {
      Machine("alice").behind(.symmetric)
      Machine("bob").behind(.symmetric)
      Server("stun")
    }
    try await world.run { world in
      let stun = world.machine("stun")
      var configuration = PunchConfiguration()
      configuration.families = [.v4]
      for port in [3478, 3479] as [UInt16] {
        let address = SocketAddress(stun.address(), port: port)
        try await STUNServer(on: stun).start(at: address)
        configuration.stunServers.append(address)
      }
      let a = HolePuncher(on: world.machine("alice"), role: .controlling, configuration)
      let b = HolePuncher(on: world.machine("bob"), role: .controlled, configuration)
      for (from, to) in [(a, b), (b, a)] {
        from.machine.spawn("signals") { for await signal in from.signals { await to.receive(signal) } }
      }
      let told = [events(of: a), events(of: b)]
      try await a.start()
      try await b.start()
      let start = world.now
      await #expect(throws: PunchError.noPath(because: .bothHidden)) { try await a.firstPath() }
      #expect(start.duration(to: world.now) < .seconds(50))
      await a.close()
      await b.close()
      for events in told {
        #expect(try await events.value.first == .needsRelay(.bothHidden))
      }
      #expect(PunchError.noPath(because: .bothHidden).description.contains("use a relay"))
    }
  }
}
