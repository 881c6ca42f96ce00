import Warren
import WarrenSimulator

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Two machines that try to reach each other in a simulated internet, and how it went.
public struct PunchTrial: Sendable {
  /// Where each of them stands.
  public var alice: Place
  public var bob: Place
  /// How many of the packets are lost on the way.
  public var loss = 0.0
  /// What may carry a path.
  public var transports: Set<TransportProtocol> = [.udp]
  /// How long it may take.
  public var limit: Duration = .seconds(10)
  /// How long a signal takes from one side to the other.
  public var signalDelay: Duration = .milliseconds(50)
  /// How much longer a signal to alice takes.
  public var lag: Duration = .zero
  /// Whether bob knows that it was alice who asked.
  public var bobWasAsked = false
  /// Whether both ask their gateways for outside ports.
  public var mapsPorts = false
  /// Who each believes decides, which they may both.
  public var roles: (alice: ICECore.Role, bob: ICECore.Role) = (.controlling, .controlled)
  /// Changes the configuration of both.
  public var change: @Sendable (inout PunchConfiguration) -> Void = { _ in }
  /// Replaces both machines, where they stand in a common place.
  public var topology: (@Sendable () -> [Node])?

  /// A trial of two places.
  public init(alice: Place = .public, bob: Place = .public) {
    self.alice = alice
    self.bob = bob
  }

  /// How a punch went.
  public struct Outcome: Sendable {
    /// From when both sides knew the other's candidates until each had a path; nil if it never had.
    public var alice: Duration?
    public var bob: Duration?
    /// From when both knew how the other's NATs choose ports until both had a path.
    public var searched: Duration?
    /// Whether both use a path once it has settled.
    public var agree = false
    /// What both sent to each other, or to where the other might be, until both had a path, with IP and UDP headers.
    public var packets = 0
    public var bytes = 0
    public var checks = 0
    /// What alice uses.
    public var path: PunchedPath?
    /// Why she has none, if somebody knows.
    public var failure: String?

    /// Whether each side has a way to the other.
    public var isDirect: Bool { alice != nil && bob != nil }
    /// How long the slower one took.
    public var slowest: Duration? { alice.flatMap { alice in bob.map { max(alice, $0) } } }
  }

  /// Tries it in a world of this seed.
  public func run(seed: UInt64) async throws -> Outcome {
    try await run(seed: seed, keptEvents: 0).outcome
  }

  /// Tries it in a world of this seed, and tells what became of so many packets.
  public func run(seed: UInt64, keptEvents: Int) async throws -> (outcome: Outcome, trace: Trace) {
    var configuration = World.Configuration()
    configuration.keptEvents = keptEvents
    configuration.lose(loss)
    let nodes = topology?() ?? [alice.node("alice"), bob.node("bob")]
    let world = World(seed: seed, configuration: configuration) {
      nodes
      Server("stun 1").linked(.access)
      Server("stun 2").linked(.access)
    }
    let outcome = try await world.run { world in try await punch(in: world) }
    return (outcome, world.trace)
  }

  private func punch(in world: World) async throws -> Outcome {
    let servers = try await startServers(in: world)
    startNeighbours(in: world)
    let (alice, bob) = (world.machine("alice"), world.machine("bob"))
    let a = HolePuncher(on: alice, role: roles.alice, configuration(self.alice, servers, on: alice))
    let b = HolePuncher(on: bob, role: roles.bob, configuration(self.bob, servers, on: bob))
    let known = Known()
    carrySignals(from: a, to: b, known, in: world)
    carrySignals(from: b, to: a, known, in: world)
    if bobWasAsked { await b.wasAsked() }
    try await a.start()
    try await b.start()

    var outcome = Outcome()
    let limit = limit
    async let first = bob.run { () -> Instant? in
      _ = try? await bob.withDeadline(limit) { try await b.firstPath() }
      return await b.paths.isEmpty ? nil : world.now
    }
    do { _ = try await alice.withDeadline(limit) { try await a.firstPath() } } catch {
      outcome.failure = "\(error)"
    }
    let aliceAt: Instant? = await a.paths.isEmpty ? nil : world.now
    let bobAt = try await first
    outcome.alice = aliceAt.map { known.candidates.duration(to: $0) }
    outcome.bob = bobAt.map { known.candidates.duration(to: $0) }
    outcome.searched = aliceAt.flatMap { at in bobAt.map { known.ports.duration(to: max(at, $0)) } }
    for puncher in [a, b] {
      let traffic = await puncher.traffic
      outcome.packets += traffic.packets
      outcome.bytes += traffic.bytes
    }
    if outcome.isDirect {
      outcome.agree = try await haveAgreed(a, b)
      outcome.path = await a.selectedPath
    }
    outcome.checks = await a.counters.checksSent + b.counters.checksSent
    await a.close()
    await b.close()
    return outcome
  }

  /// Whether both use a way, once what was lost has been sent again.
  private func haveAgreed(_ a: HolePuncher, _ b: HolePuncher) async throws -> Bool {
    for _ in 0..<100 {
      try await a.machine.sleep(for: .milliseconds(100))
      if await a.selectedPath != nil, await b.selectedPath != nil { return true }
    }
    return false
  }

  private func configuration(
    _ place: Place, _ servers: [SocketAddress], on machine: any Machine
  ) -> PunchConfiguration {
    var configuration = PunchConfiguration()
    if mapsPorts { configuration.portMapper = PortMapper(on: machine) }
    configuration.transports = transports
    configuration.stunServers = servers
    configuration.filtering = place.filtering
    change(&configuration)
    return configuration
  }

  /// Two machines with a STUN server each; of IPv4 two addresses and two ports, so that ports can be foreseen.
  private func startServers(in world: World) async throws -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    for (name, family, port) in [
      ("stun 1", .v4, 3478), ("stun 1", .v4, 3479), ("stun 1", .v6, 3478), ("stun 2", .v4, 3478),
      ("stun 2", .v6, 3478),
    ] as [(String, IPAddress.Family, UInt16)] {
      let machine = world.machine(name)
      let address = SocketAddress(machine.address(family), port: port)
      try await STUNServer(on: machine).start(at: address)
      addresses.append(address)
    }
    return addresses
  }

  /// Machines that share a NAT with those who punch, and open mappings when they like.
  private func startNeighbours(in world: World) {
    for (name, place) in [("alice", alice), ("bob", bob)] where place.neighbourRate > 0 && topology == nil {
      world.machine(Place.neighbour(of: name)).openMappings(perSecond: place.neighbourRate)
    }
  }

  /// When each side had been told of the other's candidates, and of its ports.
  private final class Known: @unchecked Sendable {
    // Used on the world's thread alone.
    var candidates = Instant(nanoseconds: 0)
    var ports = Instant(nanoseconds: 0)
  }

  private func carrySignals(from: HolePuncher, to: HolePuncher, _ known: Known, in world: World) {
    let machine = from.machine
    let delay = signalDelay + (to.machine.name == "alice" ? lag : .zero)
    machine.spawn("signals of \(machine.name)") {
      for await signal in from.signals {
        machine.spawn("a signal of \(machine.name)") {
          try? await machine.sleep(for: delay)
          switch signal.content {
          case .description, .candidate: known.candidates = world.now
          case .ports(let report) where report.round == 0: known.ports = world.now
          case .ports, .complete, .search: break
          }
          // As it would be sent: in bytes.
          do {
            await to.receive(try PunchSignal(decoding: signal.encoded.span.bytes))
          } catch {
            preconditionFailure("\(signal) cannot be read back: \(error)")
          }
        }
      }
    }
  }
}
