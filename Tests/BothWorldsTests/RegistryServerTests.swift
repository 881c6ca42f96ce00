import TestSupport
import Testing
import Warren
import WarrenCrypto
import WarrenQUIC
import WarrenRegistry

@Suite("A registry on the network")
struct RegistryServerTests {
  /// A peer's endpoint, its client, and what has happened to it.
  final class Guest: Sendable {
    let key: PrivateKey
    let endpoint: QUICEndpoint
    let client: RegistryClient
    let events: AsyncStream<RegistryEvent>

    init(
      on machine: any Machine, of address: RegistryAddress, _ family: IPAddress.Family = .v4,
      key: PrivateKey? = nil
    ) async throws {
      var random = machine.random
      let key = key ?? PrivateKey(using: &random)
      self.key = key
      endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["warren/1"]))
      try await endpoint.bind(to: .any(family))
      client = try RegistryClient(address, over: endpoint, with: key)
      events = client.events
      await client.start()
    }

    /// The next event that is wanted; others are passed over.
    func next<Value>(_ wanted: (RegistryEvent) -> Value?) async throws -> Value {
      for await event in events { if let value = wanted(event) { return value } }
      throw RegistryError(.other, "there are no more events")
    }

    func close() async {
      await client.close()
      await endpoint.close()
    }
  }

  struct Setting {
    let machines: TwoMachines.Pair
    let server: RegistryServer
    let address: RegistryAddress
    let alice, bob: Guest
  }

  private func run(
    _ world: TwoMachines,
    _ change: @escaping @Sendable (inout RegistryServer.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (Setting) async throws -> Void
  ) async throws {
    try await world.run { machines in
      let server = try await Self.server(on: machines.bob, change)
      var address = try await server.start()
      address.host = "\(machines.bobIP(.v4))"
      let alice = try await Guest(on: machines.alice, of: address)
      let bob = try await Guest(on: machines.alice, of: address)
      try await body(Setting(machines: machines, server: server, address: address, alice: alice, bob: bob))
      await alice.close()
      await bob.close()
      await server.stop()
    }
  }

  private static func server(
    on machine: any Machine, key: PrivateKey? = nil,
    _ change: (inout RegistryServer.Configuration) -> Void = { _ in }
  ) async throws -> RegistryServer {
    var random = machine.random
    var terms = Registry.Configuration()
    terms.permitsLoopback = true
    var configuration = RegistryServer.Configuration()
    change(&configuration)
    return RegistryServer(
      Registry(on: machine, terms), on: machine, key: key ?? PrivateKey(using: &random), configuration)
  }

  @Test("tells who is there, and where only to those who may know", arguments: TwoMachines.allCases)
  func finds(world: TwoMachines) async throws {
    try await run(world) { setting in
      let (alice, bob) = (setting.alice, setting.bob)
      let name = try RegistryName("Bob")
      let home = SocketAddress(IPAddress(10, 1, 2, 3), port: 9)
      let stranger = SocketAddress(IPAddress(198, 51, 100, 7), port: 9)
      try await bob.client.announce(Announcement(named: name, consent: .ask, at: [home, stranger]))
      var found = try await alice.client.find(.name(name))
      #expect(found.owner == .key(bob.key.peerID) && found.name == name && found.addresses.isEmpty)
      try await bob.client.announce(
        Announcement(named: name, isListed: false, consent: .only([alice.key.peerID]), at: [home, stranger]))
      found = try await alice.client.find(.key(bob.key.peerID))
      let observed = await bob.client.observedAddress
      #expect(found.addresses == [observed, home])
      #expect(observed?.ip == setting.machines.aliceIP(.v4))
      #expect(try await alice.client.list().registrations.isEmpty)
      try await bob.client.rename(to: RegistryName("Robert"))
      #expect(try await alice.client.find(.name(RegistryName("robert"))).owner == found.owner)
      try await bob.client.withdraw()
      let gone = await #expect(throws: RegistryError.self) {
        try await alice.client.find(.key(bob.key.peerID))
      }
      #expect(gone?.code == .notRegistered)
    }
  }

  @Test("tells of who is hidden only where it says that it is, in all roles", arguments: TwoMachines.allCases)
  func hides(world: TwoMachines) async throws {
    try await run(world) { setting in
      let (alice, bob) = (setting.alice, setting.bob)
      let home = SocketAddress(IPAddress(10, 1, 2, 3), port: 9)
      let hidden = Announcement(
        named: try RegistryName("Bob"), consent: .everyone, at: [home], isHidden: true)
      try await bob.client.announce(hidden)
      #expect(try await alice.client.find(.key(bob.key.peerID)).addresses == [home])
      #expect(try await alice.client.introduce(.init(.key(bob.key.peerID), at: [])).addresses == [home])
      try await alice.client.announce(Announcement(consent: .everyone))
      let answer = try await bob.client.introduce(.init(.key(alice.key.peerID), at: []))
      let introduced = try await alice.next { if case .introduced(let it) = $0 { it } else { nil } }
      #expect(introduced.id == answer.id && introduced.addresses.isEmpty)
      // Whoever knows it is told of what is new.
      try await bob.client.announce(hidden)
      let seen = try await alice.next { event -> [SocketAddress]? in
        if case .seen(_, let addresses, _) = event { addresses } else { nil }
      }
      #expect(seen == [home])
      setting.machines.alice.spawn("bob waits") { try await bob.client.wait(key: "open sesame") }
      while await setting.server.waitingCount == 0 {
        try await setting.machines.alice.sleep(for: .milliseconds(1))
      }
      #expect(try await alice.client.introduce(.init(.pairing("open sesame"), at: [])).addresses.isEmpty)
      try await alice.client.announce(Announcement(consent: .ask))
      setting.machines.alice.spawn("alice is asked") {
        let asked = try await alice.next {
          if case .introduced(let it) = $0, it.isQuestion { it } else { nil }
        }
        #expect(asked.addresses.isEmpty)
        try await alice.client.accept(asked.id, at: [])
      }
      let other = try await bob.client.introduce(.init(.key(alice.key.peerID), at: []))
      #expect(other.addresses == [await alice.client.observedAddress], "who does not hide is told of as ever")
    }
  }

  @Test("hands over what one wants to say to the other, and what comes back", arguments: TwoMachines.allCases)
  func introduces(world: TwoMachines) async throws {
    try await run(world) { setting in
      let (alice, bob) = (setting.alice, setting.bob)
      try await bob.client.announce(Announcement(consent: .everyone))
      let content = Introduction.Content(flight: [[1, 2, 3], [4]], signal: [5, 6])
      let answer = try await alice.client.introduce(.init(.key(bob.key.peerID), at: [], content))
      #expect(answer.peer == bob.key.peerID)
      #expect(answer.addresses.first == (await bob.client.observedAddress))
      let introduction = try await bob.next { event -> Introduction? in
        if case .introduced(let introduction) = event { introduction } else { nil }
      }
      #expect(introduction.peer == alice.key.peerID && introduction.content == content)
      #expect(!introduction.isQuestion && introduction.id == answer.id)
      #expect(introduction.addresses == [await alice.client.observedAddress])
      await alice.client.signal(answer.id, [7])
      await bob.client.signal(answer.id, [8])
      #expect(try await bob.next { if case .signal(_, let bytes) = $0 { bytes } else { nil } } == [UInt8(7)])
      #expect(
        try await alice.next { if case .signal(_, let bytes) = $0 { bytes } else { nil } } == [UInt8(8)])
      await alice.client.end(answer.id)
      #expect(try await bob.next { if case .ended(let id) = $0 { id } else { nil } } == answer.id)
    }
  }

  @Test("asks who wants to be asked, and tells who was denied nothing else", arguments: TwoMachines.allCases)
  func consent(world: TwoMachines) async throws {
    try await run(world) { setting in
      let (alice, bob) = (setting.alice, setting.bob)
      try await bob.client.announce(Announcement(consent: .ask))
      setting.machines.alice.spawn("bob thinks") {
        for isWanted in [false, true] {
          let asked = try await bob.next { if case .introduced(let it) = $0 { it } else { nil } }
          #expect(asked.isQuestion)
          if isWanted {
            try await bob.client.accept(asked.id, at: [])
          } else {
            await bob.client.deny(asked.id, reason: "not now")
          }
        }
      }
      let request = Introduction.Request(.key(bob.key.peerID), at: [])
      let denied = await #expect(throws: RegistryError.self) { try await alice.client.introduce(request) }
      #expect(denied == RegistryError(.denied, "not now"))
      #expect(try await alice.client.introduce(request).peer == bob.key.peerID)
      try await bob.client.announce(Announcement(consent: .nobody))
      let refused = await #expect(throws: RegistryError.self) { try await alice.client.introduce(request) }
      #expect(refused?.code == .denied)
    }
  }

  @Test("brings together who knows the same secret", arguments: TwoMachines.allCases)
  func pairs(world: TwoMachines) async throws {
    try await run(world) { setting in
      let (alice, bob) = (setting.alice, setting.bob)
      let request = Introduction.Request(.pairing("open sesame"), at: [])
      let early = await #expect(throws: RegistryError.self) { try await alice.client.introduce(request) }
      #expect(early?.code == .nobodyWaits)
      let waiting = setting.machines.alice.spawn("bob waits") {
        try await bob.client.wait(key: "open sesame")
      }
      while await setting.server.waitingCount == 0 {
        try await setting.machines.alice.sleep(for: .milliseconds(1))
      }
      let other = await #expect(throws: RegistryError.self) {
        try await alice.client.wait(key: "open sesame")
      }
      #expect(other?.code == .keyInUse)
      #expect(try await alice.client.introduce(request).peer == bob.key.peerID)
      #expect(try await waiting.value == alice.key.peerID)
      let introduced = try await bob.next { if case .introduced(let it) = $0 { it } else { nil } }
      #expect(introduced.peer == alice.key.peerID && !introduced.isQuestion)
      let late = await #expect(throws: RegistryError.self) { try await alice.client.introduce(request) }
      #expect(late?.code == .nobodyWaits)
    }
  }

  @Test("is found again after a crash, and everyone with it", arguments: TwoMachines.allCases)
  func restart(world: TwoMachines) async throws {
    try await world.run { machines in
      var random = machines.bob.random
      let key = PrivateKey(using: &random)
      let first = try await Self.server(on: machines.bob, key: key)
      var address = try await first.start(
        at: SocketAddress(.any(.v4), port: restingPort(on: machines.bob)))
      address.host = "\(machines.bobIP(.v4))"
      let guest = try await Guest(on: machines.alice, of: address)
      let name = try RegistryName("Alice")
      try await guest.client.announce(Announcement(named: name))
      // It says nothing to anybody: as if the machine had been switched off.
      await first.vanish()
      let second = try await Self.server(on: machines.bob, key: key)
      try await second.start(at: SocketAddress(.any(.v4), port: address.port))
      _ = try await guest.next { if case .lost = $0 { true } else { nil } }
      _ = try await guest.next { if case .registered = $0 { true } else { nil } }
      #expect(await second.registry.find(name)?.owner == .key(guest.key.peerID))
      await guest.close()
      await second.stop()
    }
  }

  @Test("is for one program with a key at a time", arguments: TwoMachines.allCases)
  func replaced(world: TwoMachines) async throws {
    try await run(world) { setting in
      #expect(await setting.server.sessionCount <= 2)
      let stranger = RegistryAddress(
        host: setting.address.host, port: setting.address.port, key: setting.alice.key.peerID)
      let guest = try await Guest(on: setting.machines.alice, of: stranger)
      let reason = try await guest.next { if case .lost(let reason, _) = $0 { reason } else { nil } }
      #expect(reason.contains("somebody else answered"))
      await guest.close()
      let trusting = RegistryAddress(host: setting.address.host, port: setting.address.port)
      let other = try await Guest(on: setting.machines.alice, of: trusting)
      let trusted = try await other.next { if case .trusted(let key) = $0 { key } else { nil } }
      #expect(trusted == setting.address.key)
      await other.close()
    }
  }
}
