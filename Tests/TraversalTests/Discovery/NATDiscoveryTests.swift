import Testing
import Warren
import WarrenSimulator

@Suite("NAT discovery")
struct NATDiscoveryTests {
  private static let presets: [(name: String, configuration: NATConfiguration)] = [
    ("full cone", .fullCone), ("restricted", .restrictedCone), ("port-restricted", .portRestrictedCone),
    ("symmetric", .symmetric), ("sequential", .symmetricSequential), ("firewall", .firewall),
    ("carrier", .carrierGrade), ("masquerade, drop", .linuxMasquerade(input: .drop)),
    ("masquerade, accept", .linuxMasquerade(input: .accept)),
    ("masquerade, reject", .linuxMasquerade(input: .reject)),
  ]

  @Test("says of every preset what it is, and how long it remembers", arguments: presets.indices)
  func preset(number: Int) async throws {
    let (name, configuration) = Self.presets[number]
    for seed in 1...5 as ClosedRange<UInt64> {
      try await DiscoveryLaboratory(configuration).check(name, seed: seed)
      try await DiscoveryLaboratory(configuration, measuresLifetime: true).check(name, seed: seed)
    }
  }

  @Test("says of 200 NATs that were drawn at random what they are", arguments: 0..<10 as Range<UInt64>)
  func random(tens: UInt64) async throws {
    for seed in tens * 20..<tens * 20 + 20 {
      let configuration = NATConfiguration.drawn(seed)
      let addresses = seed.isMultiple(of: 5) ? 4 : 1
      let laboratory = DiscoveryLaboratory(configuration, addresses: addresses)
      try await laboratory.check("drawn", seed: seed)
    }
  }

  @Test(
    "measures of 200 NATs that were drawn at random how long they remember",
    arguments: 0..<10 as Range<UInt64>)
  func randomLifetime(tens: UInt64) async throws {
    for seed in tens * 20..<tens * 20 + 20 {
      let configuration = NATConfiguration.drawn(seed)
      let addresses = seed.isMultiple(of: 5) ? 4 : 1
      let laboratory = DiscoveryLaboratory(configuration, addresses: addresses, measuresLifetime: true)
      try await laboratory.check("drawn", seed: seed)
    }
  }

  @Test("is not misled where 5 % are lost on each way", arguments: 0..<6 as Range<UInt64>)
  func lossy(tens: UInt64) async throws {
    for seed in tens * 10..<tens * 10 + 10 {
      try await DiscoveryLaboratory(.drawn(seed), loss: 0.05).check("lossy", seed: seed)
      try await DiscoveryLaboratory(.drawn(seed), loss: 0.05, measuresLifetime: true).check(
        "lossy", seed: seed)
    }
  }

  @Test("says what two NATs in a row do together", arguments: presets.indices)
  func twoNATs(number: Int) async throws {
    let (name, home) = Self.presets[number]
    for (seed, carrier) in [NATConfiguration.carrierGrade, .symmetric, .fullCone].enumerated() {
      let laboratory = DiscoveryLaboratory(home, carrier, measuresLifetime: true)
      try await laboratory.check("\(name), then the carrier's", seed: UInt64(seed))
    }
  }

  // MARK: Ports

  @Test("sees which block of ports a carrier has given")
  func block() async throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      let (report, _) = try await DiscoveryLaboratory(.carrierGrade).discover(seed: seed)
      guard case .random(let range)? = report.allocation else {
        Issue.record("\(report)")
        continue
      }
      #expect((128...1024).contains(range.count), "seed \(seed): \(report)")
      #expect(range.contains(report.outside.port), "seed \(seed): \(report)")
    }
  }

  @Test("sees that even ports stay even, and that they do not", arguments: [true, false])
  func parity(isKept: Bool) async throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      let configuration = NATConfiguration.fullCone.changed {
        $0.keepsPort = false
        $0.keepsParity = isKept
      }
      let (report, _) = try await DiscoveryLaboratory(configuration).discover(seed: seed)
      #expect(report.keepsParity == isKept, "seed \(seed): \(report)")
    }
  }

  @Test("sees that a socket keeps its port towards the first alone")
  func keepsFirst() async throws {
    for (seed, mapping) in [NATConfiguration.Dependence.addressDependent, .addressAndPortDependent]
      .enumerated()
    {
      let configuration = NATConfiguration.changed {
        $0.mapping = mapping
        $0.portChoice = .sequential(step: 2)
      }
      let (report, _) = try await DiscoveryLaboratory(configuration).discover(seed: UInt64(seed))
      #expect(report.keepsFirstPort && report.allocation == .sequential(step: 2), "\(report)")
      #expect(report.description.contains("its own at the first, then each 2 above the one before."))
    }
    let (report, _) = try await DiscoveryLaboratory(.fullCone).discover(seed: 1)
    #expect(!report.keepsFirstPort && report.allocation == .preserving)
  }

  @Test("tells which way a counter goes, and how far, where packets are lost", arguments: [1, 2, 3])
  func lossyCounter(step: Int) async throws {
    for seed in 0..<40 as Range<UInt64> {
      let configuration = NATConfiguration.fullCone.changed {
        $0.keepsPort = false
        $0.portChoice = .sequential(step: step)
      }
      let (report, _) = try await DiscoveryLaboratory(configuration, loss: 0.05).discover(seed: seed)
      #expect(report.allocation == .sequential(step: step), "seed \(seed): \(report)")
    }
  }

  // MARK: Lifetime

  @Test("measures how long a silent mapping lives", arguments: [1, 2, 4, 15, 31, 65, 125, 300, 600])
  func lifetime(seconds: Int) async throws {
    let configuration = NATConfiguration.portRestrictedCone.changed { $0.lifetimes.udp = .seconds(seconds) }
    let (report, took) = try await DiscoveryLaboratory(configuration, measuresLifetime: true).discover(
      seed: 1)
    let lifetime = try #require(report.lifetime)
    #expect(lifetime.atLeast <= .seconds(seconds))
    #expect(try #require(lifetime.lessThan) > .seconds(seconds))
    // It does not wait for what is known by then.
    #expect(took < .seconds(seconds * 2 + 10))
    #expect(report.keepAlive ?? .seconds(1) <= .seconds(seconds))
  }

  @Test("says that a mapping lives longer than it can wait for")
  func longLifetime() async throws {
    let configuration = NATConfiguration.fullCone.changed { $0.lifetimes.udp = .seconds(3600) }
    let (report, _) = try await DiscoveryLaboratory(configuration, measuresLifetime: true).discover(seed: 1)
    #expect(report.lifetime == NATReport.Lifetime(atLeast: .seconds(660), lessThan: nil))
  }

  // MARK: Servers that cannot do everything

  @Test("says nothing that a server cannot show", arguments: TwoAddressServer.Fault.allCases)
  func faults(fault: TwoAddressServer.Fault) async throws {
    for seed in 0..<20 as Range<UInt64> {
      let configuration = NATConfiguration.drawn(seed)
      let truth = ExpectedReport(configuration)
      let (report, _) = try await DiscoveryLaboratory(configuration, measuresLifetime: true, fault: fault)
        .discover(seed: seed)
      let context = Comment("\(fault), seed \(seed):\n\(report)")
      let isBlind = fault == .hasOneAddress || fault == .otherAddressIsDead
      #expect(report.mapping == (isBlind ? nil : truth.mapping), context)
      let isDeaf = isBlind || fault == .refusesChangeRequest || fault == .ignoresChangeRequest
      #expect(report.filtering == (isDeaf ? nil : truth.filtering), context)
      #expect(report.description.contains("Not known is") == (isBlind || isDeaf), context)
      // What is said is true all the same.
      #expect(report.hairpins == nil || truth.hairpins.contains(report.hairpins), context)
      if let lifetime = report.lifetime {
        let mapping = configuration.lifetimes.udp
        #expect(lifetime.atLeast <= mapping, context)
        #expect(lifetime.lessThan.map { $0 > (truth.lifetime ?? .zero) } ?? true, context)
      }
    }
  }

  @Test(
    "measures the lifetime by asking again, where a server does not answer to another port and ports change")
  func lifetimeWithoutResponsePort() async throws {
    for fault in [TwoAddressServer.Fault.refusesResponsePort, .ignoresResponsePort, .hasOneAddress] {
      for configuration in [NATConfiguration.symmetric, .carrierGrade, .portRestrictedCone] {
        let truth = configuration.lifetimes.udp
        let laboratory = DiscoveryLaboratory(configuration, measuresLifetime: true, fault: fault)
        let report = try await laboratory.discover(seed: 3).report
        let context = Comment("\(fault), \(configuration):\n\(report)")
        // Where ports are kept, a new mapping looks like the old one.
        guard configuration.keepsPort == false else {
          #expect(report.lifetime == nil, context)
          continue
        }
        let lifetime = try #require(report.lifetime, context)
        #expect(lifetime.atLeast <= truth && lifetime.lessThan.map { $0 >= truth } ?? false, context)
      }
    }
  }

  // MARK: Nothing to find

  @Test("says that there is none")
  func noNAT() async throws {
    for measuresLifetime in [false, true] {
      let laboratory = DiscoveryLaboratory(measuresLifetime: measuresLifetime)
      let (report, took) = try await laboratory.discover(seed: 1)
      #expect(!report.isTranslated && report.mapping == nil && report.filtering == .endpointIndependent)
      #expect(report.local == report.outside && report.addresses == [report.outside.ip])
      #expect(report.lifetime == nil && took < .seconds(5))
      #expect(report.description.contains("No NAT"))
      #expect(report.description.contains("Everyone can connect directly."))
    }
  }

  @Test("says of a firewall that it is one, and how long it remembers")
  func firewall() async throws {
    let (report, _) = try await DiscoveryLaboratory(.firewall, measuresLifetime: true).discover(seed: 1)
    #expect(!report.isTranslated && report.mapping == nil && report.filtering == .addressAndPortDependent)
    #expect(report.description.contains("No NAT, but a firewall"))
    #expect(
      report.description.contains(
        "It remembers a silent socket for 270 to 332 s: send something every 216 s."))
  }

  @Test("says that nobody answers")
  func nobody() async throws {
    let nobody = SocketAddress(IPAddress(203, 0, 113, 99), port: 3478)
    try await DiscoveryLaboratory(.fullCone).world(seed: 1).run { world in
      let discovery = NATDiscovery(on: world.machine("alice"))
      await #expect(throws: NATDiscoveryError.noAnswer(nobody)) {
        try await discovery.discover(asking: nobody)
      }
      let ours = SocketAddress(.loopback(.v6), port: 3478)
      await #expect(throws: NATDiscoveryError.noAnswer(ours)) { try await discovery.discover(asking: ours) }
      let elsewhere = SocketAddress(try IPAddress("2001:db8::1"), port: 3478)
      await #expect(throws: NATDiscoveryError.noNetwork(.v6)) {
        try await discovery.discover(asking: elsewhere)
      }
    }
  }

  @Test("says that UDP is blocked, where TCP is not")
  func blocked() async throws {
    try await DiscoveryLaboratory(.udpBlocked).world(seed: 1).run { world in
      let machine = world.machine("stun")
      let server = STUNServer(on: machine)
      let address = SocketAddress(machine.address(), port: 3478)
      try await server.start(at: address)
      let start = world.now
      await #expect(throws: NATDiscoveryError.udpBlocked(address)) {
        try await NATDiscovery(on: world.machine("alice")).discover(asking: address)
      }
      #expect(start.duration(to: world.now) < .seconds(5))
      await server.stop()
    }
  }

  // MARK: The actor

  @Test("ends when the task that waits is cancelled, leaves no socket, and can begin anew")
  func cancelled() async throws {
    let machine = LocalMachine(name: "alice")
    // All of it on the loop's thread: elsewhere a task may wait until the discovery is over.
    try await machine.run {
      let discovery = NATDiscovery(on: machine)
      // The discard port of loopback, where nobody answers.
      let nobody = SocketAddress.loopback(.v4, port: 9)
      let task = machine.spawn("a discovery") {
        try await discovery.discover(asking: nobody, measuresLifetime: true)
      }
      try await machine.sleep(for: .milliseconds(50))
      #expect(await discovery.isRunning)
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(await !discovery.isRunning)
      try await machine.sleep(for: .milliseconds(50))
      #expect(machine.openHandles == 0)
      let server = STUNServer(on: machine)
      let address = try await server.start(at: .loopback(.v4)).primary
      _ = try await discovery.discover(asking: address)
      await server.stop()
    }
    await machine.close()
  }

  @Test("says over loopback that there is no NAT, as far as one address can tell")
  func loopback() async throws {
    let machine = LocalMachine(name: "alice")
    let server = STUNServer(on: machine)
    let address = try await server.start(at: .loopback(.v4)).primary
    let report = try await NATDiscovery(on: machine).discover(asking: address)
    #expect(!report.isTranslated && report.filtering == nil)
    #expect(report.local == report.outside)
    await server.stop()
    await machine.close()
    #expect(try await machine.run { machine.openHandles } == 0)
  }

  @Test("says over loopback with two addresses that there is no NAT, and that anyone may send")
  func loopbackWithTwoAddresses() async throws {
    let machine = LocalMachine(name: "alice")
    let server = STUNServer(on: machine)
    // All of 127/8 is this machine's own.
    let address = try await server.start(
      at: .loopback(.v4, port: 47_311), alternate: SocketAddress(IPAddress(127, 0, 0, 2), port: 47_312)
    ).primary
    let report = try await NATDiscovery(on: machine).discover(asking: address)
    #expect(!report.isTranslated && report.filtering == .endpointIndependent)
    #expect(report.description.contains("Everyone can connect directly."))
    await server.stop()
    await machine.close()
    #expect(try await machine.run { machine.openHandles } == 0)
  }
}
