import TestSupport
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
      let (a, b) = HolePuncher.pair(
        on: world.machine("alice"), world.machine("bob"), try await .asking(world.machine("stun")))
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
