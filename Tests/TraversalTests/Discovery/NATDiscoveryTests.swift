import Testing
import Warren
import WarrenSimulator

@Suite("NAT discovery")
struct NATDiscoveryTests {
  /// What a NAT of this configuration does, as far as a host behind it can see.
  private struct Truth {
    let mapping: NATKind.Dependence?
    let filtering: NATKind.Dependence
    let allocation: NATKind.Allocation?
    let hairpins: Bool?

    init(_ configuration: NATConfiguration) {
      filtering = NATKind.Dependence(rawValue: configuration.filtering.rawValue)!
      guard configuration.translates else {
        (mapping, allocation, hairpins) = (nil, nil, nil)
        return
      }
      // Where ports may be shared, each flow keeps its own, and looks the same to all.
      let keepsAll = configuration.keepsPort && configuration.overloadsPorts
      let seen: NATKind.Dependence =
        keepsAll ? .endpointIndependent : NATKind.Dependence(rawValue: configuration.mapping.rawValue)!
      mapping = seen
      if configuration.keepsPort && configuration.portBlock == nil {
        allocation = .preserving
      } else if case .sequential(let step) = configuration.portChoice {
        allocation = .sequential(step: step)
      } else {
        // Which range it is cannot be known: see `matches`.
        allocation = .random(.all)
      }
      let isTold = seen == .endpointIndependent || configuration.filtering == .endpointIndependent
      let isOff = if case .off = configuration.hairpinning { true } else { false }
      hairpins = isTold ? !isOff : nil
    }

    func matches(_ found: NATKind.Allocation?) -> Bool {
      switch (allocation, found) {
      case (.random?, .random?): true
      default: allocation == found
      }
    }
  }

  private func world(_ nodes: [Node], seed: UInt64, loss: Double = 0) -> World {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    configuration.access.loss = 1 - (1 - loss).squareRoot()
    return World(seed: seed, configuration: configuration) {
      nodes
      Server("stun").linked(.ideal)
      Server("stun 2").linked(.ideal)
    }
  }

  /// A server with two addresses. A simulated machine has one of each family: so two machines share one core's work.
  private func discover(
    _ nodes: [Node], seed: UInt64, loss: Double = 0, measuresLifetime: Bool = false
  ) async throws -> (report: NATReport, took: Duration) {
    let world = world(nodes, seed: seed, loss: loss)
    return try await world.run { world in
      let server = try await TwoAddressServer.start(world.machine("stun"), world.machine("stun 2"))
      let alice = world.machine("alice")
      let start = world.now
      let report = try await NATDiscovery(on: alice).discover(
        asking: server, measuresLifetime: measuresLifetime)
      return (report, start.duration(to: world.now))
    }
  }

  private func check(
    _ configuration: NATConfiguration, _ name: String, seed: UInt64, loss: Double = 0,
    measuresLifetime: Bool = false
  ) async throws {
    let truth = Truth(configuration)
    let (report, took) = try await discover(
      [Machine("alice").behind(configuration)], seed: seed, loss: loss, measuresLifetime: measuresLifetime)
    let context = Comment("\(name), seed \(seed):\n\(report)")
    #expect(report.isTranslated == configuration.translates, context)
    #expect(report.mapping == truth.mapping, context)
    #expect(report.filtering == truth.filtering, context)
    #expect(truth.matches(report.allocation), context)
    #expect(report.hairpins == truth.hairpins, context)
    guard measuresLifetime else {
      #expect(took < .seconds(3), context)
      return
    }
    let lifetime = try #require(report.lifetime)
    #expect(lifetime.atLeast <= configuration.lifetimes.udp, context)
    #expect(lifetime.lessThan.map { configuration.lifetimes.udp <= $0 } ?? true, context)
  }

  private static let presets: [(String, NATConfiguration)] = [
    ("full cone", .fullCone), ("restricted", .restrictedCone), ("port-restricted", .portRestrictedCone),
    ("symmetric", .symmetric), ("sequential", .symmetricSequential), ("firewall", .firewall),
    ("carrier", .carrierGrade), ("masquerade, drop", .linuxMasquerade(input: .drop)),
    ("masquerade, accept", .linuxMasquerade(input: .accept)),
    ("masquerade, reject", .linuxMasquerade(input: .reject)),
  ]

  @Test("says of every preset what it is", arguments: presets)
  func preset(name: String, configuration: NATConfiguration) async throws {
    for seed in 1...5 as ClosedRange<UInt64> { try await check(configuration, name, seed: seed) }
  }

  /// A NAT of any kind, drawn from a seed.
  private static func drawn(_ seed: UInt64) -> NATConfiguration {
    var random = SeededRandom(seed)
    return .changed {
      $0.mapping = NATConfiguration.Dependence(rawValue: UInt8.random(in: 0..<3, using: &random))!
      $0.filtering = NATConfiguration.Dependence(rawValue: UInt8.random(in: 0..<3, using: &random))!
      if Bool.random(using: &random) { $0.hairpinning = .off }
      $0.keepsPort = $0.mapping == .endpointIndependent && Bool.random(using: &random)
      if Bool.random(using: &random) {
        $0.portChoice = .sequential(step: [1, 2, 3, 4, 7].randomElement(using: &random)!)
        // One that counts and keeps parity at once is neither.
      } else if !$0.keepsPort {
        $0.keepsParity = Bool.random(using: &random)
      }
      $0.keepsPortClass = Bool.random(using: &random)
      $0.lifetimes.udp = .seconds(Int.random(in: 6...900, using: &random))
      if $0.keepsPort { $0.portChoice = .random }
    }
  }

  @Test("says of 200 NATs that were drawn at random what they are", arguments: 0..<10 as Range<UInt64>)
  func random(tens: UInt64) async throws {
    for seed in tens * 20..<tens * 20 + 20 {
      try await check(Self.drawn(seed), "drawn", seed: seed)
      try await check(Self.drawn(seed), "drawn", seed: seed, measuresLifetime: true)
    }
  }

  @Test("is not misled by what is lost", arguments: 0..<4 as Range<UInt64>)
  func lossy(tens: UInt64) async throws {
    for seed in tens * 10..<tens * 10 + 10 {
      try await check(Self.drawn(seed), "lossy", seed: seed, loss: 0.02)
    }
  }

  @Test("measures how long a silent mapping lives", arguments: [15, 31, 65, 125, 300, 600])
  func lifetime(seconds: Int) async throws {
    let configuration = NATConfiguration.portRestrictedCone.changed { $0.lifetimes.udp = .seconds(seconds) }
    let (report, took) = try await discover(
      [Machine("alice").behind(configuration)], seed: 1, measuresLifetime: true)
    let lifetime = try #require(report.lifetime)
    #expect(lifetime.atLeast < .seconds(seconds))
    #expect(try #require(lifetime.lessThan) > .seconds(seconds))
    #expect(took < .seconds(700))
    #expect(try #require(report.keepAlive) < .seconds(seconds))
  }

  @Test("says that a mapping lives longer than it can wait for")
  func longLifetime() async throws {
    let configuration = NATConfiguration.fullCone.changed { $0.lifetimes.udp = .seconds(3600) }
    let (report, _) = try await discover(
      [Machine("alice").behind(configuration)], seed: 1, measuresLifetime: true)
    #expect(report.lifetime == NATReport.Lifetime(atLeast: .seconds(660), lessThan: nil))
  }

  @Test("says what two NATs in a row do together")
  func carrier() async throws {
    let (report, _) = try await discover(
      [Machine("alice").behind(.portRestrictedCone).behind(.carrierGrade)], seed: 1)
    #expect(report.mapping == .endpointIndependent)
    #expect(report.filtering == .addressAndPortDependent)
    let (hard, _) = try await discover([Machine("alice").behind(.symmetric).behind(.carrierGrade)], seed: 1)
    #expect(hard.mapping == .addressAndPortDependent)
    guard case .random? = hard.allocation else {
      Issue.record("\(hard)")
      return
    }
  }

  @Test("says that there is none")
  func noNAT() async throws {
    let (report, _) = try await discover([Machine("alice")], seed: 1)
    #expect(!report.isTranslated && report.mapping == nil && report.filtering == .endpointIndependent)
    #expect(report.description.contains("No NAT"))
    #expect(report.description.contains("Everyone can connect directly."))
  }

  @Test("says that UDP is blocked, or the server not there")
  func blocked() async throws {
    do {
      _ = try await discover([Machine("alice").behind(.udpBlocked)], seed: 1)
      Issue.record("something came through")
    } catch let error as NATDiscoveryError {
      #expect(error.description.contains("firewall blocks UDP"))
    }
  }

  @Test("ends when the task that waits is cancelled, and leaves no socket")
  func cancelled() async throws {
    let world = world([Machine("alice").behind(.fullCone)], seed: 1)
    try await world.run { world in
      let alice = world.machine("alice")
      let discovery = NATDiscovery(on: alice)
      let nobody = SocketAddress(IPAddress(203, 0, 113, 99), port: 3478)
      await #expect(throws: (any Error).self) {
        try await alice.withDeadline(.milliseconds(100)) { try await discovery.discover(asking: nobody) }
      }
      #expect(await !discovery.isRunning)
    }
  }

  @Test("says over loopback that there is no NAT, as far as one address can tell")
  func loopback() async throws {
    let machine = LocalMachine(name: "alice")
    let server = STUNServer(on: machine)
    let address = try await server.start(at: .loopback(.v4)).primary
    let report = try await NATDiscovery(on: machine).discover(asking: address)
    #expect(!report.isTranslated && report.filtering == nil)
    await server.stop()
    await machine.close()
    #expect(try await machine.run { machine.openHandles } == 0)
  }
}

/// One STUN server on two machines, since a simulated one has a single address of a family: what is asked of one may
/// be answered by the other.
private actor TwoAddressServer {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private var core: STUNServerCore
  private var sockets: [any UDPSocket] = []
  private var writer = STUNMessageWriter()
  private var outbox = DatagramOutbox(byteCapacity: 4096, runCapacity: 16)

  private init(_ one: SimulatedMachine, _ other: SimulatedMachine) {
    machine = one
    core = STUNServerCore(
      .init(
        primary: SocketAddress(one.address(), port: 3478),
        alternate: SocketAddress(other.address(), port: 3479)))
  }

  static func start(_ one: SimulatedMachine, _ other: SimulatedMachine) async throws -> SocketAddress {
    let server = TwoAddressServer(one, other)
    try await server.bind([one, other])
    return SocketAddress(one.address(), port: 3478)
  }

  private func bind(_ machines: [SimulatedMachine]) throws {
    for machine in machines {
      for port in [3478, 3479] as [UInt16] {
        let socket = try machine.bindUDP(to: SocketAddress(machine.address(), port: port))
        sockets.append(socket)
        let local = socket.localAddress
        socket.deliver(to: self) { server, batch in server.answer(batch, at: local) }
      }
    }
    // It is kept until the world ends.
    machine.spawn("server") {
      try await self.machine.sleep(for: .seconds(86_400))
      _ = self
    }
  }

  private func answer(_ batch: borrowing DatagramBatch, at local: SocketAddress) {
    batch.forEach { datagram in
      guard let route = core.receive(datagram.payload, from: datagram.source, at: local, into: &writer),
        let socket = sockets.first(where: { $0.localAddress == route.source })
      else { return }
      outbox.append(writer.bytes, to: route.destination)
      socket.sendOrDrop(&outbox)
    }
  }
}
