import Warren
import WarrenSimulator

/// Where a machine stands: what is between it and the internet.
struct Place: Sendable, CustomStringConvertible {
  var name: String
  /// The boxes, the innermost first.
  var boxes: [NATConfiguration] = []
  var families: [IPAddress.Family] = [.v4]

  var description: String { name }

  func machine(_ name: String) -> Node {
    let machine =
      families == [.v4] ? Machine(name) : families == [.v6] ? Machine(name).speaking(.v6) : Server(name)
    return boxes.reduce(machine) { $0.behind($1) }
  }

  static let `public` = Place(name: "public")
  static let fullCone = Place(name: "full cone", boxes: [.fullCone])
  static let restricted = Place(name: "restricted", boxes: [.restrictedCone])
  static let portRestricted = Place(name: "port-restricted", boxes: [.portRestrictedCone])
  static let sequential = Place(name: "sequential", boxes: [.symmetricSequential])
  static let random = Place(name: "random", boxes: [.symmetric])
  static let firewall = Place(name: "firewall", boxes: [.firewall])
  static let blocked = Place(name: "UDP blocked", boxes: [.udpBlocked])

  /// The same behind a carrier's NAT as well.
  var overCarrier: Place {
    Place(name: "\(name)+carrier", boxes: boxes + [.carrierGrade], families: families)
  }

  /// The same with IPv6 too, or alone.
  func speaking(_ families: IPAddress.Family...) -> Place {
    Place(name: "\(name)/\(families == [.v6] ? "v6" : "v4+v6")", boxes: boxes, families: families)
  }
}

/// Two machines that try to reach each other in a simulated internet, and how it went.
struct PunchLaboratory: Sendable {
  var alice = Place.public
  var bob = Place.public
  var loss = 0.0
  var transports: Set<PunchTransport> = [.udp]
  var limit: Duration = .seconds(10)
  var change: @Sendable (inout PunchConfiguration) -> Void = { _ in }
  /// How long a signal takes from one side to the other.
  var signalDelay: Duration = .milliseconds(50)
  /// Adds to the topology and replaces both machines, if they stand in a common one.
  var topology: (@Sendable () -> [Node])?

  /// How a punch went.
  struct Outcome: Sendable {
    /// From when both sides knew the other's candidates until each had a path; nil if it never had.
    var alice: Duration?
    var bob: Duration?
    /// Whether the first paths are two ends of one and the same, once settled.
    var agree = false
    var packets = 0
    var path: PunchedPath?
    var failedSilently = false

    var isDirect: Bool { alice != nil && bob != nil }
    var slowest: Duration? { alice.flatMap { alice in bob.map { max(alice, $0) } } }
  }

  func run(seed: UInt64) async throws -> Outcome {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    // Two links on each way: together they lose so much.
    configuration.access.loss = 1 - (1 - loss).squareRoot()
    let nodes = topology?() ?? [alice.machine("alice"), bob.machine("bob")]
    let world = World(seed: seed, configuration: configuration) {
      nodes
      Server("stun 1").linked(.access)
      Server("stun 2").linked(.access)
    }
    let outcome = try await world.run { world in try await punch(in: world) }
    return outcome
  }

  private func punch(in world: World) async throws -> Outcome {
    var configuration = PunchConfiguration()
    configuration.transports = transports
    for name in ["stun 1", "stun 2"] {
      let machine = world.machine(name)
      // Of IPv4 two addresses and two ports, so that ports can be foreseen.
      for (family, port) in [(IPAddress.Family.v4, 3478), (.v4, 3479), (.v6, 3478)]
        as [(IPAddress.Family, UInt16)]
      {
        let server = STUNServer(on: machine)
        let address = SocketAddress(machine.address(family), port: port)
        try await server.start(at: address)
        if name == "stun 1" || port == 3478 { configuration.stunServers.append(address) }
      }
    }
    change(&configuration)
    let (alice, bob) = (world.machine("alice"), world.machine("bob"))
    let a = HolePuncher(on: alice, role: .controlling, configuration)
    let b = HolePuncher(on: bob, role: .controlled, configuration)
    let known = Known()
    carrySignals(from: a, to: b, known, in: world)
    carrySignals(from: b, to: a, known, in: world)
    try await a.start()
    try await b.start()

    var outcome = Outcome()
    let limit = limit
    async let first = bob.run { () -> Instant? in
      _ = try? await bob.withDeadline(limit) { try await b.firstPath() }
      return await b.paths.isEmpty ? nil : world.now
    }
    _ = try? await alice.withDeadline(limit) { try await a.firstPath() }
    let aliceAt: Instant? = await a.paths.isEmpty ? nil : world.now
    let bobAt = try await first
    let start = known.both ?? Instant(nanoseconds: 0)
    outcome.alice = aliceAt.map { start.duration(to: $0) }
    outcome.bob = bobAt.map { start.duration(to: $0) }
    if outcome.isDirect {
      try await alice.sleep(for: .seconds(1))
      let (pathA, pathB) = (await a.selectedPath, await b.selectedPath)
      outcome.path = pathA
      outcome.agree = pathA != nil && pathB != nil
    }
    outcome.packets = await a.counters.checksSent + b.counters.checksSent
    await a.close()
    await b.close()
    return outcome
  }

  /// When each side had been told of the other's reflexive addresses.
  final class Known: @unchecked Sendable {
    // Used on the world's thread alone.
    var descriptions: [Instant] = []
    var both: Instant? { descriptions.max() }
  }

  private func carrySignals(from: HolePuncher, to: HolePuncher, _ known: Known, in world: World) {
    let machine = from.machine
    let delay = signalDelay
    machine.spawn("signals of \(machine.name)") {
      for await signal in from.signals {
        machine.spawn("a signal of \(machine.name)") {
          try? await machine.sleep(for: delay)
          await to.receive(signal)
          let tells =
            switch signal {
            case .description(let description): !description.candidates.isEmpty
            case .candidate: true
            case .ports: true
            case .complete, .search: false
            }
          if tells { known.descriptions.append(world.now) }
        }
      }
    }
  }
}
