import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenRelay

@Suite("Relays that nobody has named")
struct RelayDiscoveryTests {
  /// A client, a relay, and name servers of a domain.
  private struct Scene {
    let world: World
    let client: SimulatedMachine
    let relay: ScriptedRelay
    let address: SocketAddress
    let names: [ScriptedNameServer]

    func discovery() -> RelayDiscovery {
      var discovery = RelayDiscovery(domain: "example.org")
      (discovery.username, discovery.password) = ("alice", "open sesame")
      return discovery
    }
  }

  private static func run(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
    let world = World(seed: 11) {
      Server("client").linked(.access)
      Server("relay")
      Server("names")
      Server("more names")
    }
    try await world.run { world in
      let relay = ScriptedRelay(on: world.machine("relay"))
      let address = try await relay.start(at: SocketAddress(world.machine("relay").address(), port: 3500))
      world.addName("relay.example.org", for: [address.ip])
      let names = try ["names", "more names"].map {
        try ScriptedNameServer(on: world.machine($0), at: world.machine($0).address())
      }
      let client = world.machine("client")
      client.knownNameServers = names.map(\.address)
      for server in names {
        server.services["_turn._udp.example.org"] = [.init(port: 3500, target: "relay.example.org")]
      }
      try await body(Scene(world: world, client: client, relay: relay, address: address, names: names))
      for server in names { server.stop() }
      await relay.stop()
    }
  }

  @Test("are those of a domain, in its order, after those that are known")
  func domain() async throws {
    try await Self.run { scene in
      scene.names[0].services["_turn._udp.example.org"]!.append(
        .init(priority: 0, port: 3501, target: "First.example.org"))
      scene.names[0].services["_turns._tcp.example.org"] = [.init(port: 443, target: "relay.example.org")]
      scene.names[0].services["_turn._tcp.example.org"] = [.init(port: 0, target: ".")]
      var discovery = scene.discovery()
      discovery.configured = [try RelayServerAddress("turn:192.0.2.9")]
      let servers = try await discovery.servers(on: scene.client)
      #expect(
        servers.map(\.description) == [
          "turn:192.0.2.9:3478?transport=udp", "turn:first.example.org:3501?transport=udp",
          "turn:relay.example.org:3500?transport=udp", "turns:relay.example.org:443?transport=tcp",
        ])
      #expect(servers.dropFirst().allSatisfy { $0.username == "alice" && $0.authorities == .system })
      #expect(servers.map(\.certificateName) == [nil, nil, nil, "example.org"])
      #expect(scene.names[0].asked.count == 3 && scene.names[1].asked.isEmpty)
      let socket = try await RelayClient.allocate(
        at: scene.discovery().servers(on: scene.client), on: scene.client)
      #expect(socket.relay == scene.address)
      socket.close()
      try await scene.client.sleep(for: .seconds(10))
    }
  }

  @Test("are asked for over TCP where there are too many, and of the next server where one does not say")
  func servers() async throws {
    try await Self.run { scene in
      let many = (0..<40).map {
        ScriptedNameServer.Service(priority: UInt16($0), port: 1, target: "h\($0).example.org")
      }
      scene.names[1].services["_turn._udp.example.org"] = many
      // One refuses, and then it is not there at all.
      scene.names[0].code = 2
      for _ in 0..<2 {
        let found = try await scene.discovery().servers(on: scene.client)
        #expect(found.map(\.host) == (0..<DNSLimits.services).map { "h\($0).example.org" })
        scene.names[0].stop()
      }
      #expect(scene.names[1].askedOverTCP == 2)
      scene.world.machine("names").uplink.configuration.isUp = false
      let began = scene.client.now
      #expect(try await scene.discovery().servers(on: scene.client).count == DNSLimits.services)
      let taken = began.duration(to: scene.client.now)
      #expect(taken > DNSLimits.patience && taken < DNSLimits.patience + .seconds(1), "once: \(taken)")
    }
  }

  @Test("are not what somebody says who guesses")
  func forged() async throws {
    try await Self.run { scene in
      scene.names[0].isForged = true
      let found = try await scene.discovery().servers(on: scene.client)
      #expect(found.map(\.host) == ["relay.example.org"])
    }
  }

  @Test("are told to be none, and why")
  func none() async throws {
    try await Self.run { scene in
      var discovery = scene.discovery()
      discovery.domain = "example.net"
      func failure() async -> RelayError? {
        let asked = discovery
        return await #expect(throws: RelayError.self) { _ = try await asked.servers(on: scene.client) }
      }
      #expect(await failure()?.code == .noServers)
      discovery.domain = "no domain"
      #expect(await failure()?.code == .noServers)
      discovery.domain = nil
      #expect(await failure()?.code == .noServers)
      discovery.domain = "example.org"
      for server in scene.names { server.code = 5 }
      guard case .network(.lookUpFailed("_turn._udp.example.org", let reason)) = await failure()?.code else {
        Issue.record("another error")
        return
      }
      #expect(reason.contains("error 5"))
      scene.client.knownNameServers = []
      let nowhere = try #require(await failure())
      #expect("\(nowhere)".contains("no name server"))
      // What is known otherwise is none the worse.
      discovery.usesAnycast = true
      let found = try await discovery.servers(on: scene.client)
      #expect(found.map(\.host) == ["192.0.0.170", "2001:1::2"])
    }
  }

  @Test("are the nearest, which says where to go on", arguments: [true, false])
  func anycast(wantsPassword: Bool) async throws {
    try await Self.run { scene in
      let near = scene.world.machine("more names")
      for ip in RelayDiscovery.anycastAddresses { near.addAddress(ip) }
      var script = ScriptedRelayCore.Script()
      // With a password it answers as RFC 8155 wants it, which is signed then; without one the answer proves nothing, and need not.
      (script.alternate, script.wantsPassword) = (scene.address, wantsPassword)
      var relays: [ScriptedRelay] = []
      for ip in RelayDiscovery.anycastAddresses {
        let relay = ScriptedRelay(on: near, script)
        _ = try await relay.start(at: SocketAddress(ip, port: 3478))
        relays.append(relay)
      }
      var discovery = scene.discovery()
      (discovery.domain, discovery.usesAnycast) = (nil, true)
      let servers = try await discovery.servers(on: scene.client)
      let socket = try await RelayClient.allocate(at: servers, on: scene.client)
      #expect(socket.relay == scene.address)
      #expect(await relays[0].core.allocations.isEmpty)
      #expect(await scene.relay.core.allocations.count == 1)
      socket.close()
      try await scene.client.sleep(for: .seconds(10))
      // Who does not prove that it knows the password, although it asks for it, sends nobody anywhere.
      for relay in relays { await relay.change { $0.script.signs = false } }
      if wantsPassword {
        await #expect(throws: RelayError.self) {
          _ = try await RelayClient.allocate(at: servers, on: scene.client)
        }
      }
      for relay in relays { await relay.stop() }
    }
  }
}
