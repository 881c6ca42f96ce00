import Warren
import WarrenSimulator

/// Peers in a world where everything goes wrong that can, until it is calm again: then every connection that can exist must come
/// about.
public struct PeerStorm: Sendable {
  /// How many of the packets are lost while it lasts.
  public var loss = 0.05
  /// How long it lasts.
  public var duration: Duration = .seconds(30)
  /// How many things go wrong besides.
  public var faults = 6
  /// Which kinds of them.
  public var kinds = Fault.allCases
  /// How many peers there are.
  public var peers = 4

  /// A storm.
  public init() {}

  /// Something that goes wrong.
  public enum Fault: String, CaseIterable, Sendable {
    /// The registry is gone for some seconds, and knows nobody when it comes back.
    case registryCrash
    /// A NAT forgets all its mappings.
    case natReboot
    /// A NAT has another address as well.
    case natMove
    /// A machine has another address.
    case lease
    /// A machine's link is down for some seconds.
    case linkDown
    /// A peer's program ends, and is started again.
    case restart
  }

  /// What was wrong.
  public struct Outcome: Sendable {
    /// What was not as it should be, a line each.
    public var faults: [String] = []
    /// How many connections were asked for in the storm, and came about.
    public var asked = 0
    public var connected = 0
    /// How long those took that were asked for when it was calm again.
    public var times: [Duration] = []

    /// Nothing has happened yet.
    public init(faults: [String] = []) { self.faults = faults }
  }

  private static let easy: [Place] = [
    .public, .fullCone, .restricted, .portRestricted, .firewall, .portRestricted.overCarrier,
    .portRestricted.speaking(.v4, .v6),
  ]
  /// One of these in each world: two of them do not get through to each other. A carrier that gives each customer a block of
  /// ports is not among them: one search for a port takes most of them until its mappings have run out.
  private static let hard: [Place] = [.sequential, .random]

  /// Lets it rage in a world of this seed.
  public func run(seed: UInt64, keptEvents: Int = 0) async throws -> (outcome: Outcome, trace: Trace) {
    var chance = SeededPlan(seed)
    var places = (1..<peers).map { _ in Self.easy[chance.below(Self.easy.count)] }
    places.insert(Self.hard[chance.below(Self.hard.count)], at: chance.below(peers))
    let homes = places
    var configuration = World.Configuration()
    configuration.keptEvents = keptEvents
    configuration.access.loss = loss / 2
    configuration.access.jitter = .milliseconds(5)
    configuration.access.reordering = 0.02
    configuration.access.duplication = 0.02
    let world = World(seed: seed, configuration: configuration) {
      for (number, place) in homes.enumerated() { place.node(Self.name(number)) }
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    let plan = chance
    let outcome = try await world.run { world in
      try await Storm(self, in: world, homes, plan).run()
    }
    return (outcome, world.trace)
  }

  static func name(_ number: Int) -> String { "peer \(number)" }

  /// What a seed has in store.
  struct SeededPlan: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let mixed = (state ^ (state >> 33)) &* 0xFF51_AFD7_ED55_8CCD
      return mixed ^ (mixed >> 33)
    }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
  }

  /// One that rages. Used on the world's thread alone.
  private final class Storm: @unchecked Sendable {
    let storm: PeerStorm
    let world: World
    let places: [Place]
    var chance: SeededPlan
    var outcome = Outcome()
    var keys: [PrivateKey] = []
    var peers: [Peer] = []
    var setting: PeerSetting!
    var isRegistryGone = false
    var restarting: Set<Int> = []
    /// Whom the last one lets in: everyone but the first.
    var denied: PeerID { keys[0].peerID }

    init(_ storm: PeerStorm, in world: World, _ places: [Place], _ chance: SeededPlan) {
      self.storm = storm
      self.world = world
      self.places = places
      self.chance = chance
    }

    func complain(_ text: String) { if outcome.faults.count < 20 { outcome.faults.append(text) } }

    func run() async throws -> Outcome {
      setting = try await PeerSetting(in: world)
      for number in places.indices {
        var random = world.machine(PeerStorm.name(number)).random
        keys.append(PrivateKey(using: &random))
      }
      for number in places.indices { peers.append(try await start(number)) }
      let machine = world.machine("stun")
      let dials = (0..<20).map { _ in (at: chance.below(Int(storm.duration / .milliseconds(1))), pair()) }
      for (at, (from, to)) in dials {
        machine.spawn("a dial in the storm") {
          try await machine.sleep(for: .milliseconds(at))
          await self.dial(from, to)
        }
      }
      for _ in 0..<storm.faults {
        let at = chance.below(Int(storm.duration / .milliseconds(1)))
        let (kind, victim) = (storm.kinds[chance.below(storm.kinds.count)], chance.below(places.count))
        let length = Duration.milliseconds(500 + chance.below(4500))
        machine.spawn("a fault") {
          try await machine.sleep(for: .milliseconds(at))
          try await self.strike(kind, victim, for: length)
        }
      }
      try await machine.sleep(for: storm.duration + .seconds(10))
      try await calm(machine)
      await finish(machine)
      return outcome
    }

    private func start(_ number: Int) async throws -> Peer {
      let (key, denied, isLast) = (keys[number], denied, number == places.count - 1)
      let peer = try await setting.peer(PeerStorm.name(number)) { configuration in
        configuration.key = key
        configuration.policy =
          isLast ? .decide { peer, _ in peer != denied } : .everyone
      }
      let name = peer.machine.name
      peer.machine.spawn("what happens") {
        for await event in peer.events { self.world.note("\(name): \(event)") }
      }
      peer.machine.spawn("what others begin") {
        for await connection in peer.connections { self.answer(connection, at: number) }
      }
      return peer
    }

    /// Anyone and anyone else; but the last one does not itself ask for whom it denies.
    private func pair() -> (Int, Int) {
      let from = chance.below(places.count)
      let to = (from + 1 + chance.below(places.count - 1)) % places.count
      return from == places.count - 1 && to == 0 ? (1, 0) : (from, to)
    }

    /// Says on every stream who it is, and who it believes that the other side is.
    private func answer(_ connection: Connection, at number: Int) {
      let machine = world.machine(PeerStorm.name(number))
      machine.spawn("answers") {
        for await stream in connection.incomingStreams {
          machine.spawn("an answer") {
            _ = try await stream.read()
            try await stream.write(self.keys[number].peerID.bytes + (connection.peer?.bytes ?? []))
            try await stream.finish()
          }
        }
      }
    }

    private func dial(_ from: Int, _ to: Int) async {
      outcome.asked += 1
      guard let connection = try? await peers[from].connect(to: keys[to].peerID) else { return }
      outcome.connected += 1
      if from == 0, to == places.count - 1 { complain("who was denied is connected") }
      if connection.peer != keys[to].peerID { complain("somebody else than who was called is connected") }
      answer(connection, at: from)
    }

    private func strike(_ fault: Fault, _ victim: Int, for length: Duration) async throws {
      let name = PeerStorm.name(victim)
      let machine = world.machine(name)
      world.note("\(fault.rawValue) of \(name), for \(length)")
      switch fault {
      case .registryCrash:
        guard !isRegistryGone else { return }
        isRegistryGone = true
        try await setting.crash(for: length)
        isRegistryGone = false
      case .natReboot: if !places[victim].boxes.isEmpty { world.box("\(name)'s NAT").reboot() }
      case .natMove:
        if places[victim].boxes.count == 1 { world.box("\(name)'s NAT").reboot(renumbering: true) }
      case .lease: machine.renumber()
      case .linkDown:
        machine.uplink.configuration.isUp = false
        machine.downlink.configuration.isUp = false
        try await machine.sleep(for: length)
        machine.uplink.configuration.isUp = true
        machine.downlink.configuration.isUp = true
      case .restart:
        guard restarting.insert(victim).inserted else { return }
        await peers[victim].close()
        peers[victim] = try await start(victim)
        restarting.remove(victim)
      }
    }

    /// It is calm: whoever asks is answered.
    private func calm(_ machine: SimulatedMachine) async throws {
      for victim in world.machines {
        for link in [\SimulatedMachine.uplink, \SimulatedMachine.downlink] {
          victim[keyPath: link].configuration.loss = 0
          victim[keyPath: link].configuration.isUp = true
        }
      }
      // What was lost is noticed: a registry that comes back is found, and connections that are dead have ended.
      try await machine.sleep(for: .seconds(75))
      for from in places.indices {
        for to in places.indices where from != to { try await check(from, to, machine) }
      }
    }

    private func check(_ from: Int, _ to: Int, _ machine: SimulatedMachine) async throws {
      let began = world.now
      let isDenied = from == 0 && to == places.count - 1
      let pair = "\(places[from]) (\(from)) to \(places[to]) (\(to))"
      do {
        let (peer, target) = (peers[from], keys[to].peerID)
        let said = try await machine.withDeadline(.seconds(20)) {
          let connection = try await peer.connect(to: target)
          guard connection.peer == target else { return [UInt8]() }
          self.answer(connection, at: from)
          let stream = try await connection.openStream()
          try await stream.write([1])
          try await stream.finish()
          return try await stream.read(exactly: 64)
        }
        if isDenied { return complain("\(pair): denied, and connected") }
        if said != keys[to].peerID.bytes + keys[from].peerID.bytes {
          complain("\(pair): the two do not agree on who they are")
        }
        outcome.times.append(began.duration(to: world.now))
      } catch {
        if isDenied, (error as? PeerError)?.code == .denied { return }
        complain("\(pair): \(error)")
      }
    }

    private func finish(_ machine: SimulatedMachine) async {
      for peer in peers { await peer.close() }
      await setting.close()
      try? await machine.sleep(for: .seconds(90))
      for number in places.indices {
        let machine = world.machine(PeerStorm.name(number))
        if machine.openUDPSockets > 0 {
          complain("\(machine.name) has \(machine.openUDPSockets) sockets open")
        }
        let tasks = machine.waits.runningTasks
        if !tasks.isEmpty {
          complain("\(machine.name) still does: \(tasks.prefix(5).joined(separator: "; "))")
        }
        let waiting = machine.waits.waiting
        if !waiting.isEmpty {
          complain("\(machine.name) waits for: \(waiting.prefix(5).joined(separator: "; "))")
        }
      }
    }
  }
}
