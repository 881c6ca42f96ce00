import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenTraversal

/// Where the first packets do not get through, holes are punched; and what a punch finds is a way for the handshake, or for
/// the connection that is there already.
extension Peer {
  /// Begins to punch if there is no connection soon.
  func punchLater(_ approach: Approach) {
    guard !approach.isOver else { return }
    approach.tasks.append(
      machine.spawn("punching in a moment") { [weak self, machine] in
        // Where UDP is blocked none of the known ways leads anywhere.
        let isBlocked = await self?.isBlocked ?? true
        if !isBlocked {
          // A way on which something comes is slow, perhaps; or leads here and not back.
          for _ in 0..<PeerLimits.slowness {
            if approach.isOver { return }
            if !approach.early.isEmpty { break }
            try await machine.sleep(for: PeerLimits.punchDelay)
            guard await approach.handshake?.isHeard ?? false else { break }
          }
        }
        await self?.punch(approach)
      })
  }

  /// Whether nothing leads to others but relays.
  private var isBlocked: Bool {
    get async {
      if isHidden { return true }
      return await client?.usesUDP == false
    }
  }

  func punch(_ approach: Approach) async {
    guard let client else { return }
    punch(approach, client, await client.serverAddresses)
  }

  private func punch(_ approach: Approach, _ client: RegistryClient, _ servers: [SocketAddress]) {
    // Between the call and here others may have run: what is true now decides.
    guard !isClosed, !approach.isOver, approach.puncher == nil,
      approach.connection == nil || approach.isMending,
      let ports, let introduction = approach.introduction, !givesWay(approach)
    else { return }
    for other in approaches where givesWay(other) { stopPunching(other) }
    counters.punched += approach.isMending ? 0 : 1
    tell(.connecting(to: approach.target, over: .punching))
    let puncher = HolePuncher(
      on: machine, role: approach.side == .ours ? .controlling : .controlled,
      punchConfiguration(servers, ports, approach))
    approach.puncher = puncher
    ports.add(puncher)
    approach.tasks.append(
      machine.spawn("signals of a puncher") {
        for await signal in puncher.signals {
          await client.signal(introduction, PeerSignal.punch(signal).encoded)
        }
      })
    approach.tasks.append(
      machine.spawn("paths of a puncher") { [weak self] in
        for await event in puncher.events { await self?.take(event, of: puncher, approach) }
      })
    let isOwn = isHidden || approach.isFresh || approach.transport == .tcp
    nonisolated(unsafe) let sockets = isOwn ? [] : ports.sockets
    let (early, seen) = (approach.early, approach.seen.map(\.ip))
    approach.early = []
    puncher.assumeIsolated { puncher in
      puncher.receiveOthers { datagram, number in
        guard approach.earlyPackets.count < PeerLimits.earlyPackets else { return }
        approach.earlyPackets.append(
          (number, datagram.payload.withUnsafeBytes { Array($0) }, datagram.source, datagram.localIP))
      }
      // Without a network there is nothing to punch through; the handshake says so in its time.
      try? puncher.start(using: sockets, isFed: true)
      for signal in early { puncher.receive(signal, attested: seen) }
    }
    if approach.transport == .tcp { return takeTCP(of: puncher, approach) }
    approach.tasks.append(
      machine.spawn("a relay") { [weak self] in try await self?.relay(approach, of: puncher) })
  }

  /// Whether another try with the same peer, which has the right of way, punches or will: two searches would wait for each
  /// other, one on each side.
  private func givesWay(_ approach: Approach) -> Bool {
    guard let peer = approach.peer, approach.isOpen, !table.hasRightOfWay(approach.side, with: peer) else {
      return false
    }
    return approaches.contains {
      $0.side != approach.side && $0.peer == peer && $0.isOpen && $0.introduction != nil
    }
  }

  private func stopPunching(_ approach: Approach) {
    guard let puncher = approach.puncher else { return }
    approach.puncher = nil
    // Another counts its sockets from the beginning again.
    approach.inherit()
    ports?.remove(puncher)
    machine.spawn("the end of a puncher") { await puncher.close() }
  }

  /// A try is over: one that has given way to it has it now.
  private func punchAgain(insteadOf approach: Approach) {
    guard let peer = approach.peer else { return }
    for other in approaches
    where other.side != approach.side && other.peer == peer && other.isOpen && other.puncher == nil {
      punchLater(other)
    }
  }

  private func punchConfiguration(
    _ servers: [SocketAddress], _ ports: SharedPorts, _ approach: Approach
  ) -> PunchConfiguration {
    let (transport, isFresh) = (approach.transport, approach.isFresh || approach.transport == .tcp)
    var punching = PunchConfiguration()
    punching.usesRelaysAlone = isHidden
    punching.stunServers = isHidden ? [] : servers + configuration.stunServers
    // The registry's STUN is asked again and again: what it has said is as fresh as can be.
    punching.knownMappings = isHidden || isFresh ? [] : ports.watcher?.mapped ?? []
    punching.privacy = isHidden ? .hidesAll : .tellsAll
    punching.transports = [transport]
    punching.families = configuration.families
    punching.usesLoopback = configuration.usesLoopback
    punching.portMapper = isHidden ? nil : portMapper
    punching.search = configuration.search
    punching.searchesExhaustively = configuration.search == .exhaustive
    punching.searchGate = searchGate
    punching.trust = .attested
    punching.relays = configuration.paths == .direct ? [] : relayIPs + approach.othersRelays
    return punching
  }

  /// The other side's puncher says something. Where it has begun to punch, this side does too.
  func take(_ signal: PunchSignal, _ approach: Approach) {
    if let puncher = approach.puncher {
      let attested = approach.seen.map(\.ip)
      machine.spawn("a signal") { await puncher.receive(signal, attested: attested) }
    } else if approach.connection == nil || approach.isMending,
      approach.early.count < PunchLimits.overtakingSignals
    {
      approach.early.append(signal)
      machine.spawn("punching with the other side") { await self.punch(approach) }
    }
  }

  private func take(_ event: PunchEvent, of puncher: HolePuncher, _ approach: Approach) async {
    guard approach.puncher === puncher else { return }
    switch event {
    case .opened(let path), .selected(let path):
      guard let way = way(path, of: puncher, approach) else { return }
      if let adopted = approach.connection ?? approach.mended {
        adopted.paths?.add(way, kind(of: path, way, approach))
      } else {
        await approach.handshake?.add(way)
      }
    case .lost, .needsRelay, .failed: break
    }
  }

  private func kind(of path: PunchedPath, _ way: NetworkPath, _ approach: Approach) -> Path.Kind {
    path.isRelayed ? .relayed : kind(of: way, approach)
  }

  /// What a puncher has found so far is the connection's.
  func hand(_ approach: Approach, to adopted: AdoptedConnection) {
    guard let puncher = approach.puncher else { return }
    for path in puncher.assumeIsolated({ $0.paths }) {
      if let way = way(path, of: puncher, approach) {
        adopted.paths?.add(way, kind(of: path, way, approach))
      }
    }
  }

  /// A puncher's path as the endpoint's: a socket that was opened on the way becomes the endpoint's.
  func way(_ path: PunchedPath, of puncher: HolePuncher, _ approach: Approach) -> NetworkPath? {
    guard !isClosed, !approach.isOver, path.transport == .udp, case .socket(let number) = path.channel,
      let ports, configuration.paths.kinds.contains(path.isRelayed ? .relayed : .direct)
    else { return nil }
    if let known = approach.relays[number] ?? approach.channels[number] {
      return NetworkPath(to: path.remote, through: known)
    }
    if number < ports.sockets.count, !isHidden, !approach.isFresh {
      return NetworkPath(to: path.remote, through: UInt16(number))
    }
    let given = puncher.assumeIsolated { puncher -> UncheckedSocket? in
      puncher.giveAway(path).map { UncheckedSocket($0) }
    }
    guard let given else { return nil }
    let channel = endpoint.assumeIsolated { $0.use(given.socket) }
    ports.borrowed(given.socket, as: channel)
    ports.share(channel, with: puncher, number)
    approach.channels[number] = channel
    for packet in approach.earlyPackets where packet.number == number {
      endpoint.assumeIsolated { $0.feed(packet.bytes, from: packet.source, at: packet.local, on: channel) }
    }
    approach.earlyPackets.removeAll { $0.number == number }
    return NetworkPath(to: path.remote, through: channel)
  }

  // MARK: Ending

  /// There is a connection: what was begun to get there ends, once it has found nothing better for a while.
  func finish(_ approach: Approach) {
    if approach.puncher == nil { return stop(approach) }
    approach.tasks.append(
      machine.spawn("the end of punching") { [weak self, machine] in
        try await machine.sleep(for: PeerLimits.improving)
        if approach.connection?.isRelayed ?? false { try await machine.sleep(for: PeerLimits.leavingRelay) }
        // Whoever has asked for every port to be tried waits for longer.
        let end = machine.now.advanced(by: PeerLimits.longestSearch)
        while approach.connection?.isRelayed ?? false, machine.now < end,
          await approach.puncher?.isSearching ?? false
        {
          try await machine.sleep(for: PeerLimits.improving)
        }
        await self?.stop(approach)
      })
  }

  /// Ends what was begun for a connection, but for the connection.
  private func stop(_ approach: Approach) {
    approaches.removeAll { $0 === approach }
    (approach.connection ?? approach.mended)?.inherit(approach)
    let (puncher, introduction, tasks) = (approach.puncher, approach.introduction, approach.tasks)
    approach.puncher = nil
    approach.introduction = nil
    approach.tasks = []
    if let puncher { ports?.remove(puncher) }
    let client = client
    machine.spawn("the end of an introduction") {
      await puncher?.close()
      if let introduction { await client?.end(introduction) }
      for task in tasks { task.cancel() }
    }
  }

  /// A handshake has failed: what was begun for it ends, and it may be tried again.
  func letGo(of approach: Approach) async {
    if let handshake = approach.handshake {
      approach.handshake = nil
      // It may have become the connection by another try: its first packets may come twice.
      let isConnection = approach.peer.map(table.all)?.contains { handshake.isSame(as: $0.connection) }
      if isConnection != true { await handshake.cancel() }
    }
    if let puncher = approach.puncher {
      ports?.remove(puncher)
      await puncher.close()
      approach.puncher = nil
    }
    if let introduction = approach.introduction {
      approach.introduction = nil
      await client?.end(introduction)
    }
    if let adopted = approach.mended, adopted.paths != nil {
      // Its connection may go through them already.
      adopted.inherit(approach)
    } else {
      for channel in approach.takeSockets() { giveUp(channel) }
    }
  }

  /// Ends a try, with all that was begun for it.
  func end(_ approach: Approach) async {
    guard !approach.isOver else { return }
    approach.isOver = true
    approaches.removeAll { $0 === approach }
    giveUp(approach)
    punchAgain(insteadOf: approach)
    approach.flightWait?.fail(CancellationError())
    approach.flightWait = nil
    let tasks = approach.tasks
    approach.tasks = []
    await letGo(of: approach)
    for task in tasks { task.cancel() }
  }

  /// Nobody is to be taken for somebody who is dialled, and let in unasked, because of a try that is over.
  private func giveUp(_ approach: Approach) {
    guard let peer = approach.peer, approach.isOpen else { return }
    if !isTrying(approach.side, with: peer) { table.gaveUp(approach.side, with: peer) }
  }

  // MARK: Mending

  /// Looks for ways for connections that have lost all of theirs, as after a NAT has forgotten them, and at times for something
  /// better than a relay.
  func mendLost() {
    for adopted in adoptedConnections where adopted.mending[.udp] == nil {
      if adopted.paths?.isLost ?? false {
        mend(adopted)
      } else if isSearchDue(adopted) {
        mend(adopted)
        // Where UDP is blocked, TCP may not be.
        if adopted.paths?.has(.tcp) == false { mend(adopted, over: .tcp) }
      } else if isAging(adopted) {
        renew(adopted)
      }
      giveUpSockets(of: adopted)
    }
  }

  /// Whether the mapping through which a connection goes will end soon, however much it is used: some carriers do that.
  private func isAging(_ adopted: AdoptedConnection) -> Bool {
    let isSoon = adopted.renewed.map { $0.duration(to: machine.now) < PeerLimits.renewPause } ?? false
    guard !isSoon, let (path, known) = adopted.paths?.used, kind(of: path) == .direct,
      let watcher = ports?.watcher,
      let life = watcher.life(of: path.remote.ip.family)
    else { return false }
    let used = life * PeerLimits.usedLife
    // What the registry sees is seen now and then.
    if let shared = watcher.life(of: path.channel) {
      return shared.since.duration(to: machine.now) >= used - PunchLimits.keepAlive
    }
    return known.duration(to: machine.now) >= used
  }

  /// Opens the next way before the one in use ends.
  private func renew(_ adopted: AdoptedConnection) {
    adopted.paths?.age()
    adopted.renewed = machine.now
    mend(adopted, isFresh: true)
  }

  /// Sockets through which nothing comes any more are given up.
  private func giveUpSockets(of adopted: AdoptedConnection) {
    guard !adopted.sockets.isEmpty, let paths = adopted.paths else { return }
    let useless = adopted.sockets.filter { !paths.uses($0) }
    adopted.sockets.removeAll(where: useless.contains)
    for channel in useless {
      paths.remove(channel: channel)
      giveUp(channel)
    }
  }

  private func isSearchDue(_ adopted: AdoptedConnection) -> Bool {
    guard adopted.isSecondBest, adopted.isClient, configuration.paths == .any else {
      // What goes straight, and then by a relay again, may soon go straight once more.
      adopted.searchSoon()
      return false
    }
    let now = machine.now
    let isDue = adopted.nextSearch.map { $0 <= now } ?? false
    if isDue { adopted.searchPause = min(adopted.searchPause * 2, PeerLimits.lastSearchPause) }
    if isDue || adopted.nextSearch == nil { adopted.nextSearch = now.advanced(by: adopted.searchPause) }
    return isDue
  }

  /// Nothing leads to the other side any more.
  func lost(_ adopted: AdoptedConnection) async {
    ports?.watcher?.hurry()
    adopted.searchSoon()
    for relay in relays where adopted.paths?.uses(relay.channel) ?? false { relay.socket.doubt() }
    await lookAtNetworks()
    if !isClosed, adopted.paths?.isLost ?? false { mend(adopted) }
  }

  /// Looks for a new way for a connection whose addresses have changed.
  func mend(
    _ adopted: AdoptedConnection, over transport: TransportProtocol = .udp, isFresh: Bool = false
  ) {
    guard let client, adopted.mending[transport] == nil, !isClosed else { return }
    let approach = Approach(.ours, with: adopted.peer, at: machine.now)
    approach.mended = adopted
    (approach.isFresh, approach.transport) = (isFresh, transport)
    adopted.mending[transport] = approach
    counters.mended += 1
    approach.tasks.append(
      machine.spawn("a new way to \(adopted.peer)") { [weak self] in
        do {
          let answer = try await client.introduce(
            Introduction.Request(
              .key(adopted.peer), at: self?.toldAddresses ?? [],
              Introduction.Content(signal: PeerSignal.mend(transport).encoded)))
          await self?.mend(approach, answer.id, answer.addresses)
        } catch {
          await self?.mended(adopted, approach)
          if error as? RegistryError == .notConnected { await self?.forgotten(adopted) }
        }
      })
  }

  /// The other side has been started anew, or has given up: what is left here is of no use.
  func forgotten(_ adopted: AdoptedConnection) async {
    guard adopted.since.duration(to: machine.now) > PeerLimits.young else { return }
    await adopted.connection.close(
      code: ConnectionEnd.duplicate.rawValue, reason: "the other side has ended it")
  }

  func takeMending(_ introduction: Introduction, _ transport: TransportProtocol) async {
    guard let client else { return }
    guard let adopted = table.adopted(introduction.peer) else {
      let made = tries(.theirs, with: introduction.peer).last { $0.handshake != nil }
      if let made, transport == .udp { return await punchAnew(made, introduction, with: client) }
      if table.isAnswering(introduction.peer) || table.isDialling(introduction.peer) {
        return await client.deny(introduction.id, reason: "it is being made")
      }
      // Where the registry has answered already, only the other side itself can be told.
      if !introduction.isQuestion { await client.signal(introduction.id, PeerSignal.gone.encoded) }
      return await client.deny(introduction.id, reason: RegistryError.notConnected.reason)
    }
    guard transport == .udp || !isHidden else {
      return await client.deny(introduction.id, reason: "nothing goes straight to this peer")
    }
    let before = adopted.mending[transport]
    if let before {
      // Both look for one: that of the one with the lower key goes on, unless nobody hears of it.
      let isHeard =
        before.introduction != nil || before.began.duration(to: machine.now) < PeerLimits.mendPatience
      guard introduction.peer < id || !isHeard else {
        return await client.deny(introduction.id, reason: "it is being done")
      }
    }
    let approach = Approach(.theirs, with: adopted.peer, at: machine.now)
    approach.mended = adopted
    approach.transport = transport
    // Whatever comes while something is waited for finds this one, and ends it where it has to.
    adopted.mending[transport] = approach
    if let before { await end(before) }
    // Before the first signal, which would else be that of somebody who has not been let in.
    if introduction.isQuestion, !approach.isOver {
      await client.acceptLater(introduction.id, at: toldAddresses)
    }
    await mend(approach, introduction.id, introduction.addresses)
  }

  /// The other side has the connection already, and its last word of the handshake has not come: as when a NAT forgets in this very
  /// moment what it knows. What is found now is a way for that.
  private func punchAnew(
    _ approach: Approach, _ introduction: Introduction, with client: RegistryClient
  ) async {
    stopPunching(approach)
    let before = approach.introduction
    approach.introduction = nil
    if let before { await client.end(before) }
    if introduction.isQuestion { await client.acceptLater(introduction.id, at: toldAddresses) }
    guard !approach.isOver else { return await client.end(introduction.id) }
    await begin(approach, as: introduction.id, at: introduction.addresses)
    await punch(approach)
  }

  private func mend(_ approach: Approach, _ id: UInt64, _ addresses: [SocketAddress]) async {
    guard !approach.isOver, let adopted = approach.mended else {
      await client?.end(id)
      return
    }
    approaches.append(approach)
    await begin(approach, as: id, at: addresses)
    await punch(approach)
    approach.tasks.append(
      machine.spawn("the end of mending") { [weak self, machine] in
        try await machine.sleep(for: PeerLimits.improving * 2)
        await self?.mended(adopted, approach)
      })
  }

  /// The other side has ended that by which both looked for a way. Where there is none yet it has given way to this side, perhaps, as this
  /// side has to it: whoever was away does not know which of two came first.
  func mendingEnded(_ approach: Approach) async {
    guard let adopted = approach.mended, adopted.paths?.isLost ?? false else { return }
    await mended(adopted, approach)
    machine.spawn("looking for a way once more") { [weak self, machine] in
      try await machine.sleep(for: PeerLimits.mendPatience)
      await self?.mendLost()
    }
  }

  private func mended(_ adopted: AdoptedConnection, _ approach: Approach) async {
    if adopted.mending[approach.transport] === approach { adopted.mending[approach.transport] = nil }
    approach.isOver = true
    guard adopted.paths != nil else {
      // A try that stays keeps relays that nobody needs, and with them those that are gone.
      approaches.removeAll { $0 === approach }
      return await letGo(of: approach)
    }
    stop(approach)
  }
}

/// A socket that moves from one actor of a machine to another. Used on its executor alone: hence `@unchecked`.
private struct UncheckedSocket: @unchecked Sendable {
  let socket: any UDPSocket
  init(_ socket: any UDPSocket) { self.socket = socket }
}
