import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenLaboratory

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

  @Test("uses a relay that it has to find, where the registry is none")
  func finds() async throws {
    for hasRelay in [true, false] {
      let world = World(seed: 1) {
        Place.random.node("alice")
        Place.blocked.node("bob")
        Server("registry").linked(.access)
        Server("stun").linked(.access)
        Server("relay").linked(.access)
      }
      try await world.run { world in
        let setting = try await PeerSetting(in: world)
        let machine = world.machine("relay")
        let (relay, _) = try await PathTrial.secondRelay(in: world)
        let names = try ScriptedNameServer(on: machine, at: machine.address(.v4))
        for service in ["_turn._udp", "_turn._tcp"] where hasRelay {
          names.services["\(service).example.org"] = [.init(port: 3478, target: "relay")]
        }
        for name in ["alice", "bob"] { world.machine(name).knownNameServers = [names.address] }
        func find(_ configuration: inout Peer.Configuration) {
          var discovery = RelayDiscovery(domain: "example.org")
          (discovery.username, discovery.password) = ("peer", "open sesame")
          configuration.relayDiscovery = discovery
          configuration.policy = .everyone
          configuration.patience = .seconds(10)
        }
        let a = try await setting.peer("alice", find)
        let b = try await setting.peer("bob", find)
        let connection = try? await a.connect(to: b.id)
        #expect((connection != nil) == hasRelay)
        if let connection { #expect(await connection.path.kind == .relayed) }
        await a.close()
        await b.close()
        names.stop()
        await relay.stop()
        await setting.close()
      }
    }
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
      let connection = try await a.connect(to: b.id)
      var most = 0
      for number in 0..<12 {
        await (number % 2 == 0 ? a : b).networkChanged()
        for _ in 0..<13 {
          try await a.machine.sleep(for: .seconds(1))
          most = max(most, await setting.server.relayAllocationCount)
        }
      }
      #expect(most > 0 && most <= 2, "one for each peer")
      #expect(await a.connectedPeers == [b.id])
      await connection.close()
      try await a.machine.sleep(for: PeerLimits.keepingRelays + .seconds(20))
      #expect(await setting.server.relayAllocationCount == 0)
      await a.close()
      await b.close()
      await setting.close()
    }
  }
}
