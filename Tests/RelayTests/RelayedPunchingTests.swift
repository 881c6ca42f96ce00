import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenRelay

@Suite("A hole puncher with a relayed socket")
struct RelayedPunchingTests {
  @Test(
    "gets through by it where nothing else will do, and the relay lets in whom it must",
    arguments: 1...5 as ClosedRange<UInt64>)
  func punches(seed: UInt64) async throws {
    let world = World(seed: seed) {
      Machine("alice").behind(.symmetric)
      Machine("bob").behind(.symmetric)
      Server("relay")
    }
    try await world.run { world in
      let (alice, machine) = (world.machine("alice"), world.machine("relay"))
      let relay = ScriptedRelay(on: machine)
      let address = try await relay.start(at: SocketAddress(machine.address(), port: 3478))
      let stun = STUNServer(on: machine)
      let question = try await stun.start(at: SocketAddress(machine.address(), port: 3479)).primary
      var configuration = PunchConfiguration()
      configuration.stunServers = [question]
      let (a, b) = HolePuncher.pair(
        on: alice, world.machine("bob"), configuration, signalDelay: .milliseconds(50))
      let socket = try await RelayClient.allocate(at: [RelayedSocketTests.server(address)], on: alice)
      try await a.start()
      try await b.start()
      await a.addRelay(socket)
      let path = try await alice.withDeadline(.seconds(5)) { try await a.firstPath() }
      #expect(path.isRelayed)
      try await alice.sleep(for: .seconds(5))
      let (here, there) = (await a.selectedPath, await b.selectedPath)
      #expect(here?.isRelayed == true && there?.isRelayed == true)
      #expect(await relay.carried.channels > 0)
      await a.close()
      await b.close()
      socket.close()
      try await alice.sleep(for: .seconds(1))
      #expect(await relay.core.allocations.isEmpty)
      await relay.stop()
      await stun.stop()
    }
  }
}
