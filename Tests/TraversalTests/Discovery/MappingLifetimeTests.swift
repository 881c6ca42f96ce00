import Testing
import Warren
import WarrenSimulator

@Suite("The life of an unused mapping")
struct MappingLifetimeTests {
  /// What is found out behind boxes, how long that takes, and how many packets leave the machine.
  private static func measure(
    _ boxes: NATConfiguration..., addresses: Int = 1, loss: Double = 0, isAnswering: Bool = true,
    seed: UInt64 = 1
  ) async throws -> (outcome: MappingLifetimeCore.Outcome, took: Duration, sent: Int) {
    var configuration = World.Configuration()
    configuration.keptEvents = 100_000
    configuration.access.loss = loss
    let world = World(seed: seed, configuration: configuration) {
      boxes.enumerated().reduce(Machine("alice")) { node, box in
        node.behind(box.element, addresses: box.offset == boxes.count - 1 ? addresses : 1)
          .linked(LinkConfiguration(latency: .milliseconds(2)))
      }
      Server("registry").linked(LinkConfiguration(latency: .milliseconds(20)))
    }
    let (outcome, took) = try await world.run { world in
      let machine = world.machine("registry")
      let address = SocketAddress(machine.address(.v4), port: 3478)
      var random = machine.random
      let server = RegistryServer(Registry(on: machine), on: machine, key: PrivateKey(using: &random))
      if isAnswering {
        try await server.start(at: address)
      } else {
        try await STUNServer(on: machine).start(at: address)
      }
      let asker = Asker(world.machine("alice"))
      let start = world.now
      let outcome = try await asker.ask(address)
      if isAnswering { await server.stop() }
      return (outcome, start.duration(to: world.now))
    }
    let sent = world.trace.events.count { event in
      if case .sent = event.happening { event.place == "alice" } else { false }
    }
    return (outcome, took, sent)
  }

  private actor Asker {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var measurement: MappingLifetime?

    init(_ machine: any Machine) { self.machine = machine }

    func ask(_ server: SocketAddress) async throws -> MappingLifetimeCore.Outcome {
      try await machine.suspend({ "the life of a mapping" }) { wait in
        measurement = try? MappingLifetime(asking: server, on: machine) { wait.succeed($0) }
      }
    }
  }

  private static func nat(_ life: Int, _ change: (inout NATConfiguration) -> Void = { _ in })
    -> NATConfiguration
  {
    .changed {
      $0.lifetimes.udp = .seconds(life)
      change(&$0)
    }
  }

  @Test(
    "is the longest silence that it has survived, with some dozens of packets",
    arguments: [(20, 19), (30, 29), (60, 59), (100, 89), (300, 299), (900, 299)])
  func measured(life: Int, longest: Int) async throws {
    for box in [
      Self.nat(life), Self.nat(life) { $0.translates = false }, Self.nat(life) { $0.keepsPort = false },
    ] {
      let found = try await Self.measure(box)
      #expect(found.outcome == .atLeast(.seconds(longest)), "\(box)")
      #expect(found.sent <= 80, "\(found.sent)")
    }
  }

  @Test("is that of a conversation, which lives longer than a question")
  func conversation() async throws {
    let found = try await Self.measure(Self.nat(120) { $0.lifetimes.udpUnreplied = .seconds(30) })
    #expect(found.outcome == .atLeast(.seconds(119)))
  }

  @Test("is that of the most forgetful of several boxes")
  func several() async throws {
    let found = try await Self.measure(Self.nat(300), Self.nat(45))
    #expect(found.outcome == .atLeast(.seconds(44)))
  }

  @Test(
    "is found out where packets are lost, and never taken for longer than it is",
    arguments: 1...10 as ClosedRange<UInt64>)
  func lossy(seed: UInt64) async throws {
    let found = try await Self.measure(Self.nat(60), loss: 0.05, seed: seed)
    guard case .atLeast(let life) = found.outcome else {
      Issue.record("\(found.outcome)")
      return
    }
    #expect(life <= .seconds(59) && life >= .seconds(29), "\(life)")
  }

  @Test("is not known where the server does not send to other ports, and soon so")
  func refused() async throws {
    let found = try await Self.measure(Self.nat(60), isAnswering: false)
    #expect(found.outcome == .unknown)
    #expect(found.took < .seconds(5))
  }

  @Test("is not known where nobody answers")
  func silent() async throws {
    let found = try await Self.measure(.udpBlocked)
    #expect(found.outcome == .unknown)
    #expect(found.took < .seconds(10))
  }
}
