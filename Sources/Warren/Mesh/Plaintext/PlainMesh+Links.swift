import WarrenMachine
import WarrenMesh

/// Connections with other nodes.
extension PlainMesh {
  // MARK: Beginning

  /// Calls whoever is there, unless there is a connection with it, or soon will be.
  func dial(_ address: SocketAddress) async throws -> PlainPeer {
    if let peer = peer(at: address) { return peer }
    if let link = links.first(where: { $0.dialled == address }) { return try await known(link) }
    guard open.count < configuration.mostPeers else {
      throw PlainError(
        .full, "this node has its \(configuration.mostPeers) connections: leave one, or permit more")
    }
    book.began(address, at: machine.now)
    let link: PlainLink
    do {
      link = try begin(machine.openTCP(to: address, options: TCPOptions()), dialled: address)
    } catch {
      let error = PlainError(.unreachable, "\(error)")
      failed(address, error)
      throw error
    }
    machine.spawn("a call to \(address)") { await self.greet(link, at: address) }
    return try await known(link)
  }

  private func peer(at address: SocketAddress) -> PlainPeer? { openLinks.first { $0.place == address }?.peer }

  private func known(_ link: PlainLink) async throws -> PlainPeer {
    try await machine.suspend({ "\(link.connection.remoteAddress) to say who it is" }) { wait in
      switch link.outcome {
      case .success(let peer): wait.succeed(peer)
      case .failure(let error): wait.fail(error)
      case nil: link.waits.add(wait)
      }
    }
  }

  private func begin(_ connection: any TCPConnection, dialled: SocketAddress? = nil) -> PlainLink {
    let core = PlainLinkCore(
      dialled == nil ? .accepted : .dialled, with: connection.remoteAddress.ip, as: greeting,
      configuration.settings, at: machine.now)
    let link = PlainLink(connection, core, dialled: dialled)
    link.timer = machine.makeTimer { [weak self, weak link] in
      guard let link else { return }
      self?.assumeIsolated { $0.look(after: link) }
    }
    links.append(link)
    return link
  }

  /// Where the other side of a connection reaches this node.
  private func ownPlace(at connection: any TCPConnection) -> SocketAddress {
    let bound = listener?.localAddress ?? configuration.address
    return SocketAddress(bound.ip.isUnspecified ? connection.localAddress.ip : bound.ip, port: bound.port)
  }

  private func greet(_ link: PlainLink, at address: SocketAddress) async {
    schedule(link)
    do { try await link.connection.opened() } catch {
      return change(link) { core, _ in core.end(PlainError(.unreachable, "\(error)")) }
    }
    if let peer = peer(at: address) {
      // It has called meanwhile.
      link.settle(.success(peer))
      return change(link) { core, _ in
        core.end(PlainError(.duplicate, "it has called meanwhile"))
      }
    }
    change(link) { $0.begin(listening: self.ownPlace(at: link.connection), at: $1) }
    await read(link)
  }

  func take(_ connection: any TCPConnection) {
    guard !isClosed else { return connection.close() }
    let link = begin(connection)
    machine.spawn("what \(connection.remoteAddress) says") { await self.read(link) }
    schedule(link)
    let strangers = links.filter(\.isStrange)
    if strangers.count > PlainLimits.strangers {
      change(strangers[0]) { core, _ in
        core.end(PlainError(.silent, "too many call and do not say who they are"))
      }
    }
  }

  // MARK: Driving the core

  /// Tells a connection's core something, and does what it wants.
  func change(_ link: PlainLink, _ body: (inout PlainLinkCore, Instant) -> Void) {
    body(&link.core, machine.now)
    guard !link.isDriven else { return }
    link.isDriven = true
    repeat {
      while let event = link.core.pollEvent() { take(event, of: link) }
      write(link)
    } while link.core.hasEvents
    link.isDriven = false
    schedule(link)
  }

  private func schedule(_ link: PlainLink) {
    guard !link.isOver else { return }
    link.timer?.schedule(at: link.core.nextDeadline)
  }

  private func look(after link: PlainLink) {
    if link.isOver { return close(link) }
    if link.connection.phase == .opening, link.core.nextDeadline <= machine.now {
      let error = PlainError(.unreachable, "nobody has answered there within \(configuration.connectTimeout)")
      return change(link) { core, _ in core.end(error) }
    }
    change(link) { $0.handleDeadline(at: $1) }
    wakeSpeakers()
  }

  /// There may be room for more, or somebody is not waited for any more.
  private func wakeSpeakers() { if !speakers.isEmpty { speakers.takeAll().endAll(.success(())) } }

  private func take(_ event: PlainLinkCore.Event, of link: PlainLink) {
    switch event {
    case .asked: return decide(link)
    case .opened: return opened(link)
    case .ended(let error): return ended(link, error)
    default: break
    }
    guard let peer = link.peer else {
      // Whoever has turned this one away may know others.
      if case .peers(let addresses) = event { learn(addresses, from: nil) }
      return
    }
    switch event {
    case .text(let text): happened.append(.text(text, from: peer))
    case .bytes(let bytes): happened.append(.bytes(bytes, from: peer))
    case .peersWanted:
      if configuration.tellsOfPings { happened.append(.askedForPeers(by: peer)) }
      link.core.sharePeers(listing(for: link), at: machine.now)
    case .peers(let addresses):
      if configuration.tellsOfPings { happened.append(.toldOfPeers(addresses, by: peer)) }
      learn(addresses, from: peer)
    case .pinged: if configuration.tellsOfPings { happened.append(.pinged(by: peer)) }
    case .ponged: if configuration.tellsOfPings { happened.append(.ponged(by: peer)) }
    case .misunderstood(let error): happened.append(.error(error, from: peer))
    case .asked, .opened, .ended: break
    }
  }

  private func learn(_ addresses: [SocketAddress], from peer: PlainPeer?) {
    let others = addresses.filter { !isOwn($0) }
    let new = book.heard(of: others, at: machine.now)
    if let peer, !new.isEmpty { happened.append(.discovered(new, by: peer)) }
    look()
  }

  /// Whether this node itself is there, as far as its connections show.
  private func isOwn(_ address: SocketAddress) -> Bool {
    guard let listener, listener.localAddress.port == address.port else { return false }
    return address.ip.isLoopback || listener.localAddress.ip == address.ip
      || links.contains { $0.connection.localAddress.ip == address.ip }
  }

  /// Whom this node knows, as the other side of a connection can reach them.
  private func listing(for link: PlainLink) -> [String] {
    openLinks.filter { $0 !== link }.compactMap(\.place).prefix(PlainLimits.listedPeers)
      .compactMap { PlainPlace.listing($0, from: link.connection.localAddress.ip) }
  }

  // MARK: Whether one is wanted

  private func decide(_ link: PlainLink) {
    guard let other = link.core.greeting else { return }
    let now = machine.now
    if other.id == id { return link.core.recognize(at: now) }
    if open[other.id] != nil { return link.core.refuse(.duplicate, at: now) }
    if open.count >= configuration.mostPeers {
      return link.core.refuse(.full, knowing: listing(for: link), at: now)
    }
    if crosses(link) {
      // Which of the two calls counts is known when the other side has answered this one's.
      let until =
        link.undecidedUntil
        ?? now.advanced(by: id < other.id ? PlainLimits.longCrossing : PlainLimits.shortCrossing)
      link.undecidedUntil = until
      if now < until { return link.core.postpone(until: until) }
    }
    link.core.accept(at: now)
  }

  /// Whether this node may have called whoever calls: it listens at a port where nobody has answered yet.
  private func crosses(_ link: PlainLink) -> Bool {
    guard let port = link.core.listens?.port else { return false }
    return links.contains { $0.dialled?.port == port && $0.core.isUnanswered && $0.connection.phase == .open }
  }

  private func opened(_ link: PlainLink) {
    guard let other = link.core.greeting else { return }
    if let error = objection(to: other, over: link) { return link.core.end(error) }
    let peer = PlainPeer(id: other.id, name: other.name, at: link.place ?? link.connection.remoteAddress)
    let replaced = open.updateValue(link, forKey: other.id)
    link.peer = peer
    if let place = link.place { book.linked(place, at: machine.now) }
    if let replaced {
      change(replaced) { core, _ in core.end(PlainError(.duplicate, "there are two connections with it")) }
    } else {
      happened.append(.connected(peer, byUs: link.dialled != nil))
    }
    link.settle(.success(peer))
    link.core.sharePeers(listing(for: link), at: machine.now)
    if link.dialled != nil { link.core.requestPeers(at: machine.now) }
    decideOthers()
    look()
  }

  /// Why there is to be no connection with whoever has answered.
  private func objection(to other: PlainGreeting, over link: PlainLink) -> PlainError? {
    guard let dialled = link.dialled else { return nil }
    if other.id == id {
      book.isOwn(dialled, at: machine.now)
      return PlainError(.oneself, "\(dialled) is this node itself")
    }
    if open[other.id] != nil {
      // Two that have taken each other's calls: the call of the one with the lesser identity stays.
      return id < other.id ? nil : PlainError(.duplicate, "there is a connection with it already")
    }
    return open.count < configuration.mostPeers
      ? nil : PlainError(.full, "there are connections enough meanwhile")
  }

  /// A call of this node's was answered, or not: those who may be the same need not wait.
  private func decideOthers() {
    for link in links where link.core.isAsked {
      decide(link)
      change(link) { _, _ in }
    }
  }

  // MARK: What is read and written

  private func read(_ link: PlainLink) async {
    do {
      while let bytes = try await link.connection.read(atMost: PlainLimits.readBytes) {
        if link.isOver { continue }
        change(link) { $0.receive(bytes, at: $1) }
        guard !happened.hasRoom, !link.isOver else { continue }
        // Whoever reads slowly has others wait, and they are not taken for dead meanwhile.
        change(link) { $0.paused(true, at: $1) }
        try await machine.suspend({ "the mesh's events to be read" }) { happened.waitForRoom($0) }
        change(link) { $0.paused(false, at: $1) }
      }
      link.hasEnded = true
      change(link) { $0.receivedEnd(at: $1) }
    } catch {
      link.hasEnded = true
      change(link) { core, _ in core.end(PlainError(.ended, "the connection has ended: \(error)")) }
    }
    if link.isOver { write(link) }
  }

  private func write(_ link: PlainLink) {
    guard !link.isWriting, link.connection.phase == .open else { return }
    do {
      while true {
        if link.rest.isEmpty {
          link.rest = link.core.pollOutput(atMost: PlainLimits.readBytes, at: machine.now) ?? []
        }
        if link.rest.isEmpty { break }
        let rest = link.rest
        link.rest.removeFirst(try link.connection.writeNow(rest.span.bytes))
        if !link.rest.isEmpty { return writeLater(link) }
      }
      if link.isOver {
        if link.hasEnded {
          close(link)
        } else if !link.isFinished {
          link.isFinished = true
          try link.connection.finish()
        }
      }
    } catch {
      link.hasEnded = true
      if link.isOver {
        close(link)
      } else {
        link.core.end(PlainError(.ended, "the connection has ended: \(error)"))
      }
    }
    wakeSpeakers()
  }

  private func writeLater(_ link: PlainLink) {
    link.isWriting = true
    machine.spawn("words to \(link.connection.remoteAddress)") {
      // Where it fails, the next try to write says why.
      try? await link.connection.waitUntilWritable("write to")
      link.isWriting = false
      self.change(link) { _, _ in }
    }
  }

  // MARK: Ends

  private func ended(_ link: PlainLink, _ error: PlainError) {
    guard !link.isOver else { return }
    link.isOver = true
    links.removeAll { $0 === link }
    leaving.append(link)
    // What was said last goes out; who takes nothing is not waited for.
    let isHopeless = error.code == .stale || error.code == .tooSlow || link.connection.phase != .open
    if isHopeless { link.core.discardOutput() }
    link.timer?.schedule(at: isHopeless ? machine.now : machine.now.advanced(by: PlainLimits.farewell))
    if let peer = link.peer {
      forget(peer, link, error)
    } else if let dialled = link.dialled {
      failed(dialled, error)
      link.settle(peer(at: dialled).map { .success($0) } ?? .failure(error))
      decideOthers()
    } else if !isClosed, error.code != .oneself {
      happened.append(.refused(link.connection.remoteAddress, because: error))
    }
    wakeSpeakers()
    look()
  }

  private func forget(_ peer: PlainPeer, _ link: PlainLink, _ error: PlainError) {
    guard open[peer.id] === link else { return }
    open[peer.id] = nil
    if error.code == .stale { happened.append(.staleRemoved(peer)) }
    happened.append(.disconnected(peer, because: error))
    if let place = link.place { book.unlinked(place, at: machine.now) }
  }

  private func failed(_ address: SocketAddress, _ error: PlainError) {
    book.failed(address, at: machine.now)
    guard !isClosed, error.code != .duplicate, error.code != .oneself else { return }
    happened.append(.connectingFailed(address, because: error))
  }

  private func close(_ link: PlainLink) {
    link.timer?.cancel()
    link.timer = nil
    link.connection.close()
    leaving.removeAll { $0 === link }
    if leaving.isEmpty { goodbyes.takeAll().endAll(.success(())) }
  }
}
