import Warren
import WarrenSimulator

/// Two peers that are connected and say nothing, and what passes all the same.
public struct IdleTrial: Sendable {
  /// Where each of them stands.
  public var alice: Place
  public var bob: Place
  /// How long nothing is said before it counts: until it is known for how long mappings live.
  public var before: Duration = .seconds(600)
  /// For how long it counts.
  public var duration: Duration
  /// How many of the packets are lost on the way.
  public var loss = 0.0
  /// Whether the registry relays, and there is a spare way.
  public var relays = true
  /// Changes the configuration of both.
  public var change: @Sendable (inout Peer.Configuration) -> Void = { _ in }

  /// What happens when half of the time has passed.
  public var halfway: @Sendable (_ alice: Peer) async -> Void = { _ in }

  /// A trial of two places.
  public init(alice: Place, bob: Place, for duration: Duration) {
    (self.alice, self.bob, self.duration) = (alice, bob, duration)
  }

  /// Both are behind NATs that keep an unused mapping for so long.
  public init(behindNATsOf life: Duration, for duration: Duration) {
    let nat = NATConfiguration.changed { $0.lifetimes.udp = life }
    self.init(alice: Place("alice", nat), bob: Place("bob", nat), for: duration)
  }

  /// Packets, with the headers of IP and UDP.
  public struct Traffic: Hashable, Sendable {
    public var packets = 0
    public var bytes = 0

    mutating func add(_ packet: Trace.Summary) {
      packets += 1
      bytes += packet.size
    }
  }

  /// What came of it.
  public struct Outcome: Sendable {
    /// What was not as it should be, a line each.
    public var faults: [String] = []
    /// What alice's machine has sent and received: straight to bob's and from there, by relays, and with the registry.
    public var straight = Traffic()
    public var relayed = Traffic()
    public var registry = Traffic()
    /// When either has said to the other that it is alive, or has answered to that with as few bytes.
    public var signs: [Instant] = []
    /// The payload of the largest of these.
    public var largestSign = 0

    /// The time between two signs of life, but for answers and what was said again.
    public var pauses: [Duration] {
      zip(signs, signs.dropFirst()).map { $0.duration(to: $1) }.filter { $0 > .seconds(1) }
    }
  }

  /// When it began to count, and where they met.
  private struct Scene: Sendable {
    var faults: [String] = []
    var began = Instant(nanoseconds: 0)
    var ended = Instant(nanoseconds: 0)
    var addresses: [IPAddress] = []
  }

  /// Runs it in a world of this seed.
  public func run(seed: UInt64, keptEvents: Int = 2_000_000) async throws -> (outcome: Outcome, trace: Trace)
  {
    let world = PeerSetting.world(of: alice, bob, loss: loss, seed: seed, keptEvents: keptEvents)
    let scene = try await world.run { world in try await play(in: world) }
    return (count(world.trace, scene), world.trace)
  }

  private func play(in world: World) async throws -> Scene {
    var scene = Scene()
    let setting = try await PeerSetting(in: world, relays: relays)
    let a = try await setting.peer("alice", change)
    let b = try await setting.peer("bob") { configuration in
      configuration.policy = .everyone
      change(&configuration)
    }
    b.machine.spawn("bob's answers") {
      for await connection in b.connections {
        for await stream in connection.incomingStreams {
          _ = try await stream.read()
          try await stream.write([2])
          try await stream.finish()
        }
      }
    }
    do {
      let connection = try await a.connect(to: b.id)
      _ = try await ask(connection, world)
      try await a.machine.sleep(for: before)
      let mended = await (a.counters.mended, b.counters.mended)
      let ways = Guarded(0)
      let watching = a.machine.spawn("alice's ways") {
        for await _ in await connection.pathUpdates { ways.withLock { $0 += 1 } }
      }
      scene.began = world.now
      try await a.machine.sleep(for: duration / 2)
      await halfway(a)
      try await a.machine.sleep(for: duration / 2)
      scene.ended = world.now
      watching.cancel()
      scene.addresses = await connection.paths.filter { $0.kind == .direct }.map(\.remote.ip)
      if await (a.counters.mended, b.counters.mended) != mended {
        scene.faults.append("a way was lost, and mended")
      }
      if ways.withLock({ $0 }) > 1 { scene.faults.append("the connection went another way") }
      if await a.connectedPeers != [b.id] { scene.faults.append("the two are not connected any more") }
      let path = await connection.path
      if path.kind != .direct { scene.faults.append("it goes over \(path)") }
      for other in await connection.paths where other.kind == .relayed && other.state != .alive {
        scene.faults.append("the spare way is \(other.state): \(other)")
      }
      let time = try await ask(connection, world)
      if loss == 0, time > PeerTrial.oneWay * 4 { scene.faults.append("a word took \(time)") }
    } catch {
      scene.faults.append("\(error)")
    }
    await a.close()
    await b.close()
    await setting.close()
    return scene
  }

  private func ask(_ connection: Connection, _ world: World) async throws -> Duration {
    let began = world.now
    let stream = try await connection.openStream()
    try await stream.write([1])
    try await stream.finish()
    _ = try await stream.read()
    return began.duration(to: world.now)
  }

  // MARK: Counting

  private static let headers = 28
  /// A probe of a way; what QUIC sends at least and says by itself.
  private static let probe = 20
  private static let sign = 32

  private func count(_ trace: Trace, _ scene: Scene) -> Outcome {
    var outcome = Outcome(faults: scene.faults)
    let straightPorts = Set(
      trace.events.lazy.compactMap { event -> UInt16? in
        guard event.place == "alice", case .sent(let packet) = event.happening,
          scene.addresses.contains(packet.destination.ip)
        else { return nil }
        return packet.source.port
      })
    for event in trace.events where scene.began <= event.time && event.time < scene.ended {
      let isAlice = event.place == "alice"
      switch event.happening {
      case .sent(let packet) where isAlice: add(packet, packet.destination, packet.source, to: &outcome)
      case .delivered(let packet) where isAlice: add(packet, packet.source, packet.destination, to: &outcome)
      default: break
      }
      note(event, isAlice, scene, in: &outcome)
    }
    return outcome

    func add(
      _ packet: Trace.Summary, _ remote: SocketAddress, _ local: SocketAddress, to outcome: inout Outcome
    ) {
      if scene.addresses.contains(remote.ip) {
        outcome.straight.add(packet)
      } else if remote.port == RegistryAddress.port, straightPorts.contains(local.port) {
        outcome.registry.add(packet)
      } else {
        outcome.relayed.add(packet)
      }
    }
  }

  /// A sign of life is what is no probe, and smaller than an answer to one.
  private func note(_ event: Trace.Event, _ isAlice: Bool, _ scene: Scene, in outcome: inout Outcome) {
    let packet: Trace.Summary
    switch event.happening {
    case .sent(let sent) where isAlice && scene.addresses.contains(sent.destination.ip): packet = sent
    case .delivered(let came) where isAlice && scene.addresses.contains(came.source.ip): packet = came
    default: return
    }
    let payload = packet.size - Self.headers
    guard payload > Self.probe, payload <= Self.sign else { return }
    outcome.signs.append(event.time)
    outcome.largestSign = max(outcome.largestSign, payload)
  }
}
