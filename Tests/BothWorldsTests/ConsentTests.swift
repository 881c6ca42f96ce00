import Testing
import WarrenLaboratory
import WarrenSimulator

@testable import Warren
@testable import WarrenRegistry

/// Bob is behind a NAT that lets everything in: nothing but his program keeps a stranger out.
@Suite("Without consent")
struct ConsentTests {
  /// What bob answers to mallory.
  enum Answer: CaseIterable {
    case nobody, others, denied, decided, silence
    case yes, later

    var isYes: Bool { self == .yes || self == .later }
  }

  /// Packets that pass between two on the internet. Used on the world's thread alone.
  private final class Wire: @unchecked Sendable {
    var packets: [(at: Instant, from: IPAddress, to: SocketAddress)] = []

    init(_ world: World, seenBy name: String) {
      world.machine(name).eavesdrop { [unowned world] packet in
        self.packets.append((world.now, packet.source.ip, packet.destination))
      }
    }

    func count(from: IPAddress, to: IPAddress, before end: Instant? = nil) -> Int {
      packets.count { $0.from == from && $0.to.ip == to && (end == nil || $0.at < end!) }
    }
  }

  private static func world(_ seed: UInt64) -> World {
    World(seed: seed) {
      NAT("home", .fullCone) {
        Machine("bob")
        Machine("neighbour")
      }
      Machine("mallory")
      Machine("victim")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
  }

  private func policy(_ answer: Answer) -> Peer.Policy {
    switch answer {
    case .nobody: .nobody
    case .others: .only([])
    case .decided: .decide { _, _ in false }
    case .denied, .silence, .later: .ask
    case .yes: .everyone
    }
  }

  private func answer(_ answer: Answer, _ bob: Peer) {
    bob.machine.spawn("bob answers") {
      for await request in bob.requests {
        switch answer {
        case .denied: await request.deny(reason: "not today")
        case .later:
          try await bob.machine.sleep(for: .seconds(7))
          // Whoever has no first packets is let in, and does not come.
          _ = try? await request.accept()
        default: break
        }
      }
    }
  }

  @Test("nothing of bob's reaches who wants to connect, and it is told no", arguments: Answer.allCases)
  func packets(answer: Answer) async throws {
    let world = Self.world(1)
    try await world.run { world in
      let wire = Wire(world, seenBy: "mallory")
      let setting = try await PeerSetting(in: world)
      let bob = try await setting.peer("bob") { $0.policy = policy(answer) }
      self.answer(answer, bob)
      let mallory = try await setting.peer("mallory")
      let (home, away) = (world.box("home").outsideAddress, world.machine("mallory").address())
      let began = world.now
      var failures: [PeerError] = []
      for byName in [true, false] {
        do {
          let connection =
            byName ? try await mallory.connect(to: "bob") : try await mallory.connect(to: bob.id)
          #expect(answer.isYes && connection.peer == bob.id)
        } catch let error as PeerError {
          failures.append(error)
        }
      }
      let consent = answer == .later ? began.advanced(by: .seconds(7)) : nil
      if answer.isYes {
        #expect(wire.count(from: home, to: away) > 0 && failures.isEmpty)
        if let consent { #expect(wire.count(from: home, to: away, before: consent) == 0) }
      } else {
        try await mallory.machine.sleep(for: .seconds(60))
        #expect(wire.count(from: home, to: away) == 0)
        #expect(failures.count == 2 && failures.allSatisfy { [.denied, .notReachable].contains($0.code) })
        if answer == .denied { #expect(failures.allSatisfy { $0.reason == "not today" }) }
        if answer != .silence { #expect(failures.allSatisfy { $0.code == .denied }) }
      }
      await bob.close()
      await mallory.close()
      await setting.close()
    }
  }

  @Test("who is started anew before he has answered is asked again, and answers")
  func startedAnew() async throws {
    let world = Self.world(3)
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      var random = world.machine("bob").random
      let key = PrivateKey(using: &random)
      let before = try await setting.peer("bob") { ($0.key, $0.policy) = (key, .ask) }
      let mallory = try await setting.peer("mallory")
      let call = mallory.machine.spawn("a call") { try await mallory.connect(to: "bob") }
      for await _ in before.requests { break }
      await before.close()
      try await mallory.machine.sleep(for: .seconds(2))
      let bob = try await setting.peer("bob") { ($0.key, $0.policy) = (key, .everyone) }
      #expect(try await call.value.peer == bob.id)
      await bob.close()
      await mallory.close()
      await setting.close()
    }
  }

  @Test("the registry says nothing of where he is", arguments: Answer.allCases)
  func words(answer: Answer) async throws {
    let world = Self.world(2)
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      let bob = try await setting.peer("bob") { $0.policy = policy(answer) }
      self.answer(answer, bob)
      var address = setting.address
      address.host = "\(world.machine("registry").address())"
      let mallory = try await RegistryVisitor(on: world.machine("mallory"), of: address) {
        $0.keepAlive = .seconds(10)
      }
      let name = RegistryTarget.name(try RegistryName("bob"))
      for target in [name, .key(bob.id)] {
        _ = try await mallory.ask(.find(target))
        try await mallory.say(.introduce(Introduction.Request(target, at: [])), as: 5)
        let reply = try await mallory.answer(to: 5)
        if case .accepted = reply { #expect(answer.isYes) } else { #expect(!answer.isYes) }
      }
      _ = try await mallory.ask(.list(from: nil))
      for ip in [world.box("home").outsideAddress, world.machine("bob").address()] {
        let bits = withUnsafeBytes(of: ip.v4Bits.bigEndian) { Array($0) }
        let isSaid = mallory.bytes.indices.contains { mallory.bytes[$0...].starts(with: bits) }
        #expect(isSaid == answer.isYes, "\(ip)")
      }
      await mallory.close()
      await bob.close()
      await setting.close()
    }
  }

  @Test("nobody is sent anything because a caller says that it is there")
  func victims() async throws {
    let world = Self.world(3)
    try await world.run { world in
      let wire = Wire(world, seenBy: "mallory")
      let inside = Wire(world, seenBy: "neighbour")
      let setting = try await PeerSetting(in: world)
      let bob = try await setting.peer("bob") { $0.policy = .everyone }
      var address = setting.address
      address.host = "\(world.machine("registry").address())"
      let mallory = try await RegistryVisitor(on: world.machine("mallory"), of: address)
      var random = mallory.machine.random
      let endpoint = QUICEndpoint(
        on: mallory.machine, try QUICIdentity(mallory.key), QUICConfiguration(protocols: ["warren/1"]))
      try await endpoint.bind()
      let handshake = try await endpoint.beginHandshake(with: bob.id, protocols: nil)
      let victim = world.machine("victim").address()
      let lies = (1...16).map { SocketAddress(victim, port: $0) }
      let forged = lies.prefix(4).map { AttestedAddress($0, proof: random.next()) }
      _ = try await mallory.ask(.register(Announcement(at: lies, attested: forged, relayed: forged)))
      let flight = Introduction.Content(flight: await handshake.flight)
      let reply = try await mallory.ask(.introduce(Introduction.Request(.key(bob.id), at: lies, flight)))
      guard case .accepted(let answer) = reply else {
        Issue.record("she is not let in")
        return
      }
      // As often as she likes, and in each private network that there may be: bob tries no more than he must.
      for number in 0..<60 {
        let homes = (0..<15).map { SocketAddress(IPAddress(10, 9, UInt8(number), UInt8($0)), port: 9) }
        _ = try await mallory.ask(
          .register(Announcement(at: number % 2 == 0 ? lies : homes, attested: forged, relayed: forged)))
      }
      #expect(await bob.approaches.map(\.seen.count) == [PeerLimits.seenAddresses])
      let description = ICEDescription(
        usernameFragment: "abcd", password: "aPasswordThatIsLongEnough",
        candidates: lies.map { Candidate(.host, at: $0, priority: 1, foundation: "h") })
      try await mallory.say(
        .signal(answer.id, PeerSignal.punch(PunchSignal(.description(description))).encoded))
      try await mallory.machine.sleep(for: .seconds(60))
      let home = world.box("home").outsideAddress
      #expect(wire.count(from: home, to: world.machine("mallory").address()) > 0)
      #expect(wire.count(from: home, to: victim) == 0)
      let tried = Set(
        inside.packets.map(\.to.ip).filter { $0.isPrivate && $0 != world.machine("bob").address() })
      #expect(tried.count <= PeerLimits.seenAddresses, "\(tried.count) addresses in bob's own network")
      await handshake.cancel()
      await endpoint.close()
      await mallory.close()
      await bob.close()
      await setting.close()
    }
  }

  @Test("one who comes again and again with nothing in its hands is but a few")
  func importunate() async throws {
    let world = Self.world(4)
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      let bob = try await setting.peer("bob") { $0.policy = .everyone }
      var address = setting.address
      address.host = "\(world.machine("registry").address())"
      let mallory = try await RegistryVisitor(on: world.machine("mallory"), of: address)
      var random = mallory.machine.random
      let endpoint = QUICEndpoint(
        on: mallory.machine, try QUICIdentity(mallory.key), QUICConfiguration(protocols: ["warren/1"]))
      try await endpoint.bind()
      var most = 0
      for _ in 0..<100 {
        let handshake = try await endpoint.beginHandshake(with: bob.id, protocols: nil)
        let isRubbish = Bool.random(using: &random)
        let flight = isRubbish ? [[UInt8](repeating: 0xC0, count: 1200)] : await handshake.flight
        let content = Introduction.Content(flight: flight)
        _ = try await mallory.ask(.introduce(Introduction.Request(.key(bob.id), at: [], content)))
        try await mallory.machine.sleep(for: .milliseconds(400))
        most = max(most, await bob.approaches.count)
        await handshake.cancel()
      }
      // It may have dialled by its name and by its key at once, and have a connection by either.
      #expect(most <= PeerLimits.introductionsOfOne)
      let alice = try await setting.peer("victim")
      #expect(try await alice.connect(to: bob.id).peer == bob.id)
      for peer in [alice, bob] { await peer.close() }
      await endpoint.close()
      await mallory.close()
      await setting.close()
    }
  }
}
