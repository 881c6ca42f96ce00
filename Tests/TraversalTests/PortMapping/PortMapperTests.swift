import Testing
import Warren

@testable import WarrenSimulator
@testable import WarrenTraversal

@Suite("A port mapper")
struct PortMapperTests {
  @Test(
    "lets an outsider in through a port-restricted NAT, until it is closed",
    arguments: PortMappingProtocol.allCases, [1, 2, 3] as [UInt64])
  func opens(name: PortMappingProtocol, seed: UInt64) async throws {
    try await home(seed: seed, [name]).run { world in
      let echo = EchoServer(on: world.alice)
      let local = try await echo.start()
      #expect(try await !world.bobReaches(SocketAddress(world.gateway.outsideAddress, port: local.port)))
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: local.port)
      #expect(mapping.via == name)
      #expect(mapping.outside == SocketAddress(world.gateway.outsideAddress, port: local.port))
      #expect(mapping.gateway == IPAddress(192, 168, 1, 1))
      #expect(!mapping.isBehindAnotherNAT)
      #expect(try await world.bobReaches(mapping.outside))
      await mapper.close()
      #expect(world.gateway.core.explicitMappingCount == 0)
      #expect(try await !world.bobReaches(mapping.outside))
      await echo.stop()
      world.expectNothingLeft()
    }
  }

  @Test("asks by no protocol that it was not told to use", arguments: PortMappingProtocol.allCases)
  func chosen(name: PortMappingProtocol) async throws {
    try await home([.pcp, .natPMP, .upnp]).run { world in
      let mapper = PortMapper(on: world.alice, by: [name])
      let mapping = try await mapper.map(port: 4000)
      #expect(mapping.via == name)
      await mapper.close()
      world.expectNothingLeft()
    }
    try await home(Set(PortMappingProtocol.allCases).subtracting([name])).run { world in
      let mapper = PortMapper(on: world.alice, by: [name])
      await #expect(throws: PortMappingError.self) { try await mapper.map(port: 4000) }
      #expect(world.gateway.core.explicitMappingCount == 0)
      await mapper.close()
    }
  }

  @Test("opens a port of TCP", arguments: PortMappingProtocol.allCases)
  func tcp(name: PortMappingProtocol) async throws {
    try await home([name]).run { world in
      let echo = EchoServer(on: world.alice)
      let local = try await echo.start()
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: local.port, .tcp)
      let answer = try await EchoClient(on: world.machine("bob")).callOverTCP(mapping.outside, with: [7, 8])
      #expect(answer.bytes == [7, 8])
      #expect(try await !world.bobReaches(mapping.outside))
      await mapper.close()
      await echo.stop()
      #expect(world.gateway.core.explicitMappingCount == 0)
    }
  }

  @Test("opens a hole for IPv6 by PCP, and by nothing else")
  func pinhole() async throws {
    try await home([.pcp, .natPMP, .upnp]).run { world in
      let echo = EchoServer(on: world.alice)
      let local = try await echo.start(at: .any(.v6))
      let mapper = PortMapper(on: world.alice)
      let own = SocketAddress(world.alice.address(.v6), port: local.port)
      #expect(try await !world.bobReaches(own))
      let mapping = try await mapper.map(port: local.port, family: .v6)
      #expect(mapping.outside == own)
      #expect(mapping.via == .pcp)
      #expect(try await world.bobReaches(own))
      await mapper.close()
      #expect(try await !world.bobReaches(own))
      await echo.stop()
    }
  }

  @Test("has its mapping as soon as the fastest protocol answers", arguments: [1, 2, 3] as [UInt64])
  func first(seed: UInt64) async throws {
    try await home(seed: seed, [.pcp, .natPMP, .upnp]).run { world in
      let start = world.now
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: 4000)
      #expect(mapping.via == .pcp)
      #expect(start.duration(to: world.now) < .milliseconds(5))
      // The slower ones open nothing more.
      try await world.alice.sleep(for: .seconds(3))
      #expect(world.gateway.core.explicitMappingCount == 1)
      await mapper.close()
      world.expectNothingLeft()
    }
  }

  @Test(
    "gets through a cable that loses 30 %", arguments: PortMappingProtocol.allCases,
    1...8 as ClosedRange<UInt64>)
  func loss(name: PortMappingProtocol, seed: UInt64) async throws {
    try await home(seed: seed, [name], lossy: true) {
      $0.portMapping.longestLifetime = .seconds(600)
    }.run { world in
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: 4000, within: .seconds(20))
      #expect(mapping.via == name)
      // Lost checks and renewals are repeated in time.
      for _ in 0..<60 {
        try await world.alice.sleep(for: .seconds(60))
        #expect(world.gateway.core.explicitMappingCount == 1)
      }
      #expect(await mapper.mappings.map(\.outside) == [mapping.outside])
      await mapper.close()
      world.expectNothingLeft()
    }
  }

  @Test(
    "keeps a mapping by renewing it, through an hour of two-minute leases",
    arguments: PortMappingProtocol.allCases)
  func renewal(name: PortMappingProtocol) async throws {
    // What UPnP grants is not told, and two minutes are less than its check: an hour's leases for it.
    try await home([name]) {
      $0.portMapping.longestLifetime = name == .upnp ? .seconds(400) : .seconds(120)
    }.run { world in
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: 4000)
      for _ in 0..<360 {
        try await world.alice.sleep(for: .seconds(10))
        #expect(world.gateway.core.explicitMappingCount == 1)
      }
      #expect(await mapper.mappings.map(\.outside) == [mapping.outside])
      #expect(await mapper.mappings[0].expiry > mapping.expiry)
      await mapper.close()
    }
  }

  @Test(
    "has its mapping back after the gateway restarts", arguments: PortMappingProtocol.allCases,
    [1, 2, 3] as [UInt64])
  func restart(name: PortMappingProtocol, seed: UInt64) async throws {
    try await home(seed: seed, [name]).run { world in
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: 4000)
      try await world.alice.sleep(for: .seconds(1000))
      world.gateway.reboot()
      #expect(world.gateway.core.explicitMappingCount == 0)
      let limit = name == .upnp ? PortMappingLimits.upnpCheckInterval : PortMappingLimits.checkInterval
      try await world.alice.sleep(for: limit + .seconds(1))
      #expect(world.gateway.core.explicitMappingCount == 1)
      #expect(await mapper.mappings.map(\.outside) == [mapping.outside])
      await mapper.close()
    }
  }

  @Test("tells when the gateway has another address", arguments: PortMappingProtocol.allCases)
  func renumbering(name: PortMappingProtocol) async throws {
    try await home([name]).run { world in
      let mapper = PortMapper(on: world.alice)
      let before = try await mapper.map(port: 4000)
      let changes = world.alice.spawn("changes") {
        try await mapper.changes.reduce(into: [PortMapper.Change]()) { $0.append($1) }
      }
      try await world.alice.sleep(for: .seconds(1000))
      world.gateway.reboot(renumbering: true)
      try await world.alice.sleep(for: .seconds(400))
      let after = try #require(await mapper.mappings.first)
      #expect(after.outside == SocketAddress(world.gateway.outsideAddress, port: 4000))
      #expect(after.outside != before.outside)
      await mapper.close()
      // Mapped, moved, and nothing for renewals; the sequence ends with the mapper.
      let told = try await changes.value
      #expect(told.count == 2)
      #expect(told.first == .mapped(before))
      guard case .moved(let from, let to) = told.last else {
        Issue.record("\(told)")
        return
      }
      #expect((from.outside, to.outside) == (before.outside, after.outside))
    }
  }

  @Test("says what is lost when the gateway is gone, and has it back when it returns")
  func lost() async throws {
    try await home([.pcp]) { $0.portMapping.longestLifetime = .seconds(120) }.run { world in
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: 4000)
      world.alice.uplink.configuration.loss = 1
      try await world.alice.sleep(for: .seconds(400))
      #expect(await mapper.mappings == [])
      world.alice.uplink.configuration.loss = 0
      try await world.alice.sleep(for: PortMappingLimits.longestReturn)
      #expect(await mapper.mappings.map(\.outside) == [mapping.outside])
      #expect(world.gateway.core.explicitMappingCount == 1)
      await mapper.close()
      let told = try await mapper.changes.reduce(into: [PortMapper.Change]()) { $0.append($1) }
      #expect(told.count == 3)
      guard told.count == 3, case .lost(let gone) = told[1], case .mapped = told[2] else {
        Issue.record("\(told)")
        return
      }
      #expect(gone.outside == mapping.outside)
      world.expectNothingLeft()
    }
  }

  @Test("says within two seconds that no gateway answers", arguments: [1, 2, 3] as [UInt64])
  func silence(seed: UInt64) async throws {
    try await home(seed: seed, []).run { world in
      let start = world.now
      let mapper = PortMapper(on: world.alice)
      await #expect(throws: PortMappingError.noAnswer(gateways: [IPAddress(192, 168, 1, 1)])) {
        try await mapper.map(port: 4000)
      }
      #expect(start.duration(to: world.now) <= PortMappingLimits.patience)
      await mapper.close()
      world.expectNothingLeft()
    }
  }

  @Test("says at once that there is no gateway")
  func noGateway() async throws {
    try await home([]).run { world in
      let mapper = PortMapper(on: world.machine("bob"))
      await #expect(throws: PortMappingError.noGateway(.v4)) { try await mapper.map(port: 4000) }
      await mapper.close()
      await #expect(throws: PortMappingError.closed) { try await mapper.map(port: 4000) }
      #expect(world.machine("bob").udpSockets.isEmpty)
    }
  }

  @Test("passes on why the gateway refuses", arguments: PortMappingProtocol.allCases)
  func refusal(name: PortMappingProtocol) async throws {
    try await home([name]) { $0.portMapping.refusesEveryone = true }.run { world in
      let mapper = PortMapper(on: world.alice)
      await #expect(throws: PortMappingError.refused(.notAuthorized, by: name)) {
        try await mapper.map(port: 4000)
      }
      await mapper.close()
      world.expectNothingLeft()
    }
  }

  @Test("passes on that the machine has mappings enough")
  func quota() async throws {
    try await home([.pcp]) { $0.portMapping.perHost = 1 }.run { world in
      let mapper = PortMapper(on: world.alice)
      _ = try await mapper.map(port: 4000)
      await #expect(throws: PortMappingError.refused(.quotaExceeded, by: .pcp)) {
        try await mapper.map(port: 4001)
      }
      let other = PortMapper(on: world.machine("carol"))
      _ = try await other.map(port: 4001)
      #expect(world.gateway.core.explicitMappingCount == 2)
      await mapper.close()
      await other.close()
    }
  }

  @Test("takes another port where the wished one is another's", arguments: PortMappingProtocol.allCases)
  func takenPort(name: PortMappingProtocol) async throws {
    try await home([name]).run { world in
      let carols = PortMapper(on: world.machine("carol"))
      let alices = PortMapper(on: world.alice)
      let first = try await carols.map(port: 4000)
      let second = try await alices.map(port: 4000)
      #expect(first.outside.port == 4000)
      #expect(second.outside.port != 4000)
      #expect(world.gateway.core.explicitMappingCount == 2)
      await alices.close()
      #expect(world.gateway.core.explicitMappingCount == 1)
      await carols.close()
    }
  }

  @Test("asks for ever where a gateway grants nothing less")
  func forEver() async throws {
    try await home([.upnp]) { $0.portMapping.grantsOnlyForEver = true }.run { world in
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: 4000)
      #expect(mapping.via == .upnp)
      await mapper.close()
      #expect(world.gateway.core.explicitMappingCount == 0)
    }
  }

  @Test("says that another NAT stands before the gateway", arguments: PortMappingProtocol.allCases)
  func doubleNAT(name: PortMappingProtocol) async throws {
    let world = World(seed: 5) {
      Machine("alice").behind(.portRestrictedCone.mappingPorts(by: name)).behind(.carrierGrade)
    }
    try await world.run { world in
      let mapper = PortMapper(on: world.machine("alice"))
      let mapping = try await mapper.map(port: 4000)
      #expect(mapping.isBehindAnotherNAT)
      #expect("\(mapping)".contains("another NAT"))
      await mapper.close()
    }
  }

  @Test("gives one answer to all who ask for the same port")
  func together() async throws {
    try await home([.natPMP]).run { world in
      let mapper = PortMapper(on: world.alice)
      async let first = mapper.map(port: 4000)
      async let second = mapper.map(port: 4000)
      let both = try await [first, second]
      #expect(both[0] == both[1])
      #expect(try await mapper.map(port: 4000) == both[0])
      #expect(world.gateway.core.explicitMappingCount == 1)
      await mapper.unmap(both[0])
      #expect(world.gateway.core.explicitMappingCount == 0)
      #expect(await mapper.mappings == [])
      await mapper.close()
    }
  }

  @Test(
    "leaves nothing when asking is cancelled", arguments: PortMappingProtocol.allCases,
    [0, 1, 200, 290, 330] as [Int64])
  func cancellation(name: PortMappingProtocol, after milliseconds: Int64) async throws {
    // PCP, which is not there, has its head start before NAT-PMP maps: both are cancelled in every stage.
    try await home([name]).run { world in
      let mapper = PortMapper(on: world.alice)
      // Slow enough that it can be cancelled in the middle.
      world.alice.uplink.configuration.latency = .milliseconds(100)
      let task = world.alice.spawn("map") { try await mapper.map(port: 4000) }
      try await world.alice.sleep(for: .milliseconds(milliseconds))
      task.cancel()
      let start = world.now
      _ = await task.result
      #expect(start == world.now)
      await mapper.close()
      #expect(world.gateway.core.explicitMappingCount == 0)
      world.expectNothingLeft()
    }
  }

  @Test("ends when its machine is closed", arguments: PortMappingProtocol.allCases)
  func machineCloses(name: PortMappingProtocol) async throws {
    try await home([name]).run { world in
      let mapper = PortMapper(on: world.alice)
      _ = try await mapper.map(port: 4000)
      world.alice.uplink.configuration.latency = .seconds(1)
      let waiting = world.alice.spawn("map") { try await mapper.map(port: 4001) }
      try await world.machine("carol").sleep(for: .milliseconds(100))
      await world.alice.close()
      await #expect(throws: (any Error).self) { try await waiting.value }
      await mapper.close()
      world.expectNothingLeft()
    }
  }

  @Test("does the same with the same seed")
  func determinism() async throws {
    func hash() async throws -> UInt64 {
      try await home(seed: 9, [.natPMP, .upnp], lossy: true).run { world in
        let mapper = PortMapper(on: world.alice)
        _ = try await mapper.map(port: 4000, within: .seconds(20))
        try await world.alice.sleep(for: .seconds(7200))
        await mapper.close()
        return world.trace.hash
      }
    }
    let first = try await hash()
    #expect(try await hash() == first)
  }
}
