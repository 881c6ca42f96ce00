import WarrenMachine
import WarrenSTUN

// TCP with peers (RFC 6062): who may connect to whom, and whose each connection is.
extension RelayServerCore {
  /// How many connections with peers there are, opening or open.
  public var streamCount: Int { streams.count - freeStreams.count }

  // MARK: To peers

  /// Begins to connect to a peer for a client (RFC 6062, 5.2).
  ///
  /// No permission is asked for: who names a peer in a signed request wants it. Where it may lead is asked.
  mutating func connect(
    _ message: borrowing STUNMessage, _ request: Request
  ) -> Result<RelayDial, RelayRefusal> {
    guard let slot = request.slot, slots[slot]!.transport == .tcp else {
      return .failure(RelayRefusal(code: .allocationMismatch))
    }
    guard slots[slot]!.user.name == request.user.name else {
      counters.wrongUsers += 1
      return .failure(RelayRefusal(code: .wrongCredentials))
    }
    guard let peer = message.maskedAddress(.xorPeerAddress), peer.port != 0 else {
      return .failure(RelayRefusal(code: .badRequest))
    }
    if let code = objection(to: peer, of: slot) { return .failure(RelayRefusal(code: code)) }
    guard let relay = slots[slot]!.relay(peer.ip.family), let destination = destination(of: peer, from: slot)
    else {
      counters.forbiddenPeers += 1
      return .failure(RelayRefusal(code: .forbidden))
    }
    guard !slots[slot]!.streams.contains(where: { streams[$0]!.peer == peer }) else {
      return .failure(RelayRefusal(code: .connectionExists))
    }
    let question = RelayStream.Question(
      client: request.client, user: request.user, transaction: message.transactionID,
      hasFingerprint: message.hasFingerprint)
    guard let number = addStream(with: peer, of: slot, .opening(question), at: request.now) else {
      counters.overStreams += 1
      return .failure(RelayRefusal(code: .insufficientCapacity))
    }
    return .success(RelayDial(number: number, from: relay.bound, to: destination))
  }

  /// Where a peer is as this machine reaches it; nil where nobody is to be reached.
  private func destination(of peer: SocketAddress, from slot: Int) -> SocketAddress? {
    guard own.contains(peer.ip) else { return peer }
    // Another relayed address of this server, which a NAT before it may not lead back to; one's own leads nowhere.
    if let other = relayedTCP[peer] {
      return other == slot ? nil : slots[other]?.relay(peer.ip.family)?.bound
    }
    return reach.isPermitted(peer.ip) && !isListening(peer) ? peer : nil
  }

  /// A connection that was to be opened is open, or will not be: writes what the client is told.
  ///
  /// - Returns: the client; nil where it does not wait any more, and the connection is of no use.
  public mutating func dialed(
    _ number: RelayStreamNumber, succeeded: Bool, at now: Instant, into answer: inout STUNMessageWriter
  ) -> ServedClient? {
    guard let stream = stream(number), case .opening(let question) = stream.phase else { return nil }
    answer.begin(succeeded ? .success : .failure, .connect, question.transaction)
    if succeeded {
      counters.connected += 1
      counters.successes += 1
      streams[number.slot]!.phase = .unclaimed
      streamDeadlines.set(number.slot, to: now.advanced(by: RelayLimits.claimPatience))
      answer.add(.connectionID, number.id)
    } else {
      counters.unconnected += 1
      counters.refusals += 1
      endStream(number.slot)
      answer.add(.connectionFailure)
    }
    answer.sign(with: question.user.key, question.user.function)
    if question.hasFingerprint { answer.addFingerprint() }
    return question.client
  }

  /// The next connection that has taken too long to open: ``dialed(_:succeeded:at:into:)`` is to be told that it failed.
  public mutating func pollOverdue() -> RelayStreamNumber? { overdue.popLast() }

  // MARK: From peers

  /// Somebody has connected to a relayed address: writes what the client is told (RFC 6062, 5.3).
  ///
  /// - Returns: the connection's number and the client; nil where nobody has let him in.
  public mutating func arrived(
    from remote: SocketAddress, at port: RelayPortNumber, at now: Instant,
    into indication: inout STUNMessageWriter
  ) -> (number: RelayStreamNumber, client: ServedClient)? {
    let inside = relayedTCP[remote].flatMap { slots[$0]?.relay(remote.ip.family)?.announced }
    let peer = inside ?? remote
    guard let allocation = slots[port.slot], allocation.relay(port.family) != nil,
      allocation.isPermitted(peer.ip, at: now)
    else {
      counters.unpermitted += 1
      return nil
    }
    guard let number = addStream(with: peer, of: port.slot, .unclaimed, at: now) else {
      counters.overStreams += 1
      return nil
    }
    counters.arrived += 1
    indication.begin(
      .indication, .connectionAttempt, TransactionID(number.id, UInt64(counters.arrived)))
    indication.add(.xorPeerAddress, masked: peer)
    indication.add(.connectionID, number.id)
    return (number, allocation.client)
  }

  // MARK: Whose they are

  /// Gives a connection with a peer to the client that claims it over a connection of its own (RFC 6062, 5.4).
  mutating func claim(
    _ message: borrowing STUNMessage, _ request: Request, into answer: inout STUNMessageWriter
  ) -> Result<RelayStreamNumber, RelayRefusal> {
    // Who cannot have it learns no more than that there is none.
    guard request.client.isConnected, request.slot == nil, let id = message.number(.connectionID),
      let slot = streamIDs[id], case .unclaimed = streams[slot]!.phase
    else { return .failure(RelayRefusal(code: .badRequest)) }
    guard slots[streams[slot]!.allocation]!.user.name == request.user.name else {
      counters.wrongUsers += 1
      return .failure(RelayRefusal(code: .badRequest))
    }
    streams[slot]!.phase = .claimed(request.client)
    streamDeadlines.set(slot, to: nil)
    counters.claimed += 1
    answer.beginAnswer(.success, to: message)
    return .success(streams[slot]!.number)
  }

  /// Whose key is as good as its allocation is, for whoever claims a connection.
  func owner(claiming message: borrowing STUNMessage) -> RelayGate.User? {
    message.number(.connectionID).flatMap { streamIDs[$0] }.map { slots[streams[$0]!.allocation]!.user }
  }

  /// A connection has ended by itself, or that of its client has.
  public mutating func ended(_ number: RelayStreamNumber) {
    if stream(number) != nil { endStream(number.slot) }
  }

  /// How long so many bytes of a connection have to wait; nil where they may pass now, and then count.
  public mutating func delay(_ count: Int, of number: RelayStreamNumber, at now: Instant) -> Duration? {
    guard let slot = stream(number)?.allocation else { return nil }
    let wait = max(
      slots[slot]!.budget.delay(count, of: configuration.bandwidth, at: now),
      totalBudget.delay(count, of: configuration.totalBandwidth, at: now))
    guard wait <= .zero else { return max(wait, RelayLimits.pace) }
    slots[slot]!.budget.take(count, of: configuration.bandwidth)
    totalBudget.take(count, of: configuration.totalBandwidth)
    return nil
  }

  // MARK: Places

  func stream(_ number: RelayStreamNumber) -> RelayStream? {
    guard streams.indices.contains(number.slot), let stream = streams[number.slot],
      stream.number == number
    else { return nil }
    return stream
  }

  /// - Returns: nil where there are as many as there may be, or this one already.
  private mutating func addStream(
    with peer: SocketAddress, of slot: Int, _ phase: RelayStream.Phase, at now: Instant
  ) -> RelayStreamNumber? {
    guard streamCount < configuration.connections,
      slots[slot]!.streams.count < configuration.connectionsPerAllocation,
      !slots[slot]!.streams.contains(where: { streams[$0]!.peer == peer })
    else { return nil }
    let place = freeStreams.popLast() ?? streams.count
    if place == streams.count { streams.append(nil) }
    var id = UInt32(truncatingIfNeeded: makeToken())
    while streamIDs[id] != nil { id = UInt32(truncatingIfNeeded: makeToken()) }
    let number = RelayStreamNumber(slot: place, id: id)
    streams[place] = RelayStream(number: number, allocation: slot, peer: peer, phase: phase)
    streamIDs[id] = place
    slots[slot]!.streams.append(place)
    streamDeadlines.set(place, to: now.advanced(by: RelayLimits.claimPatience))
    return number
  }

  mutating func endStream(_ place: Int) {
    guard let stream = streams[place] else { return }
    closing.append(.stream(stream.number, stream.claimant))
    streams[place] = nil
    freeStreams.append(place)
    streamIDs[stream.number.id] = nil
    streamDeadlines.set(place, to: nil)
    slots[stream.allocation]!.streams.removeAll { $0 == place }
  }

  /// Ends those that have taken too long.
  mutating func endOverdueStreams(at now: Instant) {
    while let (deadline, place) = streamDeadlines.earliest, deadline <= now {
      streamDeadlines.set(place, to: nil)
      if case .opening = streams[place]!.phase {
        overdue.append(streams[place]!.number)
      } else {
        counters.unclaimed += 1
        endStream(place)
      }
    }
  }
}

/// Why a request is refused.
struct RelayRefusal: Error {
  var code: STUNErrorCode
}
