import Warren

/// Two endpoints and a storm between them: a connection, all that goes over it, and its end.
struct Transfer: Sendable {
  /// A machine, and where others find it.
  struct Site: Sendable {
    let machine: any Machine
    let ip: IPAddress
  }

  /// Both ends of a connection, and where the client finds the server.
  private struct Pair: Sendable {
    let one, other: TransferSide
    let entrance: SocketAddress
  }

  /// What was not as it should be.
  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  typealias Outcome = TransferTrial.Outcome

  private let trial: TransferTrial
  private let weather: Weather
  private let aliceSite, stormSite, bobSite: Site
  private let alice, bob: QUICEndpoint
  private let keys: (alice: PrivateKey, bob: PrivateKey)
  private let storm: Storm

  init(_ trial: TransferTrial, alice: Site, storm: Site, bob: Site) throws {
    self.trial = trial
    weather = trial.weather
    (aliceSite, stormSite, bobSite) = (alice, storm, bob)
    var (chance, other) = (alice.machine.random, bob.machine.random)
    keys = (PrivateKey(using: &chance), PrivateKey(using: &other))
    var configuration = QUICConfiguration(protocols: ["warren-weather"])
    configuration.idleTimeout = trial.idleTimeout
    // The handshake goes through the same weather; and who has nothing left to say is to learn of the end.
    configuration.handshakeTimeout = .seconds(20)
    configuration.keepAlive = .seconds(1)
    self.alice = QUICEndpoint(on: alice.machine, try QUICIdentity(keys.alice), configuration)
    self.bob = QUICEndpoint(on: bob.machine, try QUICIdentity(keys.bob), configuration)
    // What goes there and back is twice as much.
    self.storm = Storm(on: storm.machine, weather, middle: trial.bytes)
  }

  /// Transfers everything, and looks whether all of it was as it should be.
  func run() async throws -> Outcome {
    let machine = aliceSite.machine
    let server = try await bob.bind(to: SocketAddress(bobSite.ip, port: 0))
    let entrance = try await storm.start(at: stormSite.ip, before: server)
    try await alice.bind(to: SocketAddress(aliceSite.ip, port: 0))
    if weather.migrates { try await alice.bind(to: SocketAddress(aliceSite.ip, port: 0)) }

    let start = machine.now
    let pair = try await connect(to: entrance)
    var outcome = weather.vanishes ? try await loseEachOther(pair) : try await transferAll(pair)
    outcome.time = start.duration(to: machine.now)
    outcome.storm = await storm.counters
    try await expectNothingLeft()
    return outcome
  }

  /// Ends whatever has not ended.
  func close() async {
    await alice.close()
    await bob.close()
    await storm.stop()
  }

  private func connect(to entrance: SocketAddress) async throws -> Pair {
    let one = try await alice.connect(to: entrance, expecting: keys.bob.peerID)
    var arrivals = bob.connections.makeAsyncIterator()
    guard let other = await arrivals.next() else { throw Failure("nobody has arrived") }
    guard one.peer == keys.bob.peerID, other.peer == keys.alice.peerID else {
      throw Failure("the two take each other for somebody else")
    }
    func side(_ machine: any Machine, _ connection: Connection) -> TransferSide {
      TransferSide(
        machine: machine, connection: connection, streams: trial.streams,
        streamBytes: trial.bytes / trial.streams)
    }
    return Pair(one: side(aliceSite.machine, one), other: side(bobSite.machine, other), entrance: entrance)
  }

  // MARK: What comes to a good end

  /// Everything arrives there and back, and the server closes.
  private func transferAll(_ pair: Pair) async throws -> Outcome {
    let (one, other) = (pair.one.connection, pair.other.connection)
    let seen = await other.path.remote
    let answering = bobSite.machine.spawn("a server") { await pair.other.answer() }
    let asked = await pair.one.ask { if weather.migrates { try await migrate(one, to: pair.entrance) } }
    let answered = try await answering.value
    if let error = asked.errors.first ?? answered.errors.first { throw error }

    // Where the word of it was lost, the client is told later that nobody knows it any more.
    let told = QUICError(TransferSide.end.code, reason: TransferSide.end.reason, isRemote: true)
    let forgotten = QUICError(.forgotten, isRemote: true)
    try await expectEnd(of: one, weather.loses ? [told, forgotten] : [told])
    try await expectEnd(of: other, [TransferSide.end])
    let isSeenElsewhere = await other.path.remote != seen
    guard isSeenElsewhere == (weather.rebinds || weather.migrates) else {
      throw Failure("the server sees the client at \(await other.path.remote), and \(seen) at first")
    }
    guard asked.datagrams > 0 else { throw Failure("no datagram came back") }
    return Outcome(datagramsSent: pair.one.datagramCount, datagramsBack: asked.datagrams)
  }

  /// Goes on through the second port, once the middle has come.
  private func migrate(_ connection: Connection, to entrance: SocketAddress) async throws {
    try await storm.middle()
    let path = NetworkPath(to: entrance, through: 1)
    try await connection.migrate(to: path)
    for await (tried, isUsable) in connection.pathChanges where tried.channel == path.channel {
      if isUsable, await connection.networkPath.channel == path.channel { return }
      break
    }
    throw Failure("the client could not go on from its other port")
  }

  private func expectEnd(of connection: Connection, _ expected: [QUICError]) async throws {
    let error = try await connection.closed()
    guard expected.contains(error) else { throw Failure("an end that was not expected: \(error)") }
  }

  // MARK: What does not

  /// From the middle on nothing passes: both sides must notice, each by itself, in the time that was configured.
  private func loseEachOther(_ pair: Pair) async throws -> Outcome {
    let machine = aliceSite.machine
    let middle = machine.spawn("the middle") {
      try await storm.middle()
      return machine.now
    }
    let ends = [pair.one, pair.other].map { side in
      machine.spawn("an end") { (error: try await side.connection.closed(), at: machine.now) }
    }
    let answering = bobSite.machine.spawn("a server") { await pair.other.answer() }
    let errors = await pair.one.ask {}.errors + (try await answering.value.errors)
    for end in ends {
      let error = try await end.value.error
      guard error == QUICError(.idle) else { throw Failure("silence has ended otherwise: \(error)") }
    }
    middle.cancel()
    guard let start = try? await middle.value else { throw Failure("there was silence before the middle") }
    for end in ends {
      let silence = start.duration(to: try await end.value.at)
      guard silence > trial.idleTimeout - .seconds(1), silence < trial.idleTimeout + .seconds(1) else {
        throw Failure("silence was noticed after \(silence), and not \(trial.idleTimeout)")
      }
    }
    // Whoever read or wrote is told the same.
    guard !errors.isEmpty, errors.allSatisfy({ $0 as? QUICError == QUICError(.idle) }) else {
      throw Failure("somebody was told of something else than silence: \(errors)")
    }
    return Outcome()
  }

  /// Closed connections are let go of after three probe timeouts of a second at most.
  private func expectNothingLeft() async throws {
    for _ in 0..<100 {
      guard await alice.connectionCount + bob.connectionCount > 0 else { return }
      try await aliceSite.machine.sleep(for: .milliseconds(50))
    }
    throw Failure("connections are left: \(await alice.connectionCount) and \(await bob.connectionCount)")
  }
}
