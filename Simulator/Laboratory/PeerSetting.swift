import Warren
import WarrenSimulator

/// A registry and a STUN server in a simulated internet, and the peers that use them.
public final class PeerSetting: Sendable {
  /// Where it is.
  public let world: World
  /// The registry's server; another one after a crash.
  public private(set) var server: RegistryServer {
    get { current.withLock { $0 } }
    set { current.withLock { $0 = newValue } }
  }
  /// How peers reach it.
  public let address: RegistryAddress
  private let current: Guarded<RegistryServer>
  private let key: PrivateKey
  private let relays: Bool
  private let stun: [SocketAddress]
  private let ports: [SocketAddress]
  private static let name = "registry.example"

  /// A registry's server that relays as well: nothing of a simulated internet is public to a relay that is not told.
  private static func makeServer(on machine: SimulatedMachine, _ key: PrivateKey, relays: Bool)
    -> RegistryServer
  {
    var configuration = RegistryServer.Configuration()
    if relays {
      var relay = RelayConfiguration(
        at: RelayAddress(machine.address(.v4)), RelayAddress(machine.address(.v6)))
      relay.permits = [IPPrefix(.any(.v4), length: 0), IPPrefix(.any(.v6), length: 0)]
      configuration.relay = relay
    }
    return RegistryServer(Registry(on: machine), on: machine, key: key, configuration)
  }

  /// A simulated internet with both, and with the machines `alice` and `bob` at these places.
  ///
  /// - Parameter loss: how many of the packets between two machines are lost.
  static func world(
    of alice: Place, _ bob: Place, loss: Double, seed: UInt64, keptEvents: Int
  ) -> World {
    var configuration = World.Configuration()
    configuration.keptEvents = keptEvents
    configuration.lose(loss)
    return World(seed: seed, configuration: configuration) {
      alice.node("alice")
      bob.node("bob")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
  }

  /// Starts both on the machines `registry` and `stun`, which must have IPv4 and IPv6.
  ///
  /// - Parameters:
  ///   - relays: whether the registry is a relay, too.
  ///   - port: the registry's.
  public init(in world: World, relays: Bool = false, port: UInt16 = RegistryAddress.port) async throws {
    self.world = world
    self.relays = relays
    ports = [.any(.v4, port: port), .any(.v6, port: port)]
    let machine = world.machine("registry")
    var random = machine.random
    key = PrivateKey(using: &random)
    let server = Self.makeServer(on: machine, key, relays: relays)
    current = Guarded(server)
    var address = try await server.start(at: ports[0], ports[1])
    address.host = Self.name
    self.address = address
    world.addName(Self.name, for: [machine.address(.v6), machine.address(.v4)])
    let other = world.machine("stun")
    var stun: [SocketAddress] = []
    for (family, port) in [(.v4, 3478), (.v4, 3479), (.v6, 3478)] as [(IPAddress.Family, UInt16)] {
      let address = SocketAddress(other.address(family), port: port)
      try await STUNServer(on: other).start(at: address)
      stun.append(address)
    }
    self.stun = stun
  }

  /// Lets a peer know where the registry is, and the STUN server.
  public func configure(_ configuration: inout Peer.Configuration) {
    configuration.registry = address
    configuration.stunServers = stun
  }

  /// A peer on the machine of this name that the registry knows already, if it can be reached.
  public func peer(
    _ name: String, _ change: (inout Peer.Configuration) -> Void = { _ in }
  ) async throws -> Peer {
    var configuration = Peer.Configuration()
    configuration.name = name
    configure(&configuration)
    change(&configuration)
    let peer = try Peer(configuration, on: world.machine(name))
    try await peer.start()
    guard configuration.registry != nil else { return peer }
    _ = try? await peer.machine.withDeadline(.seconds(10)) {
      for await event in peer.events { if case .registered = event { break } }
    }
    return peer
  }

  /// The registry is gone without a word, and is there again after a while, knowing nobody.
  public func crash(for pause: Duration) async throws {
    await server.vanish()
    let machine = world.machine("registry")
    try await machine.sleep(for: pause)
    server = Self.makeServer(on: machine, key, relays: relays)
    try await server.start(at: ports[0], ports[1])
  }

  /// Stops the registry.
  public func close() async { await server.stop() }
}
