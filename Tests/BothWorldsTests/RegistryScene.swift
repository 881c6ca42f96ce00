import Testing
import Warren

@testable import WarrenRegistry

/// A registry, and two who use it as they should: whatever others do, they are served.
struct RegistryScene: Sendable {
  let machines: TwoMachines.Pair
  let server: RegistryServer
  /// Over IPv4, from where hostile ones come.
  let address: RegistryAddress
  /// Over IPv6, from where the witnesses come.
  let otherAddress: RegistryAddress
  let alice, bob: RegistryServerTests.Guest

  static let ownAddress = IPAddress(203, 0, 113, 77)

  static func run(
    _ world: TwoMachines,
    _ change: @escaping @Sendable (inout RegistryServer.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (RegistryScene) async throws -> Void
  ) async throws {
    try await world.run { machines in
      var random = machines.bob.random
      var terms = Registry.Configuration()
      terms.ownAddresses = [Self.ownAddress]
      terms.permitsLoopback = world == .local
      var configuration = RegistryServer.Configuration()
      change(&configuration)
      let server = RegistryServer(
        Registry(on: machines.bob, terms), on: machines.bob, key: PrivateKey(using: &random), configuration)
      let address = try await server.start(at: .any(.v4), .any(.v6))
      let hosts = [IPAddress.Family.v4, .v6].map { "\(machines.bobIP($0))" }
      let addresses = hosts.map { RegistryAddress(host: $0, port: address.port, key: address.key) }
      let alice = try await RegistryServerTests.Guest(on: machines.alice, of: addresses[1], .v6)
      let bob = try await RegistryServerTests.Guest(on: machines.alice, of: addresses[1], .v6)
      try await bob.client.announce(Announcement(named: try RegistryName("Bob"), consent: .everyone))
      let scene = RegistryScene(
        machines: machines, server: server, address: addresses[0], otherAddress: addresses[1], alice: alice,
        bob: bob)
      try await body(scene)
      try await scene.check()
      await alice.close()
      await bob.close()
      await server.stop()
      while await server.sessionCount > 0 { try await machines.alice.sleep(for: .milliseconds(1)) }
    }
  }

  func visitor(
    over carrier: RegistryVisitor.Carrier = .quic, key: PrivateKey? = nil,
    _ change: (inout QUICConfiguration) -> Void = { _ in }
  ) async throws -> RegistryVisitor {
    try await RegistryVisitor(on: machines.alice, of: address, over: carrier, key: key, change)
  }

  /// Alice is brought together with Bob, as always.
  func check() async throws {
    let found = try await alice.client.find(.name(RegistryName("bob")))
    #expect(found.owner == .key(bob.key.peerID))
    let answer = try await alice.client.introduce(Introduction.Request(.key(bob.key.peerID), at: []))
    #expect(answer.peer == bob.key.peerID)
    let introduced = try await bob.next { event -> Introduction? in
      if case .introduced(let it) = event, it.id == answer.id { it } else { nil }
    }
    #expect(introduced.peer == alice.key.peerID)
    await alice.client.end(answer.id)
  }
}
