import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("A hole puncher with a relay")
struct RelayTests {
  private func connect(
    _ one: NATConfiguration, _ other: NATConfiguration, seed: UInt64,
    _ body: @escaping @Sendable (HolePuncher, HolePuncher) async throws -> Void
  ) async throws {
    let world = World(seed: seed) {
      Machine("alice").behind(one)
      Machine("bob").behind(other)
      Server("relay")
      Server("stun")
    }
    try await world.run { world in
      let (a, b) = HolePuncher.pair(
        on: world.machine("alice"), world.machine("bob"), try await .asking(world.machine("stun")),
        signalDelay: .milliseconds(50))
      try await a.start()
      try await b.start()
      // The tunnel to the relay is another's business: here it takes no time.
      let relay = world.machine("relay")
      await a.addRelay(try relay.bindUDP(to: SocketAddress(relay.address(), port: 4000)))
      try await body(a, b)
      await a.close()
      await b.close()
    }
  }

  @Test("uses it where nothing else will do", arguments: 1...3 as ClosedRange<UInt64>)
  func needed(seed: UInt64) async throws {
    try await connect(.symmetric, .symmetric, seed: seed) { a, b in
      let first = try await a.machine.withDeadline(.seconds(2)) { try await a.firstPath() }
      #expect(first.isRelayed)
      try await a.machine.sleep(for: .seconds(10))
      let paths = (await a.selectedPath, await b.selectedPath)
      #expect(paths.0?.isRelayed == true && paths.1?.isRelayed == true)
    }
  }

  @Test("goes on looking, and leaves the relay for a direct way", arguments: 1...3 as ClosedRange<UInt64>)
  func left(seed: UInt64) async throws {
    for other in [NATConfiguration.symmetric, .symmetricSequential, .portRestrictedCone] {
      try await connect(.portRestrictedCone, other, seed: seed) { a, b in
        _ = try await a.machine.withDeadline(.seconds(2)) { try await a.firstPath() }
        try await a.machine.sleep(for: .seconds(6))
        let paths = (await a.selectedPath, await b.selectedPath)
        #expect(paths.0?.isRelayed == false && paths.1?.isRelayed == false)
      }
    }
  }
}
