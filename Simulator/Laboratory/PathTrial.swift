import Warren
import WarrenSimulator

/// Two peers that say something to each other all the time, while something happens to their ways.
public struct PathTrial: Sendable {
  /// What happens.
  public var scenario: PathScenario
  /// How often each says something, and how much.
  public static let interval: Duration = .milliseconds(20)
  static let frame = 500
  /// How long a silence is that a person notices.
  static let noticed: Duration = .milliseconds(250)

  /// A trial of this.
  public init(_ scenario: PathScenario) { self.scenario = scenario }

  /// What came of it.
  public struct Outcome: Sendable {
    /// What was not as it should be, a line each.
    public var faults: [String] = []
    /// How long nothing came, at most, at either side.
    public var longestSilence = Duration.zero
    /// How often nothing came at a side for so long that a person notices.
    public var breaks = 0
    /// The ways that the connection took, as the caller saw it.
    public var kinds: [Path.Kind] = []

    /// Nothing has happened yet.
    public init(faults: [String] = []) { self.faults = faults }
  }

  /// What a scenario can lay hands on.
  public struct Scene: Sendable {
    /// Where it is.
    public let world: World
    /// The registry, which relays.
    public let setting: PeerSetting
    /// Who has called, and who was called.
    public let alice, bob: Peer
    /// The connection, as both have it.
    public let connection, other: Connection
    /// Lets time pass.
    public func wait(_ time: Duration) async throws { try await alice.machine.sleep(for: time) }
  }

  /// Runs it in a world of this seed.
  public func run(seed: UInt64, keptEvents: Int = 0) async throws -> (outcome: Outcome, trace: Trace) {
    var configuration = World.Configuration()
    configuration.keptEvents = keptEvents
    let world = World(seed: seed, configuration: configuration) {
      scenario.alice.node("alice")
      scenario.bob.node("bob")
      NAT("mobile network", .carrierGrade) { Machine("another phone") }
      Server("registry").linked(.access)
      Server("stun").linked(.access)
      Server("relay").linked(.access)
    }
    let outcome = try await world.run { world in try await play(in: world) }
    return (outcome, world.trace)
  }

  private func play(in world: World) async throws -> Outcome {
    let setting = try await PeerSetting(in: world, relays: true, port: scenario.registryPort)
    let (relay, addresses) = try await Self.secondRelay(in: world)
    func configure(_ configuration: inout Peer.Configuration) {
      configuration.search = .fast
      configuration.policy = .everyone
      if scenario.hasSecondRelay { configuration.relays = addresses }
      scenario.change(&configuration)
    }
    let a = try await setting.peer("alice", configure)
    let b = try await setting.peer("bob", configure)
    var outcome = Outcome()
    do {
      let accepting = b.machine.spawn("bob's connection") {
        for await connection in b.connections { return Optional(connection) }
        return nil
      }
      let connection = try await a.connect(to: b.id)
      guard let other = try await accepting.value else { throw PeerError(.closed, "bob has none") }
      let scene = Scene(
        world: world, setting: setting, alice: a, bob: b, connection: connection, other: other)
      outcome = try await play(scene)
    } catch {
      outcome.faults.append("\(error)")
    }
    await a.close()
    await b.close()
    await relay.stop()
    await setting.close()
    return outcome
  }

  /// A relay on a machine, and where it is found.
  static func secondRelay(
    in world: World, on name: String = "relay"
  ) async throws -> (RelayServer, [RelayServerAddress]) {
    let machine = world.machine(name)
    var configuration = RelayConfiguration(
      RelayCredentials(users: ["peer": "open sesame"]), at: RelayAddress(machine.address(.v4)))
    configuration.permits = [IPPrefix(.any(.v4), length: 0)]
    let relay = RelayServer(on: machine, configuration)
    let address = SocketAddress(machine.address(.v4), port: 3478)
    _ = try await relay.start(at: address)
    let addresses = [RelayServerAddress.Transport.udp, .tcp].map { transport in
      RelayServerAddress(
        host: "\(address.ip)", port: 3478, transport: transport, username: "peer", password: "open sesame")
    }
    return (relay, addresses)
  }

  private func play(_ scene: Scene) async throws -> Outcome {
    var outcome = Outcome()
    let kinds = Kinds()
    let watching = scene.alice.machine.spawn("alice's ways") {
      for await path in await scene.connection.pathUpdates where kinds.all.last != path.kind {
        kinds.all.append(path.kind)
      }
    }
    let duration = scenario.duration
    let hearing = scene.bob.machine.spawn("what bob hears and says") { () async throws -> Heard? in
      for await stream in scene.other.incomingStreams {
        let saying = scene.bob.machine.spawn("what bob says") {
          try await Self.say(over: stream, for: duration, scene.bob.machine)
        }
        let heard = try await Self.hear(stream, scene.world)
        try await saying.value
        return heard
      }
      return nil
    }
    let stream = try await scene.connection.openStream()
    let saying = scene.alice.machine.spawn("what alice says") {
      try await Self.say(over: stream, for: duration, scene.alice.machine)
    }
    let happening = scene.alice.machine.spawn("what happens") { try await scenario.happens(scene) }
    do {
      try await scene.alice.machine.withDeadline(duration + .seconds(40)) {
        let (hearing, stream, world) = (hearing, stream, scene.world)
        let here = try await Self.hear(stream, world)
        let there = try await hearing.value
        try await saying.value
        try await happening.value
        kinds.heard = (here, there)
      }
    } catch {
      outcome.faults.append("\(error)")
      for task in [saying, happening, watching] { task.cancel() }
      hearing.cancel()
    }
    watching.cancel()
    outcome.kinds = kinds.all
    for heard in [kinds.heard.0, kinds.heard.1] {
      guard let heard else { continue }
      if !heard.isWhole {
        outcome.faults.append("what came is not what was said, from byte \(heard.count) on")
      }
      outcome.longestSilence = max(outcome.longestSilence, heard.longestSilence)
      outcome.breaks = max(outcome.breaks, heard.breaks)
      if heard.count != Self.total(in: duration) { outcome.faults.append("\(heard.count) bytes came") }
    }
    if outcome.longestSilence > scenario.silence {
      outcome.faults.append("nothing came for \(outcome.longestSilence)")
    }
    if let most = scenario.mostBreaks, outcome.breaks > most {
      outcome.faults.append("nothing came for a moment \(outcome.breaks) times")
    }
    if let last = scenario.lastKind, outcome.kinds.last != last {
      outcome.faults.append("the ways were \(outcome.kinds.map(\.rawValue)), not \(last) at last")
    }
    if let most = scenario.mostChanges, outcome.kinds.count > most + 1 {
      outcome.faults.append("the ways were \(outcome.kinds.map(\.rawValue)): too many")
    }
    return outcome
  }

  private final class Kinds: @unchecked Sendable {
    // Used on the world's thread alone.
    var all: [Path.Kind] = []
    var heard: (Heard?, Heard?) = (nil, nil)
  }

  private struct Heard: Sendable {
    var count = 0
    var isWhole = true
    var longestSilence = Duration.zero
    var breaks = 0
  }

  private static func total(in duration: Duration) -> Int { Int(duration / interval) * frame }

  private static func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 31 ^ place >> 8) }

  private static func say(
    over stream: Connection.Stream, for duration: Duration, _ machine: any Machine
  ) async throws {
    var said = 0
    let total = total(in: duration)
    while said < total {
      try await stream.write((said..<said + frame).map(byte))
      said += frame
      try await machine.sleep(for: interval)
    }
    try await stream.finish()
  }

  private static func hear(_ stream: Connection.Stream, _ world: World) async throws -> Heard {
    var heard = Heard()
    var last = world.now
    while let bytes = try await stream.read() {
      let silence = last.duration(to: world.now)
      heard.longestSilence = max(heard.longestSilence, silence)
      if silence > noticed { heard.breaks += 1 }
      last = world.now
      for value in bytes {
        if heard.isWhole, value != byte(heard.count) { heard.isWhole = false }
        if heard.isWhole { heard.count += 1 }
      }
    }
    return heard
  }
}
