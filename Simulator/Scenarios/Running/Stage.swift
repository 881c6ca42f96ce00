import Warren
import WarrenSimulator

/// Where a scenario is played: its programs, and what they say to each other.
///
/// A test that is given to ``Scenario/run(seeds:jobs:_:_:)`` finds its peers here, and lets things happen.
public final class Stage: @unchecked Sendable {
  // Used on the world's thread alone: hence `@unchecked`.

  let scenario: Scenario
  let world: World
  /// Whoever lets things happen: a machine of its own, which sends nothing.
  let director: SimulatedMachine
  static let directorName = "director"
  /// What the trace says when everything runs.
  static let begunNote = "everything runs"
  /// When that was.
  var begun = Instant(nanoseconds: 0)

  var peers: [String: Peer] = [:]
  /// What the registry knows that all peers use.
  private(set) var directory: Registry?
  /// Who has found it when its program was started.
  private(set) var registered: Set<String> = []
  private var registries: [String: RegistryServer] = [:]
  private var relayServers: [String: RelayServer] = [:]
  private var stunServers: [String: [STUNServer]] = [:]
  private var neighbours: [String: Task<Void, any Error>] = [:]
  var meshes: [String: Mesh] = [:]
  /// What came of the meshes' nodes, and of asking echoes, so far.
  var meshTalk = MeshTalk()
  var echoes: [EchoCall] = []
  var echoServers: [String: EchoServer] = [:]
  var portals: [String: PortalServer] = [:]
  var ownPrograms: [String: Task<Void, any Error>] = [:]
  /// Boxes whose portals let everybody through by now.
  var unlocked: Set<String> = []
  /// What a test does with the connections that others begin with a peer, where it does not leave that to the scenario.
  var answers: [String: @Sendable (Connection) async throws -> Void] = [:]
  /// What somebody's test does.
  var test: (@Sendable (Stage) async throws -> Void)?
  /// Whether nothing more need be looked at.
  var isEnough: (@Sendable (Judgement.Fault) -> Bool)?
  /// What has been let happen that the scenario does not tell of.
  var unforeseen: [Step] = []
  private(set) var keys: [String: PrivateKey] = [:]
  private var registryAddress: RegistryAddress?
  private var usedRegistry: String?
  private var relayAddresses: [(name: String, addresses: [RelayServerAddress])] = []
  private var stunAddresses: [SocketAddress] = []
  var conversations: [Conversation] = []
  var judgement = Judgement()
  /// What is told of the secrets of connections, and of connections over QUIC, if anything.
  var keyLog: (@Sendable (String) -> Void)?
  var qlog: (@Sendable (_ name: String) -> (@Sendable ([UInt8]) -> Void)?)?
  /// How many connections have begun on each machine, of each side.
  private var ends: [String: Int] = [:]
  /// Where to those have sent something who do not want to be seen.
  var destinations: [String: Set<IPAddress>] = [:]
  /// On which kinds of ways pairs were when it was calm.
  var finalKinds: [Path.Kind: Int] = [:]
  /// How many of them go by a relay because there is no other way for them.
  var relayedForWant = 0
  /// Whether who goes by a relay and need not is given time for a search before that is counted.
  var waitsForBestWays = false
  /// How links are that have been changed for a while, and how often they were.
  var usualLinks: [String: (link: LinkPair, changes: Int)] = [:]
  /// How many sockets each server had before anybody came.
  private(set) var serverSockets: [String: Int] = [:]
  /// Whose programs are being ended or started.
  var changing: Set<String> = []

  private static let registryName = "registry.example"
  private static let relayUser = (name: "peer", password: "open sesame")

  /// Whether things go wrong that the scenario does not know of.
  let isChaotic: Bool
  /// What those who talk here are promised.
  let oracle: Oracle

  init(_ scenario: Scenario, in world: World, isChaotic: Bool) {
    (self.scenario, self.world, director) = (scenario, world, world.machine(Self.directorName))
    self.isChaotic = isChaotic
    oracle = Oracle(scenario)
    for name in Self.hidden(in: scenario) { destinations[name] = [] }
    for name in scenario.machineNames {
      var random = world.machine(name).random
      keys[name] = PrivateKey(using: &random)
    }
  }

  /// The key by which a peer or a node of a mesh is known.
  public func id(of name: String) -> PeerID {
    guard let key = keys[name] else { preconditionFailure("there is no machine \(name)") }
    return key.peerID
  }

  // MARK: Programs

  /// Starts everything, the servers first.
  func start() async throws {
    let names = scenario.machineNames
    for name in names where !scenario.program(of: name).isEnd {
      try await start(name)
      if case .neighbour = scenario.program(of: name) { continue }
      serverSockets[name] = world.machine(name).openUDPSockets
    }
    let starting = names.filter { scenario.program(of: $0).isEnd }.map { name in
      director.spawn("starting \(name)") { try await self.start(name) }
    }
    for task in starting { try await task.value }
  }

  /// Starts what runs on a machine.
  func start(_ name: String) async throws {
    let machine = world.machine(name)
    switch scenario.program(of: name) {
    case .nothing: break
    case .neighbour(let rate): neighbours[name] = machine.openMappings(perSecond: Double(rate))
    case .peer(let wishes): try await startPeer(name, wishes, on: machine)
    case .registry(let port, let relays): try await startRegistry(name, port, relays, on: machine)
    case .relay: try await startRelay(name, on: machine)
    case .stun: try await startSTUN(name, on: machine)
    case .mesh(let mesh): try await startNode(name, of: mesh, on: machine)
    case .echo: try await startEcho(name, on: machine)
    case .hostile(let victims):
      machine.pretends(to: victims.flatMap { world.machine($0).ownAddresses })
      try await startPeer(name, Program.PeerWishes(), on: machine)
    case .portal(let box): try await startPortal(name, of: box, on: machine)
    case .own(let program):
      ownPrograms[name] = machine.spawn("\(program.name) of \(name)") { try await program.body(machine) }
    }
  }

  /// Ends what runs on a machine.
  func stop(_ name: String) async {
    await peers.removeValue(forKey: name)?.close()
    await meshes.removeValue(forKey: name)?.leave()
    await echoServers.removeValue(forKey: name)?.stop()
    await portals[name]?.stop()
    if let program = ownPrograms.removeValue(forKey: name) {
      program.cancel()
      _ = await program.result
    }
    await registries.removeValue(forKey: name)?.stop()
    await relayServers.removeValue(forKey: name)?.stop()
    for server in stunServers.removeValue(forKey: name) ?? [] { await server.stop() }
    neighbours.removeValue(forKey: name)?.cancel()
  }

  /// Ends all that others' servers are for.
  func stopPeers() async {
    for name in scenario.machineNames where scenario.program(of: name).isEnd { await stop(name) }
  }

  /// Ends everything else.
  func stopServers() async { for name in scenario.machineNames { await stop(name) } }

  private func startRegistry(
    _ name: String, _ port: UInt16, _ relays: Bool, on machine: SimulatedMachine
  ) async throws {
    var configuration = RegistryServer.Configuration()
    let addresses = machine.ownAddresses.sorted()
    if relays {
      var relay = RelayConfiguration(RelayCredentials())
      relay.addresses = addresses.map { RelayAddress($0) }
      // Nothing of a simulated internet is public to a relay that is not told.
      relay.permits = [IPPrefix(.any(.v4), length: 0), IPPrefix(.any(.v6), length: 0)]
      configuration.relay = relay
    }
    (configuration.keyLog, configuration.qlog) = (keyLog, qlog(of: name))
    let registry = Registry(on: machine)
    let server = RegistryServer(registry, on: machine, key: keys[name]!, configuration)
    var address = try await server.start(at: addresses.map { .any($0.family, port: port) })
    registries[name] = server
    if usedRegistry ?? name == name { (usedRegistry, directory) = (name, registry) }
    guard registryAddress == nil else { return }
    address.host = Self.registryName
    registryAddress = address
    world.addName(Self.registryName, for: addresses.reversed())
  }

  private func startRelay(_ name: String, on machine: SimulatedMachine) async throws {
    let ip = machine.address(.v4)
    let (user, password) = Self.relayUser
    var configuration = RelayConfiguration(
      RelayCredentials(users: [user: password]), at: RelayAddress(ip))
    configuration.permits = [IPPrefix(.any(.v4), length: 0)]
    let server = RelayServer(on: machine, configuration)
    _ = try await server.start(at: SocketAddress(ip, port: 3478))
    relayServers[name] = server
    let addresses = [RelayServerAddress.Transport.udp, .tcp].map {
      RelayServerAddress(host: "\(ip)", port: 3478, transport: $0, username: user, password: password)
    }
    if !relayAddresses.contains(where: { $0.name == name }) { relayAddresses.append((name, addresses)) }
  }

  private func startSTUN(_ name: String, on machine: SimulatedMachine) async throws {
    for ip in machine.ownAddresses.sorted() {
      for port in ip.family == .v4 ? [3478, 3479] : [3478] as [UInt16] {
        let (server, address) = (STUNServer(on: machine), SocketAddress(ip, port: port))
        try await server.start(at: address)
        stunServers[name, default: []].append(server)
        if !stunAddresses.contains(address) { stunAddresses.append(address) }
      }
    }
  }

  private func startPeer(
    _ name: String, _ wishes: Program.PeerWishes, on machine: SimulatedMachine
  ) async throws {
    var configuration = configuration(of: name, wishes)
    configuration.name = name
    let peer = try Peer(configuration, on: machine)
    try await peer.start()
    peers[name] = peer
    machine.spawn("what others begin") {
      for await connection in peer.connections { self.take(connection, at: name) }
    }
    guard configuration.registry != nil else { return }
    _ = try? await machine.withDeadline(ScenarioLimits.registering) {
      for await event in peer.events {
        guard case .registered = event else { continue }
        self.registered.insert(name)
        break
      }
    }
    machine.spawn("what happens to \(name)") {
      for await event in peer.events { self.world.note("\(name): \(event)") }
    }
  }

  /// What a peer knows, and the peer of a mesh's node.
  func configuration(of name: String, _ wishes: Program.PeerWishes) -> Peer.Configuration {
    var configuration = Peer.Configuration()
    configuration.key = keys[name]!
    configuration.registry = registryAddress
    configuration.stunServers = stunAddresses
    configuration.relays = relayAddresses.filter { wishes.relays?.contains($0.name) ?? true }.flatMap(
      \.addresses)
    (configuration.keyLog, configuration.qlog) = (keyLog, qlog(of: name))
    wishes.apply(to: &configuration)
    return configuration
  }

  /// Somebody has begun a connection.
  private func take(_ connection: Connection, at name: String) {
    guard let answer = answers[name] else { return serve(connection, at: name) }
    world.machine(name).spawn("the test's answer at \(name)") { try await answer(connection) }
  }

  private func qlog(of name: String) -> QUICConfiguration.QLog? {
    guard let qlog else { return nil }
    return { [weak self] _, isClient in
      guard let self else { return nil }
      let end = "\(name)-\(isClient ? "client" : "server")"
      ends[end, default: 0] += 1
      return qlog("\(end)-\(ends[end]!)")
    }
  }

  // MARK: What they say

  /// Has one peer connect with another, and both say something.
  func converse(_ caller: String, _ called: String, _ talk: Step.Talk) {
    let conversation = Conversation(conversations.count, caller, called, talk, at: world.now)
    conversations.append(conversation)
    guard let peer = peers[caller] else {
      conversation.isCutShort = true
      return
    }
    peer.machine.spawn("\(caller)'s conversation with \(called)") {
      do {
        let connection = try await peer.connect(to: self.id(of: called))
        self.expect(connection, at: caller, isOf: called)
        self.serve(connection, at: caller)
        conversation.connection = connection
        try await self.talk(conversation, over: connection, peer.machine)
      } catch {
        conversation.failure = error
        self.world.note("\(caller) and \(called): \(error)")
      }
    }
  }

  private func talk(
    _ conversation: Conversation, over connection: Connection, _ machine: any Machine
  ) async throws {
    machine.spawn("the ways of \(conversation.name)") {
      for await path in await connection.pathUpdates where conversation.ways.last?.kind != path.kind {
        let time = conversation.asked.duration(to: self.world.now)
        conversation.ways.append(Scenario.Way(kind: path.kind, since: time))
      }
    }
    let stream = try await connection.openStream()
    try await stream.write(Greeting(number: conversation.number, called: id(of: conversation.called)).bytes)
    let saying = machine.spawn("what \(conversation.caller) says") {
      try await conversation.say(over: stream, on: machine)
    }
    let answer = try await stream.read(exactly: PeerID.byteCount)
    conversation.answered = world.now
    judgement.expect(
      answer == id(of: conversation.called).bytes, .rightPeer,
      "\(conversation.caller) has called \(conversation.called), and somebody else has answered")
    try await conversation.here.hear(stream, world)
    try await saying.value
  }

  /// Answers on all streams that somebody opens.
  func serve(_ connection: Connection, at name: String) {
    let machine = world.machine(name)
    machine.spawn("answers of \(name)") {
      for await stream in connection.incomingStreams {
        machine.spawn("an answer of \(name)") { try await self.answer(stream, of: connection, at: name) }
      }
    }
  }

  private func answer(_ stream: Connection.Stream, of connection: Connection, at name: String) async throws {
    guard let greeting = Greeting(try await stream.read(exactly: Greeting.size)) else { return }
    judgement.expect(
      greeting.called == id(of: name), .rightPeer, "\(name) was called as somebody else")
    try await stream.write(id(of: name).bytes)
    guard greeting.number != Greeting.question else {
      try await stream.write(connection.peer?.bytes ?? [])
      return try await stream.finish()
    }
    let conversation = conversations[greeting.number]
    expect(connection, at: name, isOf: conversation.caller)
    let machine = world.machine(name)
    let saying = machine.spawn("what \(name) says") {
      try await conversation.say(over: stream, on: machine)
    }
    try await conversation.there.hear(stream, world)
    try await saying.value
  }

  func expect(_ connection: Connection, at name: String, isOf other: String) {
    judgement.expect(
      connection.peer == id(of: other), .rightPeer,
      "\(name) believes that \(connection.peer.map { "\($0)" } ?? "nobody") is \(other)")
  }
}
