import Warren

/// Two who find a way to each other by ICE, of which each tells the other by SDP, however that is carried; and what they say on it: over
/// QUIC where both are warrens, else in datagrams.
actor ICEMeeting {
  /// With what it looks for a way.
  struct Means: Sendable {
    var port: UInt16 = 0
    var usesLoopback = false
    var usesRelaysAlone = false
    var stun: [HostPlace] = []
    var relays: [RelayServerAddress] = []
  }

  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// What the prompt is to say of the way in use.
  nonisolated let wayUpdates: AsyncStream<String>
  nonisolated let key: PrivateKey
  private let means: Means
  private let moved: AsyncStream<String>.Continuation
  private var sockets: [any UDPSocket] = []
  private var puncher: HolePuncher?
  private var endpoint: QUICEndpoint?
  private var connection: Connection?

  init(_ means: Means, on machine: any Machine) {
    self.machine = machine
    self.means = means
    var random = machine.random
    key = PrivateKey(using: &random)
    (wayUpdates, moved) = AsyncStream.makeStream()
  }

  // MARK: This side

  /// What the other side is to be told, when all of it is known.
  ///
  /// - Parameter without: told why a relay gives nothing: it goes on without it.
  func describe(without: @Sendable (any Error) -> Void) async throws -> ICEDescription {
    var configuration = PunchConfiguration()
    configuration.ice = .standard
    // A person carries the one description after the other: it is tried for as long as that takes.
    configuration.ice.keepsSearching = true
    configuration.ice.givesUpAfter = ChatLimits.meeting
    configuration.search = nil
    configuration.usesLoopback = means.usesLoopback
    configuration.usesRelaysAlone = means.usesRelaysAlone
    for place in means.stun {
      configuration.stunServers += try await place.addresses(on: machine, port: RegistryAddress.port)
    }
    let relay = await relay(without)
    let puncher = HolePuncher(on: machine, role: .controlling, configuration)
    self.puncher = puncher
    if !means.usesRelaysAlone { try bind() }
    nonisolated(unsafe) let given = sockets
    try await puncher.start(using: given)
    if let relay {
      sockets.append(relay)
      await puncher.addRelay(relay)
    }
    return try await gathered(from: puncher, hasRelay: relay != nil)
  }

  private func bind() throws {
    let ips = try machine.interfaces().filter { means.usesLoopback || !$0.isLoopback }.flatMap(\.addresses)
      .map(\.ip)
    for family in [IPAddress.Family.v6, .v4] where ips.contains(where: { $0.family == family }) {
      sockets.append(try machine.bindUDP(to: .any(family, port: means.port)))
    }
    if sockets.isEmpty { throw PunchError.noNetwork }
  }

  private func relay(_ without: (any Error) -> Void) async -> RelayedSocket? {
    guard !means.relays.isEmpty else { return nil }
    let (machine, relays) = (machine, means.relays)
    do {
      return try await machine.withDeadline(ChatLimits.relay) {
        try await RelayClient.allocate(at: relays, on: machine)
      }
    } catch {
      without(error)
      return nil
    }
  }

  private func gathered(from puncher: HolePuncher, hasRelay: Bool) async throws -> ICEDescription {
    var description: ICEDescription?
    var isComplete = false
    for await signal in puncher.signals {
      switch signal.content {
      case .description(let first): description = first
      case .candidate(let candidate): description?.candidates.append(candidate)
      case .complete: isComplete = true
      case .ports, .search: break
      }
      let isRelayThere = !hasRelay || description?.candidates.contains { $0.kind == .relayed } ?? false
      guard isComplete, isRelayThere, var description else { continue }
      description.isComplete = true
      return description
    }
    throw PunchError.closed
  }

  // MARK: Both

  /// Looks for a way to the other side, until there is one.
  func meet(_ other: SDPPaste.Found) async throws -> any LineCarrier {
    guard let puncher else { throw PunchError.closed }
    let endpoint = try other.key.map { try startQUIC(with: $0, puncher) }
    machine.spawn("ways that change") { await self.watchWays(of: puncher) }
    await puncher.receive(PunchSignal(.description(other.description)))
    await puncher.receive(PunchSignal(.complete))
    guard let endpoint, let theirs = other.key else {
      let connection = try await puncher.connection()
      return DatagramLines(connection: connection, meeting: self)
    }
    let path = try await puncher.firstPath()
    // One of the two begins, and both know which.
    let connection =
      "\(key.peerID)" < "\(theirs)"
      ? try await begin(with: theirs, on: path, endpoint) : try await awaited(theirs, endpoint)
    self.connection = connection
    return ICETalk(talk: try await ChatTalk(over: connection, on: machine), meeting: self)
  }

  private func startQUIC(with other: PeerID, _ puncher: HolePuncher) throws -> QUICEndpoint {
    var configuration = QUICConfiguration(protocols: [ChatTalk.protocolName])
    configuration.accepts = { $0 == other }
    configuration.keepAlive = ChatLimits.keepAlive
    configuration.idleTimeout = ChatLimits.keepAlive + ChatLimits.silence
    configuration.answerTimeout = ChatLimits.silence
    let endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), configuration)
    self.endpoint = endpoint
    nonisolated(unsafe) let sockets = sockets
    endpoint.assumeIsolated { endpoint in
      // Its channels are the puncher's numbers: both have them in one order.
      for socket in sockets { endpoint.use(socket) }
      endpoint.receiveOthers { datagram, channel in
        let bytes = datagram.payload.withUnsafeBytes { Array($0) }
        let (source, local) = (datagram.source, datagram.localIP)
        _ = puncher.assumeIsolated { $0.feed(bytes, from: source, at: local, on: channel) }
      }
    }
    return endpoint
  }

  private func begin(with other: PeerID, on path: PunchedPath, _ endpoint: QUICEndpoint) async throws
    -> Connection
  {
    let handshake = try await endpoint.beginHandshake(with: other)
    if let network = Self.network(path) { await handshake.add(network) }
    return try await handshake.connection()
  }

  private func awaited(_ other: PeerID, _ endpoint: QUICEndpoint) async throws -> Connection {
    for await connection in endpoint.connections {
      if connection.peer == other { return connection }
      await connection.close()
    }
    throw PunchError.closed
  }

  private static func network(_ path: PunchedPath) -> NetworkPath? {
    guard case .socket(let number) = path.channel else { return nil }
    return NetworkPath(to: path.remote, from: path.isRelayed ? nil : path.local.ip, through: UInt16(number))
  }

  // MARK: Ways

  private func watchWays(of puncher: HolePuncher) async {
    for await event in puncher.events {
      guard case .selected(let path) = event else { continue }
      moved.yield(Self.way(path))
      // The side that has begun takes the other one along.
      if let connection, connection.isClient, let network = Self.network(path) {
        try? await connection.migrate(to: network)
      }
    }
    moved.finish()
  }

  var ways: [String] {
    get async {
      guard let puncher else { return [] }
      let selected = await puncher.selectedPath
      return await puncher.paths.map { path in
        let time =
          path.roundTrip.map { ", \($0.milliseconds) ms there and back" } ?? ""
        return Self.way(path) + time + (selected?.isSame(as: path) ?? false ? ", in use" : "")
      }
    }
  }

  private static func way(_ path: PunchedPath) -> String {
    "\(path.isRelayed ? "relay" : "UDP") \(path.remote)"
  }

  func close() async {
    await endpoint?.close()
    await puncher?.close()
    for socket in sockets { socket.close() }
    sockets = []
    moved.finish()
  }
}
