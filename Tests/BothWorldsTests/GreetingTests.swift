import Testing
import Warren

@Suite("A peer that greets with its first packet")
struct GreetingTests {
  /// What bob hears on the streams of all connections that come.
  private actor Ear {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private(set) var heard: [[UInt8]] = []

    init(on machine: any Machine) { self.machine = machine }

    func listen(to peer: Peer) {
      machine.spawn("what is heard") {
        for await connection in peer.connections {
          self.machine.spawn("what is heard of one") {
            for await stream in connection.incomingStreams {
              if let bytes = try await stream.read() { self.hear(bytes) }
            }
          }
        }
      }
    }

    private func hear(_ bytes: [UInt8]) { heard.append(bytes) }

    func wait(for count: Int) async throws {
      while heard.count < count { try await machine.sleep(for: .milliseconds(1)) }
    }
  }

  private func say(_ byte: UInt8) -> @Sendable (Connection) async throws -> Void {
    { connection in
      let stream = try await connection.openStream()
      try await stream.write([byte])
      try await stream.finish()
    }
  }

  private func part(_ alice: Peer, _ bob: Peer) async throws {
    for peer in [alice, bob] {
      for other in [alice.id, bob.id] { await peer.connection(with: other)?.close() }
    }
    for peer in [alice, bob] {
      while await !peer.connectedPeers.isEmpty { try await alice.machine.sleep(for: .milliseconds(1)) }
    }
  }

  @Test(
    "is heard once, whether the two have met or not, and again where the other side has been started anew",
    arguments: TwoMachines.allCases)
  func greeting(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      func permits(_ configuration: inout Peer.Configuration) {
        configuration.policy = .everyone
        configuration.permitsEarlyData = true
      }
      let alice = try await scene.peer("Alice") { permits(&$0) }
      var bob = try await scene.peer("Bob", on: scene.machines.bob) { permits(&$0) }
      let ear = Ear(on: scene.machines.bob)
      await ear.listen(to: bob)
      try await alice.connect(to: bob.id, saying: self.say(1))
      try await ear.wait(for: 1)
      // Who is connected says it at once.
      try await alice.connect(to: bob.id, saying: self.say(2))
      try await ear.wait(for: 2)
      // What makes the next one early is there when this has been answered.
      try await alice.machine.sleep(for: .milliseconds(200))
      try await self.part(alice, bob)
      try await alice.connect(to: bob.id, saying: self.say(3))
      try await ear.wait(for: 3)
      try await alice.machine.sleep(for: .milliseconds(200))
      try await self.part(alice, bob)
      // Bob knows nothing any more of what he gave to Alice.
      let key = bob.configuration.key
      await bob.close()
      bob = try await scene.peer("Bob", on: scene.machines.bob) {
        permits(&$0)
        $0.key = key
      }
      await ear.listen(to: bob)
      try await alice.connect(to: bob.id, saying: self.say(4))
      try await ear.wait(for: 4)
      try await alice.machine.sleep(for: .milliseconds(200))
      #expect(await ear.heard == [[1], [2], [3], [4]])
      #expect(await alice.connectedPeers == [bob.id])
      #expect(await bob.connectedPeers == [alice.id])
      await alice.close()
      await bob.close()
    }
  }

  @Test(
    "is not heard early by who does not permit it, nor by who is not asked for",
    arguments: TwoMachines.allCases)
  func refused(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice") { $0.permitsEarlyData = true }
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .nobody }
      let error = await #expect(throws: PeerError.self) {
        try await alice.connect(to: bob.id, saying: self.say(1))
      }
      #expect(error?.code == .denied)
      let carol = try await scene.peer("Carol", on: scene.machines.bob) { $0.policy = .everyone }
      let ear = Ear(on: scene.machines.bob)
      await ear.listen(to: carol)
      for byte: UInt8 in 1...2 {
        try await alice.connect(to: carol.id, saying: self.say(byte))
        try await ear.wait(for: Int(byte))
        try await self.part(alice, carol)
      }
      #expect(await ear.heard == [[1], [2]])
      for peer in [alice, bob, carol] { await peer.close() }
    }
  }
}
