import TestSupport
import Testing
import Warren

@testable import WarrenRegistry
@testable import WarrenRelay
@testable import WarrenSTUN

/// A registry that relays on one machine, and those who are registered there on the other.
struct RegistryRelayScene: Sendable {
  typealias Guest = RegistryServerTests.Guest

  let machines: TwoMachines.Pair
  let server: RegistryServer
  let address: RegistryAddress

  var remote: SocketAddress { SocketAddress(machines.bobIP(.v4), port: address.port) }

  /// - Parameters:
  ///   - lifetime: how long a registration lasts.
  ///   - grant: and how long leave to be relayed does.
  static func run(
    _ world: TwoMachines, relays: Bool = true, lifetime: Duration = .seconds(30),
    grant: Duration = RegistryLimits.relayGrantLifetime,
    _ change: @escaping @Sendable (inout RelayConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (RegistryRelayScene) async throws -> Void
  ) async throws {
    try await world.run { machines in
      var random = machines.bob.random
      var terms = Registry.Configuration()
      terms.permitsLoopback = true
      terms.terms.lifetime = lifetime
      var configuration = RegistryServer.Configuration()
      configuration.relayGrantLifetime = grant
      if relays {
        let (own, others) = (machines.bobIP(.v4), machines.aliceIP(.v4))
        var relay = RelayConfiguration(at: RelayAddress(own))
        // Neither world is the internet.
        relay.permits = [IPPrefix(own, length: 32), IPPrefix(others, length: 32)]
        change(&relay)
        configuration.relay = relay
      }
      let server = RegistryServer(
        Registry(on: machines.bob, terms), on: machines.bob, key: PrivateKey(using: &random), configuration)
      var address = try await server.start()
      address.host = "\(machines.bobIP(.v4))"
      let scene = RegistryRelayScene(machines: machines, server: server, address: address)
      let result: Result<Void, any Error>
      do { result = .success(try await body(scene)) } catch { result = .failure(error) }
      await server.stop()
      try result.get()
    }
  }

  /// Somebody who is registered, and what it was given.
  func guest() async throws -> (Guest, RelayGrant) {
    let guest = try await Guest(on: machines.alice, of: address)
    try await guest.client.announce(Announcement())
    return (guest, try #require(await guest.client.relayGrant))
  }

  /// An address of the relay's, by one way to it.
  func allocate(
    with grant: RelayGrant, over transport: RelayServerAddress.Transport
  ) async throws -> RelayedSocket {
    let servers = grant.servers(at: [remote], key: try #require(address.key))
    return try await RelayClient.allocate(
      at: servers.filter { $0.transport == transport }, on: machines.alice)
  }

  /// What a peer would be given at another time.
  func grant(like grant: RelayGrant, of guest: Guest, endingIn time: Duration) async throws -> RelayGrant {
    let bob = machines.bob
    let now = try await bob.run("the time") { bob.timeSince1970 }
    var other = grant
    (other.username, other.password) = RelayCredentials.timeLimited(
      user: guest.key.peerID.description, until: now + time, secret: await server.relaySecret)
    return other
  }

  /// A client of the relay that does and says what it likes.
  func visitor(over carrier: RelayVisitor.Carrier) async throws -> RelayVisitor {
    let visitor = try await RelayVisitor(
      on: machines.alice, to: RelayServer.Addresses(plain: [remote], tls: remote), over: carrier)
    await visitor.listen()
    return visitor
  }

  /// Waits until something is so, ten seconds at most.
  func until(
    location: SourceLocation = #_sourceLocation, _ isSo: @Sendable () async throws -> Bool
  ) async throws {
    let end = machines.alice.now.advanced(by: .seconds(10))
    while try await !isSo() {
      guard machines.alice.now < end else {
        Issue.record("it did not become so", sourceLocation: location)
        return
      }
      try await machines.alice.sleep(for: .milliseconds(5))
    }
  }
}

/// What comes to a socket, or is to be seen of one. Used on its machine's executor alone: hence `@unchecked`.
final class RelayInbox: @unchecked Sendable {
  private(set) var received: [(bytes: [UInt8], from: SocketAddress)] = []

  init() {}

  init(of socket: RelayedSocket) {
    socket.onDatagrams = { [unowned self] batch in batch.forEach { take($0) } }
  }

  func take(_ datagram: borrowing Datagram) {
    received.append((datagram.payload.withUnsafeBytes { Array($0) }, datagram.source))
  }
}

/// Sends a datagram from a socket.
func send(_ bytes: [UInt8], to peer: SocketAddress, by socket: any UDPSocket) throws {
  var outbox = DatagramOutbox()
  outbox.append(bytes.span.bytes, to: peer)
  try socket.send(&outbox)
}
