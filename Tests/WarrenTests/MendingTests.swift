import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("A connection whose networks change")
struct MendingTests {
  /// Two peers that are connected, and what can be said over it.
  private struct Pair {
    let world: World
    let alice, bob: Peer
    let connection: Connection

    /// How long a word and its answer take.
    func ask() async throws -> Duration {
      let began = world.now
      let stream = try await connection.openStream()
      try await stream.write([1])
      try await stream.finish()
      #expect(try await stream.read() == [2])
      return began.duration(to: world.now)
    }
  }

  private func connect(
    _ alice: Place, _ bob: Place, seed: UInt64 = 1, _ body: @escaping @Sendable (Pair) async throws -> Void
  ) async throws {
    let world = World(seed: seed) {
      alice.node("alice")
      bob.node("bob")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      let a = try await setting.peer("alice")
      let b = try await setting.peer("bob") { $0.policy = .everyone }
      b.machine.spawn("bob's answers") {
        for await connection in b.connections {
          for await stream in connection.incomingStreams {
            _ = try await stream.read()
            try await stream.write([2])
            try await stream.finish()
          }
        }
      }
      let pair = Pair(world: world, alice: a, bob: b, connection: try await a.connect(to: b.id))
      _ = try await pair.ask()
      try await body(pair)
      await a.close()
      await b.close()
      await setting.close()
    }
  }

  private static let places: [Place] = [
    .public, .fullCone, .portRestricted, .firewall, .portRestricted.overCarrier,
  ]

  @Test("goes on where the caller's address is another", arguments: places, places)
  func callerMoves(alice: Place, bob: Place) async throws {
    try await connect(alice, bob) { pair in
      pair.world.machine("alice").renumber()
      let time = try await pair.ask()
      #expect(time < .seconds(4), "\(alice) to \(bob): \(time)")
      #expect(await pair.alice.connectedPeers == [pair.bob.id])
    }
  }

  @Test("goes on where the other side's address is another", arguments: places, places)
  func otherMoves(alice: Place, bob: Place) async throws {
    try await connect(alice, bob) { pair in
      pair.world.machine("bob").renumber()
      let time = try await pair.ask()
      #expect(time < .seconds(4), "\(alice) to \(bob): \(time)")
    }
  }

  @Test(
    "goes on where a NAT has forgotten it, and is elsewhere", arguments: ["alice", "bob"], [false, true])
  func rebooted(whose: String, renumbering: Bool) async throws {
    try await connect(.portRestricted, .portRestricted) { pair in
      pair.world.box("\(whose)'s NAT").reboot(renumbering: renumbering)
      let time = try await pair.ask()
      #expect(time < .seconds(8), "\(time)")
    }
  }

  @Test("goes on where both have moved at once")
  func bothMove() async throws {
    try await connect(.portRestricted, .firewall) { pair in
      pair.world.machine("alice").renumber()
      pair.world.machine("bob").renumber()
      let time = try await pair.ask()
      #expect(time < .seconds(8), "\(time)")
    }
  }

  @Test("lives, however often its peers look for a better way", arguments: 1...5 as ClosedRange<UInt64>)
  func often(seed: UInt64) async throws {
    try await connect(.portRestricted, .firewall, seed: seed) { pair in
      for number in 0..<40 {
        await (number % 2 == 0 ? pair.alice : pair.bob).networkChanged()
        try await pair.alice.machine.sleep(for: .milliseconds(2500))
        #expect(try await pair.ask() < .seconds(1))
      }
    }
  }
}
