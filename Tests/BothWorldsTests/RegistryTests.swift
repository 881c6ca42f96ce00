import Testing
import Warren

@Suite("A registry")
struct RegistryTests {
  private func run(
    _ world: TwoMachines, lifetime: Duration = .seconds(30),
    _ body: @escaping @Sendable (Registry, any Machine, PeerID, PeerID) async throws -> Void
  ) async throws {
    try await world.run { machines in
      var random = machines.alice.random
      let keys = [PrivateKey(using: &random).peerID, PrivateKey(using: &random).peerID]
      var configuration = Registry.Configuration()
      configuration.terms = RegistryTerms(lifetime: lifetime, nameLifetime: lifetime * 2)
      configuration.ownAddresses = [IPAddress(203, 0, 113, 1)]
      try await body(Registry(on: machines.alice, configuration), machines.alice, keys[0], keys[1])
    }
  }

  private static let home = SocketAddress(IPAddress(192, 168, 1, 2), port: 4433)

  @Test("tells who is where, by name and by key", arguments: TwoMachines.allCases)
  func finds(world: TwoMachines) async throws {
    try await run(world) { registry, _, alice, bob in
      let name = try RegistryName("Alice")
      try await registry.register(Registration(of: .key(alice), named: name, at: [Self.home]))
      try await registry.register(Registration(of: .key(bob), isListed: false))
      #expect(await registry.find(name)?.addresses == [Self.home])
      #expect(await registry.find(.key(alice))?.name == name)
      #expect(await registry.find(.key(bob))?.owner == .key(bob))
      #expect(await registry.count == 2)
      #expect(await registry.list().registrations.map(\.owner) == [.key(alice)])

      try await registry.rename(.key(bob), to: RegistryName("Bob"))
      #expect(try await registry.find(RegistryName("bob"))?.owner == .key(bob))
      await #expect(throws: RegistryError.self) { try await registry.rename(.key(bob), to: name) }

      #expect(await registry.withdraw(.key(alice)))
      #expect(await !registry.withdraw(.key(alice)))
      #expect(await registry.find(name) == nil)
      let taken = await #expect(throws: RegistryError.self) {
        try await registry.register(Registration(of: .key(bob), named: name))
      }
      #expect(taken?.code == .nameTaken)
    }
  }

  @Test("forgets who is not heard of, and later whose the name was", arguments: TwoMachines.allCases)
  func forgets(world: TwoMachines) async throws {
    try await run(world, lifetime: .milliseconds(400)) { registry, machine, alice, bob in
      let name = try RegistryName("Alice")
      try await registry.register(Registration(of: .key(alice), named: name))
      for _ in 0..<6 {
        try await machine.sleep(for: .milliseconds(100))
        try await registry.renew(.key(alice))
      }
      #expect(await registry.find(name) != nil)
      try await machine.sleep(for: .milliseconds(410))
      #expect(await registry.find(name) == nil)
      let gone = await #expect(throws: RegistryError.self) { try await registry.renew(.key(alice)) }
      #expect(gone?.code == .notRegistered)
      try await machine.sleep(for: .milliseconds(810))
      try await registry.register(Registration(of: .key(bob), named: name))
    }
  }

  @Test("sends nobody to where no peer can be", arguments: TwoMachines.allCases)
  func addresses(world: TwoMachines) async throws {
    try await run(world) { registry, _, alice, _ in
      let bad = [
        "0.0.0.0:1", "224.0.0.1:1", "255.255.255.255:1", "127.0.0.1:1", "127.255.0.1:1", "[::]:1", "[::1]:1",
        "[ff02::1]:1", "[::ffff:127.0.0.1]:1", "[::ffff:224.0.0.1]:1", "203.0.113.1:9",
        "[::ffff:203.0.113.1]:9",
        "192.0.2.1:0",
      ]
      for text in bad {
        let address = try SocketAddress(text)
        let error = await #expect(throws: RegistryError.self) {
          try await registry.register(Registration(of: .key(alice), at: [Self.home, address]))
        }
        #expect(error?.code == .badAddress, "\(text)")
      }
      let many = (0..<20_000).map { SocketAddress(IPAddress(192, 0, 2, 1), port: UInt16($0 + 1)) }
      await #expect(throws: RegistryError.self) {
        try await registry.register(Registration(of: .key(alice), at: many))
      }
      #expect(await registry.count == 0)
      let good = ["192.0.2.1:1", "[2001:db8::1]:65535", "10.0.0.1:80", "[fe80::1]:9", "169.254.1.1:9"]
      let addresses = try good.map { try SocketAddress($0) }
      try await registry.register(Registration(of: .key(alice), at: addresses))
      #expect(await registry.find(.key(alice))?.addresses == addresses)
    }
  }
}
