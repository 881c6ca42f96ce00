import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenTraversal

extension Peer {
  /// Connects with whoever is called so at the registry; gives the connection that there is, if there is one.
  ///
  /// - Throws: a ``PeerError`` that says why it could not be.
  public func connect(to name: String) async throws -> Connection {
    let name = try check { () throws(RegistryError) in try RegistryName(name) }
    return try await connect(.name(name), at: []).connection
  }

  /// Connects with whoever has this key; gives the connection that there is, if there is one.
  ///
  /// - Parameter addresses: where it may be, besides where the registry says. Without a registry they are all there is.
  public func connect(to peer: PeerID, at addresses: [SocketAddress] = []) async throws -> Connection {
    try await connect(.key(peer), at: addresses).connection
  }

  /// The same, and says something as early as can be: with the very first packet where the two have met before, and both have
  /// ``Configuration/permitsEarlyData``.
  ///
  /// ```swift
  /// let connection = try await peer.connect(to: friend) { connection in
  ///   let stream = try await connection.openStream()
  ///   try await stream.write(question)
  ///   try await stream.finish()
  /// }
  /// ```
  ///
  /// - Parameter greeting: writes what fits into a stream's buffer, 256 KiB, and waits for no answer. Where the other side has not taken what was said early, it is called
  ///   again with the connection itself.
  @discardableResult
  public func connect(
    to peer: PeerID, at addresses: [SocketAddress] = [],
    saying greeting: @escaping @Sendable (Connection) async throws -> Void
  ) async throws -> Connection {
    let greeting = Greeting(greeting)
    let connection = try await connect(.key(peer), at: addresses, saying: greeting).connection
    do { try await greeting.say(over: connection) } catch let error as QUICError { throw PeerError(error) }
    return connection
  }

  /// Connects with whoever answers first at these addresses, whoever that is: look at the connection's peer.
  public func connect(at addresses: [SocketAddress]) async throws -> Connection {
    if isClosed || ports == nil { throw PeerError(.closed, "the peer is closed, or was not started") }
    let target = "addresses \(addresses)"
    let underWay = approaches.first { $0.target == target && $0.isOpen && !$0.isOver }
    if underWay == nil {
      let approach = Approach(.ours, target, nil, at: machine.now)
      approaches.append(approach)
      counters.dialled += 1
      approach.tasks.append(
        machine.spawn("connecting with \(target)") { [weak self] in await self?.dial(approach, at: addresses)
        })
    }
    do {
      return try await wait(for: underWay?.peer, target).connection
    } catch let error as CancellationError {
      await endUnwanted(target)
      throw error
    }
  }

  private func dial(_ approach: Approach, at addresses: [SocketAddress]) async {
    do {
      try await waitForTurn()
    } catch {
      return await fail(approach, because: error)
    }
    defer { endTurn() }
    do {
      let handshake = try await endpoint.beginHandshake(with: nil)
      approach.handshake = handshake
      await add(addresses, to: handshake, of: approach)
      let connection = try await established(handshake, of: approach)
      guard let peer = connection.peer, peer != id else {
        await connection.close(code: ConnectionEnd.denied.rawValue)
        throw PeerError(.notFound, connection.peer == nil ? "no peer is there" : "it is this peer itself")
      }
      approach.peer = peer
      for place in waiting.indices where waiting[place].target == approach.target {
        waiting[place].peer = peer
      }
      table.began(.ours, with: peer)
      if table.isAnswering(peer) { try await connection.taken() }
      await settle(approach, connection)
    } catch {
      await letGo(of: approach)
      await fail(approach, because: error)
    }
  }

  /// Connects with whoever waits with the same secret: see ``wait(forKey:)``.
  public func connect(withKey key: String) async throws -> Connection {
    try await connect(.pairing(key), at: []).connection
  }

  /// Waits until somebody has come with the same secret, and is connected.
  public func wait(forKey key: String) async throws -> Connection {
    guard let client else {
      throw PeerError(.noRegistry, "without a registry nobody brings the two together")
    }
    do {
      let peer = try await client.wait(key: key)
      return try await wait(for: peer, RegistryTarget.key(peer).words).connection
    } catch let error as RegistryError {
      throw PeerError(error)
    }
  }

  private func check<Value>(_ body: () throws(RegistryError) -> Value) throws(PeerError) -> Value {
    do { return try body() } catch { throw PeerError(error) }
  }

  private func connect(
    _ target: RegistryTarget, at addresses: [SocketAddress], saying greeting: Greeting? = nil
  ) async throws -> AdoptedConnection {
    if isClosed || ports == nil { throw PeerError(.closed, "the peer is closed, or was not started") }
    let known: PeerID? =
      switch target {
      case .key(let peer): peer
      case .name(let name): knownNames[name]
      case .pairing: nil
      }
    if let known {
      if known == id { throw PeerError(.notFound, "\(target) is this peer itself") }
      if let adopted = table.adopted(known) { return adopted }
      // Who is asked for wants the same: then it is let in.
      if let question = questions.first(where: { $0.value.introduction.peer == known })?.key {
        return try await answer(question)
      }
    }
    let underWay = approaches.first {
      $0.side == .ours && $0.isOpen && !$0.isOver
        && ($0.target == target.words || known != nil && $0.peer == known)
    }
    if underWay == nil {
      let approach = Approach(.ours, target.words, known, at: machine.now)
      approach.redialling = Redialling(target, patience: configuration.patience, at: machine.now)
      approach.greeting = greeting
      approaches.append(approach)
      counters.dialled += 1
      if let known { table.began(.ours, with: known) }
      approach.tasks.append(
        machine.spawn("connecting with \(target)") { [weak self] in
          await self?.dial(approach, target, at: addresses)
        })
    }
    do {
      return try await wait(for: known ?? underWay?.peer, target.words)
    } catch let error as CancellationError {
      await endUnwanted(target.words)
      throw error
    }
  }

  /// Nobody waits any more for what was begun for them.
  private func endUnwanted(_ target: String) async {
    waiting.removeAll { $0.wait.hasEnded }
    for approach in approaches
    where approach.side == .ours && approach.target == target && approach.isOpen {
      guard !waiting.contains(where: { $0.isFor(approach) }) else { continue }
      await end(approach)
      // The other side's own try may have waited for this one.
      if let peer = approach.peer, !isTrying(.ours, with: peer),
        let held = table.failed(.ours, with: peer, at: machine.now)
      {
        await adopt(held)
      }
    }
  }

  /// Waits for a connection that is on its way, if it is not there.
  func wait(for peer: PeerID?, _ target: String) async throws -> AdoptedConnection {
    try await machine.suspend({ "a connection with \(target)" }) { wait in
      // Between the call and here others may have run: what is true now decides.
      if isClosed { return wait.fail(PeerError(.closed, "the peer is closed")) }
      if let peer, let adopted = table.adopted(peer) { return wait.succeed(adopted) }
      waiting.removeAll { $0.wait.hasEnded }
      waiting.append(ConnectionWaiter(peer: peer, target: target, wait: wait))
    }
  }

  // MARK: A dial

  private func dial(_ approach: Approach, _ target: RegistryTarget, at addresses: [SocketAddress]) async {
    do {
      while let pause = try await dialOnce(approach, target, at: addresses) {
        try await machine.sleep(for: pause)
      }
    } catch {
      await fail(approach, because: error)
    }
  }

  /// - Returns: after how long it is to be tried again; nil where it has led somewhere.
  private func dialOnce(
    _ approach: Approach, _ target: RegistryTarget, at addresses: [SocketAddress]
  ) async throws -> Duration? {
    let queued = machine.now
    try await waitForTurn()
    defer { endTurn() }
    approach.redialling?.waive(since: queued, at: machine.now)
    do {
      let connection = try await reach(approach, target, at: addresses)
      // Where the other side dials as well, it may have taken its own: then it does not take this one.
      if let peer = connection.peer, table.isAnswering(peer) { try await connection.taken() }
      await settle(approach, connection)
      return nil
    } catch {
      await letGo(of: approach)
      let error = approach.redialling?.isForsaken ?? false ? RegistryError.forsaken : error
      guard let error = error as? RegistryError else { throw error }
      if error.isAboutLastConnection, let adopted = await connection(of: approach, meantBy: target) {
        await end(approach)
        for place in waiting.indices where waiting[place].target == approach.target {
          waiting[place].peer = adopted.peer
        }
        serve(adopted)
        return nil
      }
      guard let pause = approach.redialling?.pause(after: error, at: machine.now) else { throw error }
      return pause
    }
  }

  /// The other side has gone while it was called, or has come anew: then it knows nothing of this call. Or it is connected, and its packets
  /// are on their way.
  func forsakeLater(_ approach: Approach) {
    guard approach.isOpen, !approach.isOver, approach.redialling?.mayForsake(at: machine.now) ?? false else {
      return
    }
    approach.tasks.append(
      machine.spawn("whether who has gone answers") {
        try await self.machine.sleep(for: PeerLimits.retryPause)
        guard approach.isOpen, !approach.isOver, approach.introduction == nil,
          let handshake = approach.handshake, await !handshake.isHeard,
          approach.redialling?.mayForsake(at: self.machine.now) ?? false
        else { return }
        approach.redialling?.isForsaken = true
        await handshake.cancel()
      })
  }

  /// Who dials many at once would be slow with all of them.
  private func waitForTurn() async throws {
    while turns >= PeerLimits.dials {
      try await machine.suspend({ "others to be connected first" }) { wait in
        if turns < PeerLimits.dials { wait.succeed(()) } else { turnWaits.append(wait) }
      }
    }
    turns += 1
  }

  private func endTurn() {
    turns -= 1
    while let next = turnWaits.popFirst() {
      if next.hasEnded { continue }
      return next.succeed(())
    }
  }

  /// The connection with whom the registry means, where there is one already: who was asked for by another name, perhaps.
  private func connection(of approach: Approach, meantBy target: RegistryTarget) async -> AdoptedConnection? {
    if let adopted = approach.peer.flatMap(table.adopted) { return adopted }
    guard case .key(let peer)? = try? await client?.find(target).owner else { return nil }
    return table.adopted(peer)
  }

  private func reach(
    _ approach: Approach, _ target: RegistryTarget, at addresses: [SocketAddress]
  ) async throws -> Connection {
    var handshake = try await endpoint.beginHandshake(with: approach.peer, early: approach.greeting != nil)
    approach.handshake = handshake
    if let greeting = approach.greeting, let connection = await handshake.early {
      await greeting.say(early: connection)
    }
    let goodPath = isHidden ? nil : goodPaths.last { $0.peer == approach.peer }?.path
    if let goodPath { await handshake.add(goodPath) }
    if !addresses.isEmpty { await add(addresses, to: handshake, of: approach) }
    guard let client else {
      guard !addresses.isEmpty || goodPath != nil else {
        throw PeerError(.noRegistry, "without a registry an address is needed")
      }
      return try await establishedAmongStrangers(handshake, of: approach, at: addresses)
    }
    tell(.connecting(to: target.description, over: .introduction))
    let asked = machine.now
    let flight = await handshake.flight
    // With addresses in hand, a registry that knows nothing is no obstacle.
    let answer: Introduction.Answer
    do {
      defer { approach.redialling?.waive(since: asked, at: machine.now) }
      answer = try await client.introduce(
        Introduction.Request(target, at: toldAddresses, Introduction.Content(flight: flight)))
    } catch let error as RegistryError where !addresses.isEmpty && error.code != .denied {
      return try await establishedAmongStrangers(handshake, of: approach, at: addresses)
    }
    if approach.peer == nil { await handshake.expect(answer.peer) }
    try met(answer.peer, target, approach)
    // Another dial was faster, by another name.
    if table.adopted(answer.peer) != nil { throw RegistryError.connected }
    approach.redialling?.introduced(at: machine.now)
    await begin(approach, as: answer.id, at: answer.addresses)
    let isOld = asked.duration(to: machine.now) > PeerLimits.freshness
    // Who has answered already shall not be left with a connection that is none.
    if isOld, await !handshake.isHeard {
      await handshake.cancel()
      handshake = try await endpoint.beginHandshake(with: answer.peer)
      approach.handshake = handshake
      await client.signal(answer.id, PeerSignal.flight(handshake.flight).encoded)
    }
    await add(answer.addresses, to: handshake, of: approach)
    punchLater(approach)
    let connection = try await establishedAmongStrangers(
      handshake, of: approach, at: addresses + answer.addresses)
    guard connection.peer == answer.peer else {
      await connection.close(code: ConnectionEnd.denied.rawValue)
      throw PeerError(
        .wrongPeer(connection.peer ?? answer.peer), "somebody else answered than the registry has named")
    }
    return connection
  }

  /// The registry has said who is meant: if there is a connection with it, that is it.
  private func met(_ peer: PeerID, _ target: RegistryTarget, _ approach: Approach) throws {
    if case .name(let name) = target { knownNames[name] = peer }
    if let known = approach.peer {
      guard known == peer else {
        // The name has another owner than before.
        if case .name(let name) = target { knownNames[name] = nil }
        throw PeerError(
          .wrongPeer(peer), "\(target) is not who it was before: connect again if that is right")
      }
      return
    }
    approach.peer = peer
    for place in waiting.indices where waiting[place].target == approach.target { waiting[place].peer = peer }
    table.began(.ours, with: peer)
  }

  func established(_ handshake: Handshake, of approach: Approach) async throws -> Connection {
    let machine = machine
    let patience = approach.redialling?.left(at: machine.now) ?? configuration.patience
    return try await machine.withDeadline(max(.zero, patience)) { try await handshake.connection() }
  }

  func add(_ addresses: [SocketAddress], to handshake: Handshake, of approach: Approach) async {
    tell(.connecting(to: approach.target, over: .addresses(addresses)))
    let others = addresses.filter { !approach.strangers.contains($0) }
    for way in await straightWays(to: others) { await handshake.add(way) }
  }

  /// The registry has seen the other side elsewhere, too.
  func add(_ addresses: [SocketAddress], seenFor approach: Approach) async {
    let room = max(0, PeerLimits.seenAddresses - approach.seen.count)
    let new = Array(addresses.filter { !approach.seen.contains($0) }.prefix(room))
    guard !new.isEmpty else { return }
    approach.seen += new
    await approach.puncher?.attest(new.map(\.ip))
    if let handshake = approach.handshake, approach.connection == nil {
      await add(new, to: handshake, of: approach)
    }
  }

  /// What nobody can be at is sent nothing, whoever names it.
  func mayReach(_ address: SocketAddress) -> Bool {
    let ip = address.ip
    return address.port != 0 && ip.canonical == ip && ip.isUnicast
      && (configuration.usesLoopback || !ip.isLoopback)
  }

  /// Ways from this peer's own ports. Who is hidden has none: the other side's relay would tell it where they begin.
  ///
  /// In its own network the other side may have the address and the port that this peer has in its: nobody but itself would answer there.
  func straightWays(to addresses: [SocketAddress]) async -> [NetworkPath] {
    guard !isHidden else { return [] }
    let own = hostAddresses()
    return await endpoint.ways(to: addresses.filter { mayReach($0) && !own.contains($0) })
  }

  // MARK: What becomes of it

  /// A try has led to a connection.
  func settle(_ approach: Approach, _ connection: Connection) async {
    let path = await connection.networkPath
    if let peer = connection.peer, table.all(peer).contains(where: { $0.connection.isSame(as: connection) }) {
      // Its first packets have come by themselves as well as by the registry.
      return await end(approach)
    }
    guard !isClosed, !approach.isOver, let peer = connection.peer else {
      return await connection.close(code: ConnectionEnd.closed.rawValue)
    }
    approach.peer = peer
    let adopted = AdoptedConnection(
      connection, with: peer, over: path, approach, isClient: approach.side == .ours,
      since: machine.now)
    approach.connection = adopted
    switch table.succeeded(approach.side, with: peer, adopted, at: machine.now) {
    case .adopt: await adopt(adopted)
    case .replace(let old): await replace(old, by: adopted)
    case .hold:
      machine.spawn("a connection that waits for another") {
        try await self.machine.sleep(for: PeerLimits.crossing)
        await self.waited(adopted, approach)
      }
      // The other side may have another, and have closed it: then it must not stand in that one's way.
      machine.spawn("the end of a connection that waits") {
        _ = try await connection.closed()
        guard self.table.adopted(peer) !== adopted else { return }
        _ = self.table.ended(peer, adopted, at: self.machine.now)
        await self.end(approach)
      }
    case .drop: await drop(adopted)
    }
  }

  /// A connection was held back for so long that it is clear now whether it is needed.
  private func waited(_ adopted: AdoptedConnection, _ approach: Approach) async {
    let peer = adopted.peer
    var isHeardLast = false
    if let other = table.adopted(peer) {
      let (mine, others) = (await adopted.connection.lastHeard, await other.connection.lastHeard)
      isHeardLast = mine > max(others, adopted.since.advanced(by: PeerLimits.lastFlight))
    } else if await isHeard(from: peer, approach.side.other) {
      // The other side's is being made: its end decides.
      return
    }
    switch table.waited(peer, adopted, isHeardLast: isHeardLast, at: machine.now) {
    case .adopt: await adopt(adopted)
    case .replace(let old): await replace(old, by: adopted)
    case .drop: await drop(adopted)
    case .hold, nil: break
    }
  }

  private func replace(_ old: AdoptedConnection, by adopted: AdoptedConnection) async {
    await old.connection.close(code: ConnectionEnd.duplicate.rawValue, reason: "you have come again")
    await adopt(adopted)
  }

  /// There is another connection with its peer.
  private func drop(_ adopted: AdoptedConnection) async {
    await adopted.connection.close(
      code: ConnectionEnd.duplicate.rawValue, reason: "the two are connected")
    if let approach = adopted.approach { await end(approach) }
    // Whoever waits gets the one that there is.
    if let other = table.adopted(adopted.peer) { serve(other) }
  }

  private func isHeard(from peer: PeerID, _ side: LinkTable<AdoptedConnection>.Side) async -> Bool {
    for approach in tries(side, with: peer) {
      if await approach.handshake?.isHeard ?? false { return true }
    }
    return false
  }

  /// A connection is the one with its peer.
  private func adopt(_ adopted: AdoptedConnection) async {
    let (peer, connection) = (adopted.peer, adopted.connection)
    if isClosed { return await connection.close(code: ConnectionEnd.closed.rawValue) }
    let surplus = table.takeSurplus(peer)
    remember(adopted.path, of: peer)
    lookAfter(adopted)
    if adopted.isClient { counters.connected += 1 } else { counters.accepted += 1 }
    tell(
      .connected(
        with: peer, over: adopted.path, kind(of: adopted.path, adopted.approach),
        after: (adopted.approach?.began ?? machine.now).duration(to: machine.now)))
    watch(adopted)
    let isKnown = wasHandedOut(connection)
    if !serve(adopted), !adopted.isClient {
      guard isKnown || handOut(connection) else {
        return await connection.close(
          code: ConnectionEnd.denied.rawValue, reason: "nobody takes connections here")
      }
    }
    // What else was tried is not needed any more.
    for other in approaches where other.peer == peer && other !== adopted.approach && other.connection == nil
    {
      if !adopted.isClient, other.side == .theirs, isYoung(other) {
        endLater(other)
      } else {
        await end(other)
      }
    }
    for other in surplus { await drop(other) }
    if let approach = adopted.approach { finish(approach) }
  }

  /// Whether the other side may have begun it at once with another, and have kept this one: then its end here would be the end
  /// of their connection.
  func isYoung(_ approach: Approach) -> Bool {
    approach.began.duration(to: machine.now) < PeerLimits.crossing
  }

  private func endLater(_ approach: Approach) {
    machine.spawn("the end of another try") {
      try await self.machine.sleep(for: PeerLimits.crossing)
      if approach.isOpen { await self.end(approach) }
    }
  }

  /// Gives a connection to all who wait for it.
  @discardableResult
  private func serve(_ adopted: AdoptedConnection) -> Bool {
    let target = adopted.approach?.target
    let meant = takeWaiting { $0.peer == adopted.peer || (adopted.isClient && $0.target == target) }
    let isWanted = meant.contains { !$0.hasEnded }
    meant.endAll(.success(adopted))
    return isWanted
  }

  /// A try has come to nothing.
  func fail(_ approach: Approach, because error: any Error) async {
    guard !approach.isOver else { return }
    await end(approach)
    if isClosed { return }
    if let peer = approach.peer, !isTrying(approach.side, with: peer),
      let held = table.failed(approach.side, with: peer, at: machine.now)
    {
      return await adopt(held)
    }
    // Whoever waits has another try to wait for.
    if let peer = approach.peer, isTrying(.ours, with: peer) || isTrying(.theirs, with: peer) { return }
    if let adopted = approach.peer.flatMap({ table.adopted($0) }) {
      serve(adopted)
      return
    }
    counters.failed += approach.side == .ours ? 1 : 0
    takeWaiting { $0.isFor(approach) }.endAll(.failure(explained(error)))
  }

  /// A side's tries that have come to nothing yet, the oldest first.
  func tries(_ side: LinkTable<AdoptedConnection>.Side, with peer: PeerID) -> [Approach] {
    approaches.filter { $0.side == side && $0.peer == peer && $0.isOpen }
  }

  func isTrying(_ side: LinkTable<AdoptedConnection>.Side, with peer: PeerID) -> Bool {
    !tries(side, with: peer).isEmpty
  }

  private func takeWaiting(where isMeant: (ConnectionWaiter) -> Bool) -> [Wait<AdoptedConnection>] {
    defer { waiting.removeAll(where: isMeant) }
    return waiting.filter(isMeant).map(\.wait)
  }

  private func explained(_ error: any Error) -> PeerError {
    switch error {
    case let error as PeerError: error
    case let error as RegistryError: PeerError(error)
    case let error as QUICError: PeerError(error)
    case is DeadlineExceeded:
      PeerError(.noPath, "nothing got through within \(configuration.patience): a relay may be needed")
    default: PeerError(.closed, "\(error)")
    }
  }

  private func remember(_ path: NetworkPath, of peer: PeerID) {
    goodPaths.removeAll { $0.peer == peer }
    if goodPaths.count >= PeerLimits.rememberedPaths { goodPaths.removeFirst() }
    // Only through a socket that is still there next time.
    guard Int(path.channel) < ports?.sockets.count ?? 0 else { return }
    goodPaths.append((peer, NetworkPath(to: path.remote, through: path.channel)))
  }

  private func watch(_ adopted: AdoptedConnection) {
    let connection = adopted.connection
    machine.spawn("paths to \(adopted.peer)") {
      for await _ in connection.pathChanges { adopted.paths?.look() }
    }
    machine.spawn("the end of a connection with \(adopted.peer)") {
      let error = try await connection.closed()
      await self.ended(adopted, error)
    }
  }

  /// Looks after the ways of a connection from now on.
  private func lookAfter(_ adopted: AdoptedConnection) {
    guard let ports else { return }
    let paths = ConnectionPaths(
      of: adopted.connection, at: endpoint, canMove: adopted.isClient,
      kind(of: adopted.path, adopted.approach),
      allowed: configuration.paths.kinds, interval: configuration.keepAlive,
      patience: configuration.idleTimeout)
    guard let paths else { return }
    adopted.paths = paths
    ports.add(paths)
    endpoint.assumeIsolated { $0.attach(paths, to: adopted.connection) }
    paths.kind = { [weak self] path in
      self?.assumeIsolated { $0.kind(of: path, adopted.approach) } ?? .direct
    }
    paths.onRelay = { [weak self] address in self?.assumeIsolated { $0.take(relay: address, of: adopted) } }
    paths.onChange = { [weak self] path in self?.assumeIsolated { $0.changed(adopted, to: path) } }
    paths.onWish = { [weak self, machine] kind in
      machine.spawn("a \(kind) way") { await self?.look(for: kind, of: adopted) }
    }
    paths.onLost = { [weak self, machine] in
      machine.spawn("what is to be done for a connection that is lost") { await self?.lost(adopted) }
    }
    if let approach = adopted.approach { hand(approach, to: adopted) }
    if let keepAlive { paths.keepAlive(keepAlive.intervals) }
    paths.start()
    keepSpare(for: adopted)
  }

  private func changed(_ adopted: AdoptedConnection, to path: Path) {
    remember(path.network, of: adopted.peer)
    tell(.pathChanged(with: adopted.peer, to: path))
    if path.kind == .relayed { keepSpare(for: adopted) }
  }

  private func stopLookingAfter(_ adopted: AdoptedConnection) {
    adopted.sparing?.cancel()
    guard let paths = adopted.paths else { return }
    adopted.paths = nil
    paths.close()
    ports?.remove(paths)
    endpoint.assumeIsolated { $0.attach(nil, to: adopted.connection) }
  }

  private func ended(_ adopted: AdoptedConnection, _ error: QUICError) async {
    stopLookingAfter(adopted)
    let kept = table.ended(adopted.peer, adopted, at: machine.now)
    // The other side may have kept what it has begun besides.
    if kept == nil, isTrying(.theirs, with: adopted.peer) { table.began(.theirs, with: adopted.peer) }
    if let approach = adopted.approach { await end(approach) }
    for transport in [TransportProtocol.udp, .tcp] {
      if let mending = adopted.mending[transport] { await end(mending) }
    }
    let sockets = adopted.sockets
    adopted.sockets = []
    for channel in sockets { giveUp(channel) }
    if isClosed { return }
    tell(.disconnected(from: adopted.peer, because: error))
    if let kept { await adopt(kept) }
  }
}

extension RegistryTarget {
  /// What tells dials apart.
  var words: String {
    switch self {
    case .name(let name): "name \(name.text.lowercased())"
    case .key(let peer): "key \(peer)"
    case .pairing(let secret): "secret \(secret)"
    }
  }
}

extension RegistryError {
  /// What is said to a peer that is taken for connected still.
  static let connected = RegistryError(.denied, "the two are connected")
  /// What is said to a peer that wants to mend a connection that this one knows nothing of.
  static let notConnected = RegistryError(.denied, "there is no connection")

  /// What became of somebody who was called.
  static let forsaken = RegistryError(.away, "it has gone while it was called, and is not back")

  var isAboutLastConnection: Bool { self == Self.connected }
}
