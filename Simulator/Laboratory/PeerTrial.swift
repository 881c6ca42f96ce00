import Warren
import WarrenSimulator

/// Two peers in a simulated internet with a registry, one of which connects with the other, and how long it takes.
public struct PeerTrial: Sendable {
  /// Where each of them stands.
  public var alice: Place
  public var bob: Place
  /// How many of the packets are lost on the way.
  public var loss = 0.0
  /// How long it may take.
  public var limit: Duration = .seconds(20)
  /// Whether bob knows nobody, and is asked.
  public var asks = false
  /// Whether both dial.
  public var crosses = false
  /// Whether the two have met before, and alice says her first byte with her first packet.
  public var isEarly = false
  /// Whether the registry relays.
  public var relays = false
  /// Changes the configuration of both.
  public var change: @Sendable (inout Peer.Configuration) -> Void = { _ in }

  /// A trial of two places.
  public init(alice: Place = .public, bob: Place = .public) {
    self.alice = alice
    self.bob = bob
  }

  /// How it went.
  public struct Outcome: Sendable {
    /// From `connect` until alice had the connection.
    public var connected: Duration?
    /// From `connect` until bob had her first byte, and she his answer to it.
    public var firstByte: Duration?
    public var answered: Duration?
    /// Whether the two know each other, and have one connection.
    public var agree = false
    /// Why there is none.
    public var failure: String?
    /// Whether holes had to be punched.
    public var isPunched = false
    /// Whether a relay was on the way at the end.
    public var isRelayed = false
  }

  /// How long a packet takes from one machine of the simulated internet to another.
  public static let oneWay: Duration = .milliseconds(25)

  /// Tries it in a world of this seed.
  public func run(seed: UInt64, keptEvents: Int = 0) async throws -> (outcome: Outcome, trace: Trace) {
    let world = PeerSetting.world(of: alice, bob, loss: loss, seed: seed, keptEvents: keptEvents)
    let outcome = try await world.run { world in try await connect(in: world) }
    return (outcome, world.trace)
  }

  private func connect(in world: World) async throws -> Outcome {
    let setting = try await PeerSetting(in: world, relays: relays)
    let a = try await setting.peer("alice") { configuration in
      configuration.permitsEarlyData = isEarly
      change(&configuration)
    }
    let b = try await setting.peer("bob") { configuration in
      configuration.policy = asks ? .ask : .everyone
      configuration.permitsEarlyData = isEarly
      change(&configuration)
    }
    var outcome = Outcome()
    if isEarly { try? await meet(a, b) }
    let began = world.now
    let first = Moment()
    b.machine.spawn("bob's connections") {
      for await connection in b.connections { Self.answer(connection, on: b.machine, first, world) }
    }
    if asks {
      b.machine.spawn("bob lets everyone in") {
        for await request in b.requests {
          Self.answer(try await request.accept(), on: b.machine, first, world)
        }
      }
    }
    if crosses {
      b.machine.spawn("bob connects as well") {
        let connection = try await b.connect(to: a.id)
        Self.answer(connection, on: b.machine, first, world)
      }
    }
    do {
      try await a.machine.withDeadline(limit) {
        let question = Question()
        if isEarly {
          try await a.connect(to: b.id) { try await question.ask(over: $0) }
          first.connected = world.now
        } else {
          let connection = try await a.connect(to: b.id)
          first.connected = world.now
          try await question.ask(over: connection)
        }
        _ = try await question.stream?.read()
        first.answered = world.now
      }
    } catch {
      outcome.failure = "\(error)"
    }
    outcome.connected = first.connected.map { began.duration(to: $0) }
    outcome.firstByte = first.heard.map { began.duration(to: $0) }
    outcome.answered = first.answered.map { began.duration(to: $0) }
    outcome.isPunched = await a.counters.punched + b.counters.punched > 0
    // What was answered early is agreed on when the handshake is done.
    if isEarly { try? await a.machine.sleep(for: Self.oneWay * 4) }
    if let connection = await a.connection(with: b.id) {
      outcome.isRelayed = await connection.path.kind == .relayed
    }
    let (ours, theirs) = (await a.connectedPeers, await b.connectedPeers)
    outcome.agree = ours == [b.id] && theirs == [a.id]
    await a.close()
    await b.close()
    await setting.close()
    return outcome
  }

  /// The two meet, and part again; and what they know of each other's places is old.
  private func meet(_ a: Peer, _ b: Peer) async throws {
    try await a.machine.withDeadline(limit) {
      let connection = try await a.connect(to: b.id)
      var others = b.connections.makeAsyncIterator()
      let other = await others.next()
      // What is needed to be early comes after the handshake.
      try await a.machine.sleep(for: Self.oneWay * 4)
      await connection.close()
      _ = try await other?.closed()
    }
    try await a.machine.sleep(for: .seconds(60))
  }

  /// The first byte that is said, on a stream of its own.
  private final class Question: @unchecked Sendable {
    // Used on the world's thread alone.
    var stream: Connection.Stream?

    func ask(over connection: Connection) async throws {
      let stream = try await connection.openStream()
      self.stream = stream
      try await stream.write([1])
      try await stream.finish()
    }
  }

  private static func answer(
    _ connection: Connection, on machine: any Machine, _ moment: Moment, _ world: World
  ) {
    machine.spawn("bob's answers") {
      for await stream in connection.incomingStreams {
        _ = try await stream.read()
        moment.heard = moment.heard ?? world.now
        try await stream.write([2])
        try await stream.finish()
      }
    }
  }

  private final class Moment: @unchecked Sendable {
    // Used on the world's thread alone.
    var connected, heard, answered: Instant?
  }
}
