import Testing
import Warren

@testable import WarrenSimulator
@testable import WarrenTraversal

/// A NAT under a name.
struct NamedNAT: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var configuration: NATConfiguration
  /// By what it can be asked.
  var protocols: [PortMappingProtocol]

  init(
    _ name: String, _ configuration: NATConfiguration,
    _ protocols: [PortMappingProtocol] = PortMappingProtocol.allCases
  ) {
    testDescription = name
    self.configuration = configuration
    self.protocols = protocols
  }

  static let all = [
    NamedNAT("full cone", .fullCone), NamedNAT("restricted", .restrictedCone),
    NamedNAT("port-restricted", .portRestrictedCone), NamedNAT("symmetric", .symmetric),
    NamedNAT("sequential", .symmetricSequential),
    // NAT-PMP and UPnP cannot say that the outside place is the inside one.
    NamedNAT("firewall", .firewall, [.pcp]),

    // Carriers choose the port, and by UPnP nobody else can.
    NamedNAT("carrier's", .carrierGrade, [.pcp, .natPMP]),
    NamedNAT("Linux, accepting", .linuxMasquerade(input: .accept)),
    NamedNAT("Linux, dropping", .linuxMasquerade(input: .drop)),
  ]
}

@Suite("A port mapper among strangers")
struct PortMapperWorldTests {
  /// Alice behind a NAT, with an echo that nobody outside reaches unless a port is mapped.
  private func expectMappingOpens(
    _ nat: NATConfiguration, _ transport: TransportProtocol, by name: PortMappingProtocol
  ) async throws {
    let world = World(seed: 3) {
      Machine("alice").behind(nat.mappingPorts(by: name))
      Server("bob")
    }
    try await world.run { world in
      let echo = EchoServer(on: world.alice)
      let local = try await echo.start()
      let unmapped = SocketAddress(world.box("alice's NAT").outsideAddress, port: local.port)
      #expect(try await !world.bobReaches(unmapped, transport))
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: local.port, transport)
      #expect(mapping.via == name && mapping.transport == transport && mapping.localPort == local.port)
      #expect(try await world.bobReaches(mapping.outside, transport))
      await mapper.close()
      #expect(try await !world.bobReaches(mapping.outside, transport))
      await echo.stop()
      world.expectNothingLeft()
    }
  }

  @Test(
    "lets a stranger in through every NAT, over UDP and TCP", arguments: NamedNAT.all,
    TransportProtocol.allCases)
  func everyNAT(_ nat: NamedNAT, _ transport: TransportProtocol) async throws {
    for name in nat.protocols {
      try await expectMappingOpens(nat.configuration, transport, by: name)
    }
  }

  @Test("lets a stranger in over TCP where UDP is blocked, by UPnP")
  func udpBlocked() async throws {
    try await expectMappingOpens(.udpBlocked, .tcp, by: .upnp)
  }

  @Test(
    "leaves nothing open for longer than was agreed when it cannot close it",
    arguments: PortMappingProtocol.allCases)
  func abandoned(name: PortMappingProtocol) async throws {
    try await home([name]) { $0.portMapping.longestLifetime = .seconds(120) }.run { world in
      let mapper = PortMapper(on: world.alice)
      _ = try await mapper.map(port: 4000)
      #expect(world.gateway.core.explicitMappingCount == 1)
      await world.alice.close()
      try await world.machine("carol").sleep(for: .seconds(118))
      #expect(world.gateway.core.explicitMappingCount == 1)
      try await world.machine("carol").sleep(for: .seconds(4))
      #expect(world.gateway.core.explicitMappingCount == 0)
    }
  }

  @Test("passes on that the wished port is another's where the gateway gives no other")
  func refusedPort() async throws {
    try await home([.pcp]) { $0.portMapping.refusesTakenPorts = true }.run { world in
      let carols = PortMapper(on: world.machine("carol"))
      let alices = PortMapper(on: world.alice)
      _ = try await carols.map(port: 4000)
      await #expect(throws: PortMappingError.refused(.portsTaken, by: .pcp)) {
        try await alices.map(port: 4000)
      }
      #expect(try await alices.map(port: 4000, suggesting: 4001).outside.port == 4001)
      await alices.close()
      await carols.close()
      #expect(world.gateway.core.explicitMappingCount == 0)
    }
  }

  @Test("passes on PCP's reason where all protocols refuse")
  func refusedByAll() async throws {
    try await home([.pcp, .natPMP, .upnp]) { $0.portMapping.refusesEveryone = true }.run { world in
      let start = world.now
      let mapper = PortMapper(on: world.alice)
      await #expect(throws: PortMappingError.refused(.notAuthorized, by: .pcp)) {
        try await mapper.map(port: 4000)
      }
      #expect(start.duration(to: world.now) < .seconds(1))
      await mapper.close()
      world.expectNothingLeft()
    }
  }

  @Test("answers within its patience whoever asks for what was lost")
  func askingForWhatIsLost() async throws {
    try await home([.pcp]) { $0.portMapping.longestLifetime = .seconds(120) }.run { world in
      let mapper = PortMapper(on: world.alice)
      let mapping = try await mapper.map(port: 4000)
      world.alice.uplink.configuration.loss = 1
      // By now it asks by itself every ten minutes.
      try await world.alice.sleep(for: .seconds(3000))
      let start = world.now
      await #expect(throws: PortMappingError.noAnswer(gateways: [IPAddress(192, 168, 1, 1)])) {
        try await mapper.map(port: 4000)
      }
      #expect(start.duration(to: world.now) <= PortMappingLimits.patience)
      world.alice.uplink.configuration.loss = 0
      // Wherever it is in its round of asking: it is mapped when the call returns.
      try await world.alice.sleep(for: .seconds(20))
      #expect(try await mapper.map(port: 4000).outside == mapping.outside)
      await mapper.close()
      #expect(world.gateway.core.explicitMappingCount == 0)
      world.expectNothingLeft()
    }
  }

  @Test("does not believe a neighbour's answers, counts them, and is mapped by its gateway all the same")
  func neighbour() async throws {
    try await home([.natPMP]).run { world in
      // So slow that the neighbour is first.
      world.alice.uplink.configuration.latency = .milliseconds(50)
      let mapper = PortMapper(on: world.alice)
      let asking = world.alice.spawn("map") { try await mapper.map(port: 4000) }
      try await world.alice.sleep(for: .milliseconds(1))
      let forger = try world.machine("carol").bindUDP(to: SocketAddress(.any(.v4), port: 5351))
      var outbox = DatagramOutbox(byteCapacity: 4000)
      for place in world.alice.udpSockets.keys {
        for answer in [
          GatewayLaboratory.natPMPAddress(), GatewayLaboratory.natPMP(), GatewayLaboratory.pcp(),
        ] {
          outbox.append(answer.span.bytes, to: place)
        }
      }
      try forger.send(&outbox)
      let mapping = try await asking.value
      #expect(mapping.outside == SocketAddress(world.gateway.outsideAddress, port: 4000))
      #expect(await mapper.refusedAnswers[.stranger] == 3)
      #expect(await mapper.refusedAnswers.total == 3)
      await mapper.close()
      world.expectNothingLeft()
    }
  }
}
