import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("A hole puncher that may ask gateways")
struct MappedCandidateTests {
  @Test(
    "is reached at the port that its gateway gave, where nothing else would do",
    arguments: PortMappingProtocol.allCases, [TransportProtocol.udp, .tcp])
  func reached(by protocol: PortMappingProtocol, over transport: TransportProtocol) async throws {
    for bob in [Place.random, .portRestricted] {
      var trial = PunchTrial(alice: .random, bob: bob)
      trial.transports = [transport]
      let without = try await trial.run(seed: 1)
      #expect(!without.isDirect || (bob == .portRestricted && transport == .udp))

      var mapping = bob
      mapping.boxes[0] = mapping.boxes[0].mappingPorts(by: `protocol`)
      trial.bob = mapping
      trial.mapsPorts = true
      for seed in 1...5 as ClosedRange<UInt64> {
        let outcome = try await trial.run(seed: seed)
        #expect(outcome.isDirect && outcome.agree, "\(bob), seed \(seed)")
      }
    }
  }

  @Test("tells the other side when its gateway gives it another port")
  func moved() async throws {
    let world = World(seed: 1) {
      NAT("gateway", .symmetric.mappingPorts(by: .pcp)) { Machine("alice") }
    }
    try await world.run { world in
      let (alice, gateway) = (world.machine("alice"), world.box("gateway"))
      let mapper = PortMapper(on: alice)
      var configuration = PunchConfiguration()
      configuration.portMapper = mapper
      configuration.families = [.v4]
      let puncher = HolePuncher(on: alice, role: .controlling, configuration)
      let told = alice.spawn("signals") {
        var told: [IPAddress] = []
        for await signal in puncher.signals {
          if case .candidate(let candidate) = signal.content { told.append(candidate.address.ip) }
        }
        return told
      }
      try await puncher.start()
      try await alice.sleep(for: .seconds(10))
      let before = gateway.outsideAddress
      gateway.reboot(renumbering: true)
      try await alice.sleep(for: .seconds(2000))
      await puncher.close()
      #expect(try await told.value == [before, gateway.outsideAddress])
      await mapper.close()
    }
  }

  @Test("gives the ports back when it is closed")
  func givenBack() async throws {
    let world = World(seed: 1) {
      NAT("gateway", .symmetric.mappingPorts(by: .pcp)) { Machine("alice") }
      Server("stun")
    }
    try await world.run { world in
      let alice = world.machine("alice")
      let mapper = PortMapper(on: alice)
      var configuration = PunchConfiguration()
      configuration.portMapper = mapper
      let puncher = HolePuncher(on: alice, role: .controlling, configuration)
      try await puncher.start()
      try await alice.sleep(for: .seconds(1))
      #expect(await mapper.mappings.count == 1)
      await puncher.close()
      try await alice.sleep(for: .seconds(1))
      #expect(await mapper.mappings.isEmpty)
      await mapper.close()
    }
  }
}
