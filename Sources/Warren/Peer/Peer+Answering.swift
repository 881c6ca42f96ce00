import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenTraversal

extension Peer {
  /// Somebody who waits to be let in.
  struct Question {
    var introduction: Introduction
    /// What it has asked before, in other words perhaps.
    var older: [Introduction] = []
    var at: Instant
    /// The connection, where it came without a registry and is there already.
    var connection: Connection?
  }

  // MARK: By the registry

  func take(_ introduction: Introduction) async {
    guard let client, !isClosed else { return }
    let peer = introduction.peer
    if case .mend(let transport) = PeerSignal(introduction.content.signal) {
      return await takeMending(introduction, transport)
    }
    guard table.isWelcome(peer, at: machine.now) else {
      return await client.deny(introduction.id, reason: RegistryError.connected.reason)
    }
    // The registry has answered in this peer's name, or both want the same, or it was let in a moment ago and calls again.
    let isKnown =
      !introduction.isQuestion || table.isDialling(peer) || isTrying(.theirs, with: peer)
    if isKnown { return await answer(introduction) }
    switch configuration.policy {
    case .decide(let decide):
      let machine = machine
      machine.spawn("whether \(peer) may connect") {
        if await decide(peer, introduction.name) {
          await self.answer(introduction)
        } else {
          await self.refuse(introduction)
        }
      }
    case .ask: await ask(introduction, nil)
    case .everyone, .nobody, .only:
      if configuration.policy.verdict(on: peer) ?? false {
        await answer(introduction)
      } else {
        await refuse(introduction)
      }
    }
  }

  private func refuse(_ introduction: Introduction, _ reason: String = "it does not want to be connected")
    async
  {
    counters.denied += 1
    await client?.deny(introduction.id, reason: reason)
  }

  private func ask(_ introduction: Introduction, _ connection: Connection?) async {
    if await askedAgain(introduction, connection) { return }
    guard questions.count < PeerLimits.waitingRequests else {
      if let connection {
        await connection.close(code: ConnectionEnd.denied.rawValue, reason: "too many ask")
        counters.denied += 1
        return
      }
      return await refuse(introduction, "too many ask")
    }
    lastQuestion += 1
    questions[lastQuestion] = Question(introduction: introduction, at: machine.now, connection: connection)
    tell(.requested(by: introduction.peer, named: introduction.name))
    ask(
      ConnectionRequest(owner: self, number: lastQuestion, peer: introduction.peer, name: introduction.name))
    let number = lastQuestion
    machine.spawn("a request that waits") {
      try await self.machine.sleep(for: RegistryLimits.introductionPatience)
      await self.deny(number, reason: "nobody has answered")
    }
  }

  /// Who asks again asks still, and fills no more than its own place.
  private func askedAgain(_ introduction: Introduction, _ connection: Connection?) async -> Bool {
    let known = questions.first { $0.value.introduction.peer == introduction.peer }
    guard let (number, before) = known else { return false }
    if let connection {
      questions[number]!.connection = connection
      await before.connection?.close(code: ConnectionEnd.duplicate.rawValue, reason: "you have come again")
    } else {
      questions[number]!.introduction = introduction
      if before.introduction.id != 0 { questions[number]!.older.append(before.introduction) }
      if before.older.count >= PeerLimits.introductionsOfOne {
        await refuse(questions[number]!.older.removeFirst(), "you have asked again")
      }
    }
    return true
  }

  /// Who has asked does not any more.
  func withdraw(_ introduction: UInt64) {
    for (number, question) in questions {
      questions[number]!.older.removeAll { $0.id == introduction }
      guard question.introduction.id == introduction else { continue }
      if let last = questions[number]!.older.popLast() {
        questions[number]!.introduction = last
      } else if question.connection == nil {
        questions[number] = nil
      }
    }
  }

  func accept(_ number: Int) async throws -> Connection { try await answer(number).connection }

  /// Lets somebody in who waits.
  func answer(_ number: Int) async throws -> AdoptedConnection {
    guard let question = questions.removeValue(forKey: number) else {
      throw PeerError(.notReachable, "it has gone, or was answered already")
    }
    let peer = question.introduction.peer
    for older in question.older { await client?.deny(older.id, reason: RegistryError.connected.reason) }
    if let connection = question.connection {
      let approach = Approach(.theirs, with: peer, at: question.at)
      approaches.append(approach)
      if question.introduction.id != 0 {
        await client?.acceptLater(question.introduction.id, at: toldAddresses)
      }
      let waiter = machine.spawn("who is let in") { try await self.wait(for: peer, approach.target) }
      await settle(approach, connection)
      return try await waiter.value
    }
    let waiter = machine.spawn("who is let in") {
      try await self.wait(for: peer, RegistryTarget.key(peer).words)
    }
    await answer(question.introduction)
    return try await waiter.value
  }

  func deny(_ number: Int, reason: String) async {
    guard let question = questions.removeValue(forKey: number) else { return }
    counters.denied += 1
    for introduction in question.older + [question.introduction] where introduction.id != 0 {
      await client?.deny(introduction.id, reason: reason)
    }
    await question.connection?.close(code: ConnectionEnd.denied.rawValue, reason: reason)
  }

  /// Answers the first packets of somebody who is wanted, at all addresses that the registry has seen.
  private func answer(_ introduction: Introduction) async {
    let began = machine.now
    let approach = Approach(.theirs, with: introduction.peer, at: began)
    await begin(approach, as: introduction.id, at: introduction.addresses)
    let before = tries(.theirs, with: introduction.peer)
    approaches.append(approach)
    table.began(.theirs, with: introduction.peer)
    // Who asks anew has done with what it asked before, unless it has asked for the same by name and by key: it may have a
    // connection already that this side knows nothing of yet.
    let old = before.prefix { !isYoung($0) }.count
    for older in before.prefix(max(old, before.count + 1 - PeerLimits.introductionsOfOne)) {
      await end(older)
    }
    // Who asked learns now where this side is, before anything else is said of it.
    if introduction.isQuestion { await client?.acceptLater(introduction.id, at: toldAddresses) }
    guard !approach.isOver else { return }
    approach.tasks.append(
      machine.spawn("answering \(introduction.peer)") { [weak self] in
        await self?.answer(introduction, approach)
      })
  }

  private func answer(_ introduction: Introduction, _ approach: Approach) async {
    do {
      var flight = introduction.content.flight
      punchLater(approach)
      while true {
        let ways = await straightWays(to: approach.seen)
        let handshake = try await endpoint.answer(flight, from: introduction.peer, over: ways)
        approach.handshake = handshake
        if let connection = await handshake.early { handOutEarly(connection, of: introduction.peer) }
        let newer = machine.spawn("newer packets of \(introduction.peer)") {
          let flight = try await self.nextFlight(approach)
          await handshake.cancel()
          return flight
        }
        do {
          let connection = try await machine.withDeadline(configuration.patience) {
            try await handshake.connection()
          }
          newer.cancel()
          guard connection.peer == introduction.peer else {
            await connection.close(code: ConnectionEnd.denied.rawValue)
            throw PeerError(.notReachable, "somebody else's first packets were brought")
          }
          return await settle(approach, connection)
        } catch {
          // The first packets were old: there are others.
          guard !approach.flights.isEmpty || approach.hasNewFlight else {
            newer.cancel()
            throw error
          }
          approach.hasNewFlight = false
          flight = try await newer.value
        }
      }
    } catch {
      await fail(approach, because: error)
    }
  }

  /// The other side's first packets, in place of those that have become old.
  private func nextFlight(_ approach: Approach) async throws -> [[UInt8]] {
    while true {
      if let flight = approach.flights.popFirst() {
        approach.hasNewFlight = true
        return flight
      }
      try await machine.suspend({ "newer packets" }) { wait in
        if approach.flights.isEmpty { approach.flightWait = wait } else { wait.succeed(()) }
      }
    }
  }

  func take(_ signal: PeerSignal, in approach: Approach) async {
    guard !approach.isOver else { return }
    switch signal {
    case .punch(let signal): take(signal, approach)
    case .flight(let packets):
      guard approach.side == .theirs, approach.connection == nil else { return }
      approach.flights.append(packets)
      approach.flightWait?.succeed(())
      approach.flightWait = nil
    case .gone: if let adopted = approach.mended { await forgotten(adopted) }
    case .mend: break
    }
  }

  // MARK: Early

  /// Somebody who is let in has said something with its first packets: whoever takes connections hears it at once.
  private func handOutEarly(_ connection: Connection, of peer: PeerID) {
    guard !early.contains(where: { $0.isSame(as: connection) }), table.adopted(peer) == nil,
      !table.isDialling(peer), connection.peer == peer,
      !waiting.contains(where: { $0.peer == peer && !$0.wait.hasEnded }),
      early.count < PeerLimits.earlyConnections, handOut(connection)
    else { return }
    early.append(connection)
    machine.spawn("the end of an early connection") {
      _ = try await connection.closed()
      _ = self.wasHandedOut(connection)
    }
  }

  /// - Returns: whether it was handed out already.
  func wasHandedOut(_ connection: Connection) -> Bool {
    guard let place = early.firstIndex(where: { $0.isSame(as: connection) }) else { return false }
    early.remove(at: place)
    return true
  }

  // MARK: By themselves

  /// Somebody has connected who was not introduced: it knew an address.
  func take(_ connection: Connection) async {
    guard let peer = connection.peer, !isClosed else { return }
    // Somebody else may have recorded its first packets: it is only heard.
    if configuration.policy.verdict(on: peer) == true, await !connection.isConfirmed {
      handOutEarly(connection, of: peer)
    }
    guard (try? await connection.confirmed()) != nil, !isClosed else { return }
    let introduction = Introduction(id: 0, of: peer, at: [], isQuestion: true)
    switch configuration.policy {
    case .ask where !table.isDialling(peer) && table.adopted(peer) == nil:
      return await ask(introduction, connection)
    case .decide(let decide) where !isExpected(peer):
      var isWelcome = await decide(peer, nil)
      if !isWelcome { isWelcome = await isIntroducedSoon(peer) }
      guard isWelcome else {
        counters.denied += 1
        return await connection.close(code: ConnectionEnd.denied.rawValue, reason: "not wanted")
      }
    default: break
    }
    // Meanwhile it may have become that of those who were introduced.
    if table.adopted(peer)?.connection.isSame(as: connection) ?? false { return }
    let approach = Approach(.theirs, with: peer, at: machine.now)
    approaches.append(approach)
    await settle(approach, connection)
  }

  /// Whether the two are being connected already.
  private func isExpected(_ peer: PeerID) -> Bool {
    table.isDialling(peer) || isTrying(.theirs, with: peer) || table.adopted(peer) != nil
  }

  /// Whether somebody who is here is introduced a moment later: its packets may be faster than the registry's.
  private func isIntroducedSoon(_ peer: PeerID) async -> Bool {
    guard client != nil else { return false }
    let end = machine.now.advanced(by: PeerLimits.introducedLater)
    while !isExpected(peer) {
      guard machine.now < end, !isClosed, (try? await machine.sleep(for: PeerLimits.introducedLook)) != nil
      else {
        return false
      }
    }
    return true
  }
}
