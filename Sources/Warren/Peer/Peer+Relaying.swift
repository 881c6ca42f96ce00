import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenRelay
import WarrenTraversal

/// Where nothing direct opens, a relay carries the packets; where something better opens later, that does, in the same connection;
/// and where that fails, the relay does again, which was kept for it.
extension Peer {
  /// The registry has said with what it relays.
  func learnRelays(from client: RegistryClient) async {
    let servers = await client.relayServers
    for ip in servers.compactMap({ try? IPAddress($0.host) }) { learn(relay: ip) }
  }

  private func learn(relay ip: IPAddress) {
    guard !relayIPs.contains(ip) else { return }
    if relayIPs.count >= PeerLimits.relays { relayIPs.removeFirst() }
    relayIPs.append(ip)
  }

  private var relayServers: [RelayServerAddress] {
    get async {
      let known = configuration.relays + (await client?.relayServers ?? [])
      if foundRelays.isEmpty, finding == nil { findRelays() }
      // A name server that does not answer keeps nobody waiting who knows a relay.
      if known.isEmpty, foundRelays.isEmpty, let finding { try? await finding.value }
      return known + foundRelays
    }
  }

  /// Begins to look for relays that nobody has named.
  func findRelays() {
    guard let discovery = configuration.relayDiscovery, configuration.paths.kinds.contains(.relayed) else {
      return
    }
    finding?.cancel()
    finding = machine.spawn("relays that are to be found") { [weak self, machine] in
      let found = try? await discovery.servers(on: machine)
      try Task.checkCancellation()
      await self?.found(found ?? [])
    }
  }

  private func found(_ servers: [RelayServerAddress]) {
    (foundRelays, finding) = (servers, nil)
    for ip in servers.compactMap({ try? IPAddress($0.host) }) { learn(relay: ip) }
  }

  /// The addresses that relays have given; at least so many, of different relays, if there are as many.
  func ownRelays(_ count: Int = 1) async throws -> [PeerRelay] {
    guard configuration.paths.kinds.contains(.relayed) else { return [] }
    while relays.count < count, !isClosed {
      // Who waits for others' asking may not need it any more.
      try Task.checkCancellation()
      let known = relays.count
      if let asking {
        try? await asking.value
      } else {
        let used = relays.map(\.socket.server.host)
        let servers = await relayServers.filter { !used.contains($0.host) }
        guard !servers.isEmpty else { break }
        // Meanwhile others may have begun to ask.
        guard asking == nil else { continue }
        let task = machine.spawn("a relay") {
          defer { if !Task.isCancelled { self.asking = nil } }
          try await self.askRelay(servers)
        }
        asking = task
        do { try await task.value } catch {
          if relays.isEmpty, !task.isCancelled { throw error }
        }
      }
      if relays.count == known { break }
    }
    return relays
  }

  /// The addresses that relays have given this peer.
  public var relayedAddresses: [SocketAddress] { relays.flatMap(\.socket.relayedAddresses) }

  private func askRelay(_ servers: [RelayServerAddress]) async throws {
    let socket = try await RelayClient.allocate(at: servers, on: machine)
    guard !isClosed, let ports else { return socket.close() }
    learn(relay: socket.localAddress.ip)
    let watcher = MappingWatcher(of: [socket], on: machine) { [weak self] in
      self?.assumeIsolated { $0.relaysChanged() }
    }
    let relay = PeerRelay(socket, as: adopt(socket), watcher)
    relays.append(relay)
    ports.borrowed(socket, as: relay.channel, watcher)
    relay.watch(registries)
    socket.onLost = { [weak self, weak relay] _ in
      guard let relay else { return }
      self?.assumeIsolated { $0.lost(relay) }
    }
  }

  /// The connections' packets are the endpoint's, which hands on STUN's.
  private func adopt(_ socket: RelayedSocket) -> UInt16 { endpoint.assumeIsolated { $0.use(socket) } }

  /// The relay has gone, or has forgotten this peer.
  private func lost(_ relay: PeerRelay) {
    give(back: relay)
    guard !isClosed else { return }
    for adopted in adoptedConnections { keepSpare(for: adopted, after: .zero) }
  }

  private func give(back relay: PeerRelay) {
    relays.removeAll { $0 === relay }
    if relays.isEmpty {
      // Who asks others for a second one may wait for long: whoever needs one now asks this one as well.
      asking?.cancel()
      asking = nil
      for adopted in adoptedConnections {
        adopted.sparing?.cancel()
        adopted.sparing = nil
      }
    }
    for adopted in adoptedConnections { adopted.paths?.remove(channel: relay.channel) }
    for approach in approaches {
      for (number, channel) in approach.relays where channel == relay.channel {
        approach.relays[number] = nil
      }
    }
    giveUp(relay.channel)
    relaysChanged()
  }

  // MARK: Relays that the other side does not know

  /// The registry's STUN has said something by way of a relay, or there is a relay less.
  func relaysChanged() {
    guard let client, !isClosed else { return }
    let seen = announcement.relayed.map(\.address)
    let isNew = seen != announcedRelays
    announcedRelays = seen
    machine.spawn("what the registry has seen at relays") { await self.announce(to: client, now: isNew) }
  }

  /// What the registry has seen by way of relays: an other side that does not know them sends nothing there unless the registry has
  /// told it to.
  var attestedRelays: [AttestedAddress] {
    Array(relays.flatMap(\.watcher.attested).prefix(RegistryLimits.relayedAddresses))
  }

  /// The registry has seen the other side at relays, which may be none that this side knows.
  func add(relays: [SocketAddress], seenFor approach: Approach) {
    guard configuration.paths != .direct else { return }
    let ips = relays.filter(mayReach).map(\.ip)
    for known in [approach, approach.mended?.approach].compactMap({ $0 }) {
      for ip in ips
      where !known.othersRelays.contains(ip) && known.othersRelays.count < PeerLimits.othersRelays {
        known.othersRelays.append(ip)
      }
    }
    let told = approach.othersRelays
    approach.puncher?.assumeIsolated { $0.allow(relays: told) }
  }

  /// A socket is not used any more.
  func giveUp(_ channel: UInt16) {
    let endpoint = endpoint
    endpoint.assumeIsolated { $0.giveUp(channel) }
    ports?.close(channel)
  }

  /// Relays that nobody needs any more get back what they have given.
  func leaveRelays() {
    guard approaches.isEmpty, adoptedConnections.isEmpty else {
      relaysIdleSince = nil
      return
    }
    guard let since = relaysIdleSince else {
      relaysIdleSince = machine.now
      return
    }
    guard since.duration(to: machine.now) >= PeerLimits.keepingRelays else { return }
    for relay in relays { give(back: relay) }
  }

  // MARK: Punching

  /// Gives a puncher an address of a relay's, to try with the others: both begin at once, and the relay is what it uses until there
  /// is something better.
  func relay(_ approach: Approach, of puncher: HolePuncher) async throws {
    for relay in try await ownRelays() {
      // Meanwhile others may have run: what is true now decides.
      guard !isClosed, !approach.isOver, approach.puncher === puncher, let ports,
        relays.contains(where: { $0 === relay })
      else { return }
      share(relay, ports, puncher, approach)
    }
  }

  private func share(_ relay: PeerRelay, _ ports: SharedPorts, _ puncher: HolePuncher, _ approach: Approach) {
    nonisolated(unsafe) let socket: any UDPSocket = relay.socket
    let number = puncher.assumeIsolated { $0.addRelay(socket, isFed: true) }
    ports.share(relay.channel, with: puncher, number)
    approach.relays[number] = relay.channel
  }

  // MARK: A spare

  /// Sees to it that a connection has a relay to fall back to, and where it goes over one, another.
  func keepSpare(for adopted: AdoptedConnection, after delay: Duration = PeerLimits.spareDelay) {
    guard configuration.paths.kinds.contains(.relayed), adopted.sparing == nil else { return }
    adopted.sparing = machine.spawn("a spare way to \(adopted.peer)") { [weak self, machine] in
      defer { if !Task.isCancelled { adopted.sparing = nil } }
      if delay > .zero { try await machine.sleep(for: delay) }
      try await self?.offerRelays(to: adopted)
    }
  }

  private func offerRelays(to adopted: AdoptedConnection) async throws {
    guard let paths = adopted.paths, adopted.isRelayed || !paths.has(.relayed), adopted.isClient
    else { return }
    // A second one may be looked for in vain, for long.
    for count in adopted.isRelayed ? [1, 2] : [1] where adopted.paths != nil {
      try Task.checkCancellation()
      try await offer(try await ownRelays(count), to: adopted)
    }
  }

  private func offer(_ offered: [PeerRelay], to adopted: AdoptedConnection) async throws {
    guard !offered.isEmpty, let paths = adopted.paths else { return }
    // Who is behind a NAT is let in at the relay when it has been sent something there.
    let known = (adopted.approach?.seen ?? []) + paths.paths.filter { $0.kind == .direct }.map(\.remote)
    for relay in offered {
      let own = relay.socket.localAddress.ip
      // A relay that is seen on the internet does not reach what is in somebody's own network.
      for address in known
      where mayReach(address) && address.ip.family == own.family && (own.isPrivate || !address.ip.isPrivate) {
        paths.add(NetworkPath(to: address, through: relay.channel), .relayed)
      }
    }
    var pause = PathLimits.firstPause * 2
    for _ in 0..<PathLimits.relayOffers {
      let alive = paths.paths.filter { $0.kind == .relayed && $0.state == .alive }.map(\.network.channel)
      let silent = offered.filter { !alive.contains($0.channel) }
      if silent.isEmpty { return }
      for relay in silent { paths.offer(relay.socket.localAddress) }
      try await machine.sleep(for: pause)
      pause *= 2
    }
  }

  /// The other side can be reached by a relay here.
  func take(relay address: SocketAddress, of adopted: AdoptedConnection) {
    // Nobody is made to ask many who have not asked for it.
    if !adopted.othersRelays.contains(address) {
      guard configuration.paths.kinds.contains(.relayed), mayReach(address),
        adopted.othersRelays.count < PeerLimits.othersRelays,
        relayIPs.contains(address.ip) || !address.ip.isPrivate && !address.ip.isLinkLocal
      else { return }
      adopted.othersRelays.append(address)
    }
    let own = relays.map { NetworkPath(to: address, through: $0.channel) }
    let straight = isHidden ? [] : endpoint.assumeIsolated { $0.ways(to: [address]) }
    for way in straight + own { adopted.paths?.add(way, .relayed) }
  }

  // MARK: Kinds

  /// Whether what goes out there leaves a relay.
  func isRelay(_ channel: UInt16) -> Bool { relays.contains { $0.channel == channel } }

  /// Of what kind a way is that nobody has said anything about.
  ///
  /// - Parameter approach: what tells where the registry has seen the other side, which may be on a relay's machine.
  func kind(of path: NetworkPath, _ approach: Approach? = nil) -> Path.Kind {
    if ports?.isTCP(path.channel) ?? false { return .tcp }
    if isRelay(path.channel) { return .relayed }
    if approach?.seen.contains(path.remote) ?? false { return .direct }
    let ip = path.remote.ip
    return relayIPs.contains(ip) || approach?.othersRelays.contains(ip) ?? false ? .relayed : .direct
  }
}
