import WarrenMachine
import WarrenSTUN
import WarrenTLS

// Clients over TCP and TLS.
extension RelaySwitchboard {
  /// How many are connected.
  public var callerCount: Int { callers.count }

  /// Serves a client that has connected, until it or its connection ends.
  ///
  /// - Parameters:
  ///   - words: what was read from it already, to see which protocol it is.
  ///   - trial: what it has to pass, where that is more than what any client has to.
  public func serve(
    _ connection: any TCPConnection, after words: [UInt8] = [], on trial: RelayTrial? = nil
  ) async {
    // All of it stays on the machine's executor.
    nonisolated(unsafe) let connection = connection
    guard let caller = enter(connection.remoteAddress) else { return connection.reset() }
    caller.hangUp = { connection.reset() }
    caller.trial = trial
    caller.reader.append(words)
    let words = RelayCallerWords(
      hear: { try await connection.read(atMost: $0) }, say: { try await connection.write($0) },
      finish: { try connection.finish() })
    await converse(caller, words)
    connection.close()
  }

  /// Serves a client that has connected from `remote` and shaken hands.
  public func serve(
    _ connection: TLSConnection, from remote: SocketAddress, on trial: RelayTrial? = nil
  ) async {
    guard let caller = enter(remote) else { return await connection.close() }
    let machine = machine
    caller.hangUp = { machine.spawn("the end of a relay's client") { await connection.close() } }
    caller.trial = trial
    let words = RelayCallerWords(
      hear: { try await connection.read(atMost: $0) }, say: { try await connection.write($0) },
      finish: { try await connection.finish() })
    await converse(caller, words)
    await connection.close()
  }

  /// Whether there is room for somebody else from there.
  public func hasRoom(for remote: SocketAddress) -> Bool {
    !isClosed && callers.count < core.configuration.callers
      && callersAt[remote.ip.household] ?? 0 < core.configuration.callersPerAddress
  }

  private func enter(_ remote: SocketAddress) -> RelayCaller? {
    guard hasRoom(for: remote) else { return nil }
    callerNumber += 1
    let caller = RelayCaller(ServedClient(remote, connection: callerNumber), at: machine.now)
    caller.reader.numbers = channelNumbers
    callers[callerNumber] = caller
    callersAt[remote.ip.household, default: 0] += 1
    return caller
  }

  private func leave(_ caller: RelayCaller) {
    caller.isOver = true
    callers[caller.client.number] = nil
    let household = caller.client.address.ip.household
    let count = callersAt[household]! - 1
    callersAt[household] = count > 0 ? count : nil
    core.hungUp(caller.client)
    if let stream = caller.stream { core.ended(stream) }
    tidyUp()
  }

  private func converse(_ caller: RelayCaller, _ words: RelayCallerWords) async {
    let machine = machine
    nonisolated(unsafe) let unchecked = caller
    let mouth = machine.spawn("words for a relay's client") { [self] in
      do { try await speak(to: unchecked, words) } catch { unchecked.hangUp() }
    }
    let timer = machine.makeTimer { [weak self] in self?.lookAt(unchecked) }
    caller.patience = timer
    let patience = machine.now.advanced(by: RelayLimits.callerPatience)
    timer.schedule(at: min(patience, caller.trial?.deadline ?? patience))
    do {
      while caller.peer == nil, let bytes = try await words.hear(MachineLimits.readBytes) {
        try take(bytes, from: caller)
      }
      if let peer = caller.peer, let stream = caller.stream {
        try await carry(words, after: caller.takeRest(), stream, to: peer)
        // The peer may have more to say.
        try await mouth.value
        settle(stream)
      }
    } catch {
      // It has gone, or said what is not TURN: neither is answered.
    }
    timer.cancel()
    mouth.cancel()
    leave(caller)
  }

  /// Says what there is to be said, and then, where it has claimed a peer, what that says.
  private func speak(to caller: RelayCaller, _ words: RelayCallerWords) async throws {
    while caller.peer == nil || !caller.outgoing.isEmpty { try await words.say(caller.next(on: machine)) }
    if let peer = caller.peer, let stream = caller.stream { try await carry(peer, stream, to: words) }
  }

  private func take(_ bytes: [UInt8], from caller: RelayCaller) throws {
    now = machine.now
    caller.lastHeard = now
    defer { flush() }
    caller.reader.append(bytes)
    try caller.reader.forEach { message in
      take(message, from: caller.client)
      return !caller.isOver && caller.peer == nil
    }
    if let trial = caller.trial, isProven(caller) {
      caller.trial = nil
      trial.passed()
    }
    // Who has no allocation has nothing large to say, and much memory is for nobody who has not proved anything.
    if !isProven(caller), caller.reader.count > STUNLimits.messageOnStream {
      throw STUNMessageError.wrongLength
    }
  }

  /// Whether it has an allocation, or a connection of one.
  private func isProven(_ caller: RelayCaller) -> Bool {
    caller.peer != nil || core.slot(of: caller.client) != nil
  }

  /// Hangs up on somebody who has no allocation, and does not ask for one.
  private func lookAt(_ caller: RelayCaller) {
    guard !isProven(caller) else {
      caller.patience?.schedule(at: machine.now.advanced(by: RelayLimits.callerPatience))
      return
    }
    let patience = caller.lastHeard.advanced(by: RelayLimits.callerPatience)
    let end = min(patience, caller.trial?.deadline ?? patience)
    if end <= machine.now { return caller.hangUp() }
    caller.patience?.schedule(at: end)
  }
}
