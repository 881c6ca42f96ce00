import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("A peer whose registry relays")
struct RelayedPeerTests {
  @Test(
    "connects with everyone, over the relay where nothing else leads there",
    arguments: [Place.public, .sequential, .random, .blocked, .firewall.speaking(.v6)])
  func everyone(alice: Place) async throws {
    for bob in [Place.public, .portRestricted, .random.overCarrier, .blocked, .firewall.speaking(.v6)] {
      var trial = PeerTrial(alice: alice, bob: bob)
      trial.relays = true
      for seed in 1...2 as ClosedRange<UInt64> {
        let outcome = try await trial.run(seed: seed).outcome
        #expect(outcome.firstByte != nil && outcome.agree, "\(alice) to \(bob), seed \(seed): \(outcome)")
      }
    }
  }

  @Test("is not relayed where it wants to be connected directly")
  func direct() async throws {
    var trial = PeerTrial(alice: .random, bob: .blocked)
    trial.relays = true
    trial.change = { $0.paths = .direct }
    #expect(try await trial.run(seed: 1).outcome.connected == nil)
    trial.bob = .portRestricted
    let outcome = try await trial.run(seed: 1).outcome
    #expect(outcome.connected != nil && !outcome.isRelayed)
  }

  /// What comes on the first stream of the first connection, and how long nothing came at most.
  private static func listen(to peer: Peer, in world: World) async throws -> ([UInt8], Duration) {
    for await connection in peer.connections {
      for await stream in connection.incomingStreams {
        var heard: [UInt8] = []
        var (last, longest) = (world.now, Duration.zero)
        while let bytes = try await stream.read() {
          longest = max(longest, last.duration(to: world.now))
          last = world.now
          heard += bytes
        }
        return (heard, longest)
      }
    }
    return ([], .zero)
  }

  /// Bytes that one says to the other, each at its time, and when they came.
  private func stream(
    _ alice: Place, _ bob: Place, seed: UInt64,
    _ meanwhile: @escaping @Sendable (World) async throws -> Void = { _ in }
  ) async throws -> (paths: [Bool], longestSilence: Duration) {
    let count = 400
    let world = World(seed: seed) {
      alice.node("alice")
      bob.node("bob")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    return try await world.run { world in
      let setting = try await PeerSetting(in: world, relays: true)
      let a = try await setting.peer("alice") { $0.search = .fast }
      let b = try await setting.peer("bob") { ($0.policy, $0.search) = (.everyone, .fast) }
      let connection = try await a.connect(to: b.id)
      var paths = [await connection.path.kind == .relayed]
      let stream = try await connection.openStream()
      let saying = a.machine.spawn("what is said") {
        for number in 0..<count {
          try await stream.write([UInt8(number >> 8), UInt8(number & 0xFF)])
          try await a.machine.sleep(for: .milliseconds(50))
        }
        try await stream.finish()
      }
      let changing = a.machine.spawn("what happens meanwhile") { try await meanwhile(world) }
      let (heard, longest) = try await b.machine.withDeadline(.seconds(60)) {
        try await Self.listen(to: b, in: world)
      }
      try await saying.value
      try await changing.value
      let said = (0..<count).flatMap { number in [UInt8(number >> 8), UInt8(number & 0xFF)] }
      #expect(heard == said, "seed \(seed)")
      paths.append(await connection.path.kind == .relayed)
      await a.close()
      await b.close()
      await setting.close()
      return (paths, longest)
    }
  }

  @Test(
    "leaves the relay when a direct way is found, in the middle of what is said",
    arguments: 1...10 as ClosedRange<UInt64>)
  func upgrade(seed: UInt64) async throws {
    let (paths, silence) = try await stream(.portRestricted, .random, seed: seed)
    #expect(paths.last == false, "seed \(seed)")
    #expect(silence <= .milliseconds(50) + PeerTrial.oneWay * 4, "seed \(seed): \(silence)")
  }

  @Test("falls back to the relay when the direct way is cut", arguments: 1...5 as ClosedRange<UInt64>)
  func cut(seed: UInt64) async throws {
    let (paths, silence) = try await stream(.portRestricted, .firewall, seed: seed) { world in
      try await world.machine("alice").sleep(for: .seconds(3))
      world.cut(from: "alice", to: "bob")
      world.cut(from: "bob", to: "alice")
    }
    #expect(paths == [false, true], "seed \(seed)")
    #expect(silence < .seconds(5), "seed \(seed): \(silence)")
  }

  @Test("leaves no relay behind, however often its ways are mended")
  func leavesNone() async throws {
    let world = World(seed: 1) {
      Place.portRestricted.node("alice")
      Place.firewall.node("bob")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    try await world.run { world in
      let setting = try await PeerSetting(in: world, relays: true)
      let a = try await setting.peer("alice")
      let b = try await setting.peer("bob") { $0.policy = .everyone }
      _ = try await a.connect(to: b.id)
      var most = 0
      for number in 0..<12 {
        await (number % 2 == 0 ? a : b).networkChanged()
        for _ in 0..<13 {
          try await a.machine.sleep(for: .seconds(1))
          most = max(most, await setting.server.relayAllocationCount)
        }
      }
      #expect(most > 0 && most <= 4)
      try await a.machine.sleep(for: .seconds(20))
      #expect(await setting.server.relayAllocationCount == 0)
      #expect(await a.connectedPeers == [b.id])
      await a.close()
      await b.close()
      await setting.close()
    }
  }
}
