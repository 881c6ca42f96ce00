import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@testable import WarrenRegistry

/// What needs more time than a test on a real clock has.
@Suite("A registry's patience")
struct PatientRegistryTests {
  typealias Guest = RegistryServerTests.Guest

  /// A registry in a world, and one who watches whether it serves.
  private struct Scene: Sendable {
    let world: World
    let server: RegistryServer
    let address: RegistryAddress

    init(
      _ world: World, _ change: (inout RegistryServer.Configuration) -> Void = { _ in }
    ) async throws {
      self.world = world
      let machine = world.machine("registry")
      var random = machine.random
      var configuration = RegistryServer.Configuration()
      change(&configuration)
      server = RegistryServer(
        Registry(on: machine), on: machine, key: PrivateKey(using: &random), configuration)
      var address = try await server.start(at: .any(.v4))
      address.host = "\(machine.address())"
      self.address = address
    }

    func visitor(
      _ name: String, over carrier: RegistryVisitor.Carrier = .quic,
      _ change: (inout QUICConfiguration) -> Void = { _ in }
    ) async throws -> RegistryVisitor {
      try await RegistryVisitor(on: world.machine(name), of: address, over: carrier, change)
    }

    /// What waits for a peer.
    func unsent(_ peer: PeerID) -> Int {
      server.assumeIsolated { $0.sessions[peer]?.outgoing.bytes.count ?? 0 }
    }
  }

  @Test("ends with who connects and says nothing, and with who stops in the middle of a word")
  func silence() async throws {
    let world = World(seed: 1) {
      Server("registry")
      Machine("mallory")
      Machine("alice")
    }
    try await world.run { world in
      let scene = try await Scene(world) { $0.sessionsPerAddress = 80 }
      let mallory = world.machine("mallory")
      let remote = SocketAddress(world.machine("registry").address(), port: scene.address.port)
      // TCP, and not a word: no more than their share are let in, and they have to go.
      var callers: [any TCPConnection] = []
      for _ in 0..<70 { callers.append(try await mallory.connectTCP(to: remote)) }
      try await mallory.sleep(for: .seconds(1))
      #expect(await scene.server.counters.turnedAway == 70 - RegistryLimits.strangersOfAddress)
      let alice = try await scene.visitor("alice", over: .tls)
      #expect(try await alice.refusal(of: .list(from: nil)) == nil)
      try await mallory.sleep(for: RegistryLimits.answerPatience + .seconds(1))
      let late = try await scene.visitor("mallory", over: .tls)
      #expect(try await late.refusal(of: .list(from: nil)) == nil)
      for caller in callers { caller.close() }
      // QUIC that is kept alive, without a stream.
      var random = mallory.random
      var configuration = QUICConfiguration(protocols: [RegistryMessage.protocolName])
      configuration.keepAlive = .seconds(5)
      let endpoint = QUICEndpoint(on: mallory, try QUICIdentity(PrivateKey(using: &random)), configuration)
      try await endpoint.bind()
      let silent = try await endpoint.connect(to: remote, expecting: scene.address.key)
      let began = world.now
      _ = try await silent.closed()
      #expect(began.duration(to: world.now) < RegistryLimits.answerPatience + .seconds(1))
      for visitor in [alice, late] { await visitor.close() }
      while await scene.server.sessionCount > 0 { try await mallory.sleep(for: .milliseconds(100)) }
      // A session over each, that stops in the middle of a message.
      for carrier in RegistryVisitor.Carrier.allCases {
        let visitor = try await scene.visitor("mallory", over: carrier)
        #expect(try await visitor.refusal(of: .list(from: nil)) == nil)
        try await visitor.link.write([1, 0, 1])
        let began = world.now
        while await scene.server.sessionCount > 0 { try await mallory.sleep(for: .milliseconds(100)) }
        let time = began.duration(to: world.now)
        #expect(time > RegistryLimits.silence - .seconds(1) && time < RegistryLimits.silence + .seconds(2))
        await visitor.close()
      }
      await endpoint.close()
      await scene.server.stop()
    }
  }

  @Test(
    "ends with who never listens, and until then keeps no more for it than it must", arguments: [false, true])
  func deaf(asksToo: Bool) async throws {
    let world = World(seed: 2) {
      Server("registry")
      Machine("mallory")
      Machine("alice")
    }
    try await world.run { world in
      let scene = try await Scene(world) {
        $0.messages = RequestRate(perSecond: 10_000, atOnce: 100_000)
        $0.introductions = RequestRate(perSecond: 1000, atOnce: 10_000)
      }
      let mallory = try await scene.visitor("mallory") {
        // It takes what little it must, and keeps alive.
        $0.streamWindow = 4096
        $0.largestStreamWindow = 4096
        $0.keepAlive = .seconds(5)
      }
      #expect(try await mallory.ask(.register(Announcement(consent: .everyone))) == .done)
      let id = mallory.key.peerID
      let alice = try await scene.visitor("alice")
      #expect(try await alice.refusal(of: .list(from: nil)) == nil)
      let content = Introduction.Content(signal: [UInt8](repeating: 1, count: RegistryLimits.signalBytes))
      if asksToo {
        world.machine("mallory").spawn("questions") {
          while true { try await mallory.say(.find(.key(id)), as: 5) }
        }
      }
      let began = world.now
      var most = 0
      var refused = 0
      while await scene.server.sessionCount == 2, began.duration(to: world.now) < .seconds(100) {
        let request = Introduction.Request(.key(id), at: [], content)
        switch try await alice.ask(.introduce(request)) {
        case .accepted(let answer): try await alice.say(.end(answer.id))
        case .failed(let error):
          // Its registration ends soon, too, as it is not renewed.
          #expect(error.code == .notReachable || error.code == .notRegistered)
          refused += 1
        default: Issue.record("that is no answer")
        }
        most = max(most, scene.unsent(id))
      }
      #expect(began.duration(to: world.now) < RegistryLimits.silence + .seconds(5))
      #expect(await scene.server.sessionCount == 1)
      #expect(most > 100_000 && most <= RegistryLimits.unsentBytes + 512, "\(most) bytes")
      #expect(refused > 10 || asksToo)
      #expect(try await alice.refusal(of: .list(from: nil)) == nil)
      await mallory.close()
      await alice.close()
      await scene.server.stop()
    }
  }

  @Test("with who has a slow line is not used up by others, however much they say to it")
  func talkedOut() async throws {
    var configuration = World.Configuration()
    configuration.access.bitsPerSecond = 50_000_000
    var slow = LinkConfiguration.access
    slow.bitsPerSecond = 1_000_000
    let line = slow
    let world = World(seed: 3, configuration: configuration) {
      Server("registry")
      Machine("mallory")
      Machine("alice").linked(line)
    }
    try await world.run { world in
      let scene = try await Scene(world)
      let alice = try await Guest(on: world.machine("alice"), of: scene.address)
      try await alice.client.announce(Announcement(consent: .everyone))
      let mallory = try await scene.visitor("mallory")
      let target = RegistryTarget.key(alice.key.peerID)
      guard case .accepted(let answer) = try await mallory.ask(.introduce(.init(target, at: []))) else {
        Issue.record("the two are not brought together")
        return
      }
      let noise = [UInt8](repeating: 1, count: RegistryLimits.signalBytes)
      for _ in 0..<900 { try await mallory.say(.signal(answer.id, noise)) }
      // She is there all the while, and is answered.
      for _ in 0..<10 {
        #expect(try await alice.client.find(target).owner == .key(alice.key.peerID))
        try await alice.endpoint.machine.sleep(for: .seconds(1))
      }
      let counters = await scene.server.counters
      #expect(counters.sessions == 2 && counters.tooFast > 0)
      #expect(await scene.server.sessionCount == 2)
      await mallory.close()
      await alice.close()
      await scene.server.stop()
    }
  }

  @Test(
    "is not tried by two programs with one key, which get in each other's way slowly",
    arguments: [false, true])
  func sameKey(isBlocked: Bool) async throws {
    let place = isBlocked ? Place.blocked : Place.public
    let world = World(seed: 4) {
      Server("registry")
      place.node("alice")
      place.node("double")
    }
    try await world.run { world in
      let scene = try await Scene(world)
      let alice = try await Guest(on: world.machine("alice"), of: scene.address)
      try await alice.client.announce(Announcement(named: try RegistryName("alice")))
      let double = try await Guest(on: world.machine("double"), of: scene.address, key: alice.key)
      let reason = try await alice.next { if case .lost(let reason, _) = $0 { reason } else { nil } }
      #expect(isBlocked || reason.contains("a key is for one program at a time"), "\(reason)")
      try await world.machine("alice").sleep(for: .seconds(600))
      let sessions = await scene.server.counters.sessions
      // Twice a minute each over QUIC, where they are told; over TLS as after any loss.
      #expect(sessions > 4 && sessions < (isBlocked ? 200 : 30), "\(sessions) sessions in ten minutes")
      // When the other has gone, it is served again.
      await double.close()
      let machine = alice.endpoint.machine
      try await machine.sleep(for: RegistryLimits.replacedPause)
      let name = try RegistryName("alice")
      #expect(try await alice.client.find(.name(name)).owner == .key(alice.key.peerID))
      await alice.close()
      await scene.server.stop()
    }
  }

  @Test(
    "is one session, whichever of QUIC and TLS is the faster",
    arguments: stride(from: 250, through: 700, by: 25).map { $0 })
  func race(oneWay: Int) async throws {
    var configuration = World.Configuration()
    configuration.access.latency = .milliseconds(oneWay) / 2
    let world = World(seed: 5, configuration: configuration) {
      Server("registry")
      Machine("alice")
    }
    try await world.run { world in
      let scene = try await Scene(world)
      let alice = try await Guest(on: world.machine("alice"), of: scene.address)
      try await alice.client.announce(Announcement())
      try await world.machine("alice").sleep(for: .seconds(60))
      #expect(await scene.server.counters.sessions == 1)
      await alice.close()
      var events: [RegistryEvent] = []
      for await event in alice.events { events.append(event) }
      #expect(!events.contains { if case .lost = $0 { true } else { false } }, "\(events)")
      await scene.server.stop()
    }
  }

  @Test("is not called any more from a machine that is closed", .timeLimit(.minutes(1)))
  func closedMachine() async throws {
    let world = World(seed: 7) {
      Server("registry")
      Machine("alice")
    }
    try await world.run { world in
      let scene = try await Scene(world)
      let alice = try await Guest(on: world.machine("alice"), of: scene.address)
      try await alice.client.announce(Announcement())
      // Nothing is closed but the machines, when the run ends.
    }
  }

  /// What speaks as a registry does, and says what a test has it say; and where a client finds it.
  private func strangeRegistry(
    on machine: SimulatedMachine
  ) async throws -> (endpoint: QUICEndpoint, local: SocketAddress, address: RegistryAddress) {
    var random = machine.random
    let key = PrivateKey(using: &random)
    let endpoint = QUICEndpoint(
      on: machine, try QUICIdentity(key), QUICConfiguration(protocols: [RegistryMessage.protocolName]))
    let local = try await endpoint.bind()
    return (
      endpoint, local, RegistryAddress(host: "\(machine.address())", port: local.port, key: key.peerID)
    )
  }

  @Test(
    "is called once more where it has taken a connection and welcomes nobody, before who waits is told that it does not answer"
  )
  func unwelcoming() async throws {
    let world = World(seed: 8) {
      Server("registry")
      Machine("alice")
    }
    try await world.run { world in
      let machine = world.machine("registry")
      let (endpoint, local, address) = try await strangeRegistry(on: machine)
      machine.spawn("a registry whose first word gets lost") {
        var isFirst = true
        for await connection in endpoint.connections {
          defer { isFirst = false }
          if isFirst { continue }
          machine.spawn("a session") {
            for await stream in connection.incomingStreams {
              var writer = MessageWriter()
              RegistryMessage.welcome(observed: local, lifetime: .seconds(30)).write(as: 0, into: &writer)
              try await stream.write(writer.bytes)
            }
          }
        }
      }
      let began = world.now
      let alice = try await Guest(on: world.machine("alice"), of: address)
      _ = try await alice.next { if case .connected(let observed) = $0 { observed } else { nil } }
      #expect(began.duration(to: world.now) < RegistryLimits.answerPatience)
      await alice.close()
      await endpoint.close()
    }
  }

  /// What something that is no registry, or none in its right mind, says to whoever connects.
  enum Nonsense: CaseIterable {
    case nothing, rubbish, end, close, onlyHello, wrongAnswers
  }

  @Test(
    "is the client's, too: what is no registry is not called in a storm, and nothing is left of it",
    arguments: Nonsense.allCases)
  func nonsense(kind: Nonsense) async throws {
    let world = World(seed: 6) {
      Server("registry")
      Machine("alice")
    }
    try await world.run { world in
      let machine = world.machine("registry")
      let (endpoint, local, address) = try await strangeRegistry(on: machine)
      let id = try #require(address.key)
      let count = Guarded(0)
      machine.spawn("no registry") {
        for await connection in endpoint.connections {
          count.withLock { $0 += 1 }
          machine.spawn("no session") {
            for await stream in connection.incomingStreams {
              var writer = MessageWriter()
              RegistryMessage.welcome(observed: local, lifetime: .zero).write(as: 0, into: &writer)
              if kind != .nothing { try await stream.write(writer.bytes) }
              switch kind {
              case .nothing, .onlyHello: break
              case .rubbish: try await stream.write([0, 0, 0])
              case .end: try await stream.finish()
              case .close: await connection.close(code: 77)
              case .wrongAnswers:
                var writer = MessageWriter()
                for request: UInt32 in [0, 1, 2, .max] {
                  for message in [
                    .done, .hello, .seen(9, addresses: []), .end(9), .signal(9, [1]),
                    .accepted(Introduction.Answer(id: 9, peer: id, addresses: [])),
                  ] as [RegistryMessage] {
                    message.write(as: request, into: &writer)
                  }
                }
                while try await stream.read() != nil { try await stream.write(writer.bytes) }
              }
            }
          }
        }
      }
      let alice = try await Guest(on: world.machine("alice"), of: address)
      let error = await #expect(throws: RegistryError.self) {
        try await alice.client.patiently(.seconds(60)) { try await $0.find(.key(id)) }
      }
      switch kind {
      case .nothing, .rubbish, .end, .close: #expect(error?.code == .noRegistry)
      case .onlyHello: #expect(error?.code == .other)
      case .wrongAnswers: #expect(error?.code == .badMessage)
      }
      try await world.machine("alice").sleep(for: .seconds(300))
      #expect(count.withLock { $0 } < 30, "\(count.withLock { $0 }) connections in five minutes")
      #expect(await alice.endpoint.connectionCount <= 2)
      await alice.close()
      await endpoint.close()
    }
  }
}

extension RegistryClient {
  /// What takes too long is an error of its own.
  fileprivate func patiently<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable (RegistryClient) async throws -> Value
  ) async throws -> Value {
    do {
      return try await machine.withDeadline(limit) { try await body(self) }
    } catch is DeadlineExceeded {
      throw RegistryError(.other, "it took too long")
    }
  }
}
