import WarrenMachine
import WarrenSTUN

// TCP with peers (RFC 6062): opened, accepted, and joined with the connections of clients.
extension RelaySwitchboard {
  /// How many connections with peers there are, opening or open.
  public var streamCount: Int { core.streamCount }

  // MARK: Relayed addresses

  /// Listens where others reach a client over TCP. The port is shared with what is opened from there, and with nobody else.
  func listen(for wish: RelayWish) -> (any TCPListener)? {
    guard let local = freeAddress(for: wish) else { return nil }
    var options = TCPOptions()
    options.sharesPort = true
    guard let listener = try? machine.listenTCP(on: local, options: options) else { return nil }
    nonisolated(unsafe) let door = listener
    let number = wish.port
    machine.spawn("a relayed address's callers") { [weak self] in
      while let peer = await Self.accept(from: door) {
        self?.take(peer, at: number, by: door) ?? peer.reset()
      }
    }
    return listener
  }

  /// Where nobody listens, found by doing so for a moment without sharing: who shares is not told of others who do.
  private func freeAddress(for wish: RelayWish) -> SocketAddress? {
    var random = machine.random
    for _ in 0..<RelayLimits.portChoices {
      let address = SocketAddress(wish.ip, port: UInt16.random(in: portRange, using: &random))
      do throws(NetworkError) {
        try machine.listenTCP(on: address).close()
        return address
      } catch {
        // Somebody has the port, or nothing is left at all.
        guard case .addressInUse = error else { return nil }
      }
    }
    return nil
  }

  /// The next who connects; nil when there will be none.
  private static func accept(from listener: any TCPListener) async -> (any TCPConnection)? {
    while true {
      do { return try await listener.accept() } catch is CancellationError {
        return nil
      } catch NetworkError.closed {
        return nil
      } catch {
        // The system has no descriptor left, perhaps: it goes on when it has. A closed machine has no sleep either.
        do { try await listener.machine.sleep(for: RelayLimits.acceptPause) } catch { return nil }
      }
    }
  }

  private func take(_ peer: any TCPConnection, at port: RelayPortNumber, by door: any TCPListener) {
    now = machine.now
    // Its slot may be another client's by now.
    guard doors[Self.index(port)] === door,
      let (number, client) = core.arrived(from: peer.remoteAddress, at: port, at: now, into: &writer)
    else { return peer.reset() }
    streams[number] = peer
    send(writer.bytes, to: client)
    flush()
    tidyUp()
  }

  // MARK: To peers

  /// Opens a connection from a relayed address.
  func open(_ dial: RelayDial) {
    var options = TCPOptions()
    options.localAddress = dial.from
    options.sharesPort = true
    guard let peer = try? machine.openTCP(to: dial.to, options: options) else {
      return conclude(dial.number, succeeded: false)
    }
    streams[dial.number] = peer
    peer.onWritable = { [weak self] in self?.opened(dial.number) }
    tidyUp()
  }

  /// A connection is open, or failed.
  private func opened(_ number: RelayStreamNumber) {
    guard let peer = streams[number] else { return }
    peer.onWritable = nil
    now = machine.now
    conclude(number, succeeded: peer.phase == .open)
    flush()
  }

  /// Tells a client what has come of its wish for a connection.
  private func conclude(_ number: RelayStreamNumber, succeeded: Bool) {
    if let client = core.dialed(number, succeeded: succeeded, at: now, into: &writer) {
      send(writer.bytes, to: client)
    }
    tidyUp()
  }

  /// Tells of those that have taken too long.
  func giveUpOverdue() {
    while let number = core.pollOverdue() { conclude(number, succeeded: false) }
    flush()
  }

  // MARK: Joined

  /// A client's connection is one with that of a peer from now on.
  func join(_ number: RelayStreamNumber, to client: ServedClient) {
    guard let caller = callers[client.number], let peer = streams[number] else { return core.ended(number) }
    caller.stream = number
    caller.peer = peer
  }

  /// Both sides have said all, and what is on its way arrives.
  func settle(_ number: RelayStreamNumber) { streams.removeValue(forKey: number)?.close() }

  /// Ends a connection with a peer, and that of its client. A peer with whom not all was settled is told that there is no more.
  func close(_ number: RelayStreamNumber, _ client: ServedClient?) {
    streams.removeValue(forKey: number)?.reset()
    if let client { callers[client.number]?.hangUp() }
  }

  /// Carries a peer's bytes to its client, to their end. Where the client does not take them they are not read (RFC 6062, 5.2).
  func carry(
    _ peer: any TCPConnection, _ number: RelayStreamNumber, to words: RelayCallerWords
  ) async throws {
    while let bytes = try await peer.read(atMost: RelayLimits.streamReadBytes) {
      try await wait(bytes.count, number)
      core.count { $0.bytesToClients += bytes.count }
      try await words.say(bytes)
    }
    try await words.finish()
  }

  /// Carries a client's bytes to a peer, to their end, and in the same way.
  func carry(
    _ words: RelayCallerWords, after first: [UInt8], _ number: RelayStreamNumber, to peer: any TCPConnection
  ) async throws {
    var next: [UInt8]? = first
    while let bytes = next {
      try await wait(bytes.count, number)
      core.count { $0.bytesToPeers += bytes.count }
      try await peer.write(bytes)
      next = try await words.hear(RelayLimits.streamReadBytes)
    }
    try peer.finish()
  }

  /// Waits until so many bytes may pass.
  private func wait(_ count: Int, _ number: RelayStreamNumber) async throws {
    while let delay = core.delay(count, of: number, at: machine.now) { try await machine.sleep(for: delay) }
  }
}
