import Warren
import WarrenSimulator

// What must be true, besides what is looked at all the time.
extension Stage {
  /// Waits until all has been said that is being said. Who was kept from speaking by what is broken says the rest later: as long as it
  /// is heard it is waited for, for as long again as everything before has taken.
  func waitForLastWords() async throws {
    let start = world.now
    let latest = isBroken ? start.advanced(by: begun.duration(to: start)) : start
    func isWaitedFor(_ talk: Conversation) -> Bool {
      let isSlow = oracle.loses(talk.caller, talk.called)
      let patience = isSlow ? ScenarioLimits.lastingPatience : ScenarioLimits.patience
      let last = min(max(start, talk.lastHeard ?? start), latest)
      return talk.isGoingOn && last.duration(to: world.now) < patience
    }
    while conversations.contains(where: isWaitedFor) {
      try await director.sleep(for: ScenarioLimits.interval)
    }
  }

  /// What was said, and what came of it.
  func judgeConversations() async {
    for talk in conversations where talk.isGoingOn && talk.here.isEnded {
      if let end = await end(of: talk) { talk.failure = end }
    }
    for talk in conversations {
      let (here, there) = (talk.here, talk.there)
      judgement.expect(
        here.right == here.count, .everyByte,
        "\(talk.caller) hears something else than \(talk.called) says, from byte \(here.right) on")
      judgement.expect(
        there.right == there.count, .everyByte,
        "\(talk.called) hears something else than \(talk.caller) says, from byte \(there.right) on")
      guard !talk.isCutShort, !isRefusal(talk) else { continue }
      if let failure = talk.failure, talk.answered == nil {
        // Where links lose much, the oracle promises that it succeeds in a few times, and asks for that later.
        let isAskedAgain =
          oracle.loses(talk.caller, talk.called) && oracle.promise(talk.caller, talk.called).isCertain
        let mayFail = isBroken || isAskedAgain
        judgement.expect(mayFail, .promise, "\(talk.caller) does not reach \(talk.called): \(failure)")
      } else if talk.failure == nil || !isBroken {
        judgement.expect(
          talk.isWhole, .everyByte,
          "of \(talk.total) bytes, \(talk.caller) has heard \(here.count), and \(talk.called) \(there.count): \(talk.failure.map { "\($0)" } ?? "the rest does not come, or no end")"
        )
      }
    }
    for expectation in scenario.expectations { judge(expectation) }
  }

  /// Why its connection is over, if that is because nothing was heard any more: what was said last is lost with it.
  private func end(of talk: Conversation) async -> QUICError? {
    guard let connection = talk.connection,
      let end = try? await director.withDeadline(.milliseconds(1), { try await connection.closed() })
    else { return nil }
    return [.idle, .forgotten].contains(end.code) ? end : nil
  }

  /// Whether what is broken stays so: then nothing is promised.
  var isBrokenForGood: Bool {
    let held = scenario.machineNames.contains { name in
      if case .portal(let box) = scenario.program(of: name) { !unlocked.contains(box) } else { false }
    }
    return held || timeline.contains(where: \.isForGood)
  }

  /// Whether something happens that breaks something.
  var isBroken: Bool { timeline.contains { !$0.isHarmless } }

  /// Whether what somebody says last may be lost.
  var mayLose: Bool { isBroken || oracle.loses }

  func isRefusal(_ talk: Conversation) -> Bool {
    scenario.expectations.contains(.refusal(talk.caller, to: talk.called))
  }

  private func judge(_ expectation: Expectation) {
    switch expectation {
    case .packets(let name, let most):
      judgement.expect(
        world.machine(name).traffic.packets <= most, .expectation,
        "\(name) has sent \(world.machine(name).traffic.packets) packets")
    case .arrivals(let name, let most):
      judgement.expect(
        world.machine(name).traffic.arrived <= most, .expectation,
        "\(world.machine(name).traffic.arrived) packets have reached \(name)")
    case .echo, .noEcho, .mesh, .heard: judgeProgram(expectation)
    case .refusal(let one, let other):
      let talk = conversations.first { $0.caller == one && $0.called == other }
      judgement.expect(
        talk?.failure != nil && talk?.answered == nil, .expectation, "\(one) is connected with \(other)")
    case .connection(let one, let other, let wishes):
      guard let talk = conversations.first(where: { $0.caller == one && $0.called == other }),
        let answered = talk.answered
      else {
        let failure = conversations.first { $0.caller == one && $0.called == other }?.failure
        return judgement.expect(
          false, .expectation,
          "\(one) has not heard of \(other): \(failure.map { "\($0)" } ?? "nothing came")")
      }
      judge(talk, answered, wishes)
    }
  }

  private func judge(_ talk: Conversation, _ answered: Instant, _ wishes: Expectation.Wishes) {
    let name = talk.name
    let time = talk.asked.duration(to: answered)
    judgement.expect(
      wishes.within.map { time <= $0 } ?? true, .expectation, "\(name) have heard of each other after \(time)"
    )
    let kinds = talk.kinds.map(\.rawValue).joined(separator: ", then ")
    judgement.expect(
      wishes.lastKind.map { $0 == talk.kinds.last } ?? true, .expectation, "\(name): it went \(kinds)")
    judgement.expect(
      wishes.changes.map { talk.kinds.count <= $0 + 1 } ?? true, .expectation, "\(name): it went \(kinds)")
    let done = talk.here.isEnded && talk.there.isEnded ? talk.lastWord : nil
    judgement.expect(
      wishes.done.map { limit in done.map { $0 <= limit } ?? false } ?? true, .expectation,
      "\(name) have heard everything \(done.map { "after \($0)" } ?? "never")")
    judgement.expect(
      wishes.silence.map { talk.silence <= $0 } ?? true, .expectation,
      "\(name): nothing came for \(talk.silence)")
    judgement.expect(
      wishes.silence == nil || talk.isCutShort || talk.isWhole, .expectation,
      "\(name): it broke off: \(talk.failure.map { "\($0)" } ?? "the rest does not come")")
  }

  /// When nothing is broken any more, what the oracle says must come true.
  func judgePromises() async throws {
    let pairs = runningPairs
    var found: [(connection: Connection, promise: Oracle.Promise)] = []
    for start in stride(from: 0, to: pairs.count, by: ScenarioLimits.asked) {
      let asking = pairs[start..<min(pairs.count, start + ScenarioLimits.asked)].compactMap { pair in
        let promise = oracle.promise(pair[0], pair[1])
        return promise.isCertain
          ? director.spawn("asking \(pair)") {
            await self.ask(pair[0], pair[1], promise).map { ($0, promise) }
          } : nil
      }
      for task in asking { if let one = try await task.value { found.append(one) } }
    }
    try await count(found)
    await judgeAgreement()
    try await judgeMeshes()
  }

  /// Those who have called each other, and run.
  private var runningPairs: [[String]] {
    var seen: Set<[String]> = []
    return conversations.filter { !isRefusal($0) }.map { [$0.caller, $0.called] }
      .filter { seen.insert($0).inserted && peers[$0[0]] != nil && peers[$0[1]] != nil }
  }

  /// The two ends agree, before anybody asks anew and afterwards.
  func judgeAgreement() async { for pair in runningPairs { await agree(pair[0], pair[1]) } }

  /// Counts who goes how.
  private func count(_ found: [(connection: Connection, promise: Oracle.Promise)]) async throws {
    let end = world.now.advanced(by: waitsForBestWays ? ScenarioLimits.improving : .zero)
    while true {
      (finalKinds, relayedForWant) = ([:], 0)
      var isOver = true
      for (connection, promise) in found {
        let kind = await connection.path.kind
        finalKinds[kind, default: 0] += 1
        guard kind == .relayed else { continue }
        if promise.kinds == [.relayed] { relayedForWant += 1 } else { isOver = false }
      }
      guard !isOver, world.now < end else { return }
      try await director.sleep(for: .seconds(1))
    }
  }

  /// - Returns: their connection, where one reaches the other.
  private func ask(_ one: String, _ other: String, _ promise: Oracle.Promise) async -> Connection? {
    // Over a link that loses one question after the other a person asks once more.
    let attempts = oracle.loses(one, other) ? ScenarioLimits.attempts : 1
    for attempt in 1...attempts {
      guard let peer = peers[one] else { return nil }
      do {
        let connection = try await ask(peer, one, other)
        try await judge(connection, between: one, other, promise)
        return connection
      } catch  where attempt < attempts {
        world.note("\(one) asks \(other) once more: \(error)")
      } catch {
        judgement.expect(false, .promise, "\(one) does not reach \(other): \(error)")
      }
    }
    return nil
  }

  private func ask(_ peer: Peer, _ one: String, _ other: String) async throws -> Connection {
    let patience = oracle.loses(one, other) ? ScenarioLimits.askingAgain : ScenarioLimits.asking
    return try await director.withDeadline(patience) {
      let connection = try await peer.connect(to: self.id(of: other))
      self.expect(connection, at: one, isOf: other)
      self.serve(connection, at: one)
      let stream = try await connection.openStream()
      try await stream.write(Greeting(number: Greeting.question, called: self.id(of: other)).bytes)
      try await stream.finish()
      let answer = try await stream.read(exactly: 2 * PeerID.byteCount)
      self.judgement.expect(
        answer == self.id(of: other).bytes + self.id(of: one).bytes, .rightPeer,
        "\(one) and \(other) do not agree on who they are")
      return connection
    }
  }

  /// Whether it goes as the oracle says, sooner or later.
  private func judge(
    _ connection: Connection, between one: String, _ other: String, _ promise: Oracle.Promise
  ) async throws {
    let kind = try await kind(of: connection, among: promise.kinds)
    let kinds = promise.kinds.map(\.rawValue).sorted().joined(separator: " or ")
    judgement.expect(
      promise.kinds.contains(kind), .promise, "\(one) and \(other): it goes \(kind), and should go \(kinds)")
  }

  /// On which kind of way it goes: one of these, if it does so in the time that the best way may take to be found.
  func kind(of connection: Connection, among kinds: Set<Path.Kind>) async throws -> Path.Kind {
    let end = world.now.advanced(by: ScenarioLimits.improving)
    var kind = await connection.path.kind
    while !kinds.contains(kind), world.now < end {
      try await director.sleep(for: .milliseconds(100))
      kind = await connection.path.kind
    }
    return kind
  }

  private func agree(_ one: String, _ other: String) async {
    guard let a = peers[one], let b = peers[other] else { return }
    let (here, there) = (
      await a.connectedPeers.contains(id(of: other)), await b.connectedPeers.contains(id(of: one))
    )
    judgement.expect(
      here == there, .agreement,
      "\(here ? one : other) believes to be connected with \(here ? other : one), and is not")
  }

  /// When all peers have gone, servers know none of them any more, and routers keep nothing open for them.
  func judgeServers() async throws {
    try await director.sleep(for: mayLose ? ScenarioLimits.expiring : ScenarioLimits.leaving)
    let known = await directory?.count ?? 0
    judgement.expect(known == 0, .nothingLeft, "the registry knows \(known) who have gone")
    for (name, before) in serverSockets.sorted(by: { $0.key < $1.key }) {
      let sockets = world.machine(name).openUDPSockets
      judgement.expect(
        sockets <= before, .nothingLeft,
        "\(name) has \(sockets - before) sockets more than before anybody came"
      )
    }
    let isBroken = isBroken
    for name in scenario.boxNames where !isBroken {
      let count = world.box(name).core.explicitMappingCount
      judgement.expect(
        count == 0, .nothingLeft, "\(name) keeps \(count) ports open that somebody has asked for who has gone"
      )
    }
  }

  /// When everything is closed, nothing is left.
  func judgeRemains() async throws {
    try await director.sleep(for: ScenarioLimits.forgetting)
    for name in scenario.machineNames {
      let machine = world.machine(name)
      let tasks = machine.waits.runningTasks
      judgement.expect(
        tasks.isEmpty, .nothingLeft, "\(name) still does: \(tasks.prefix(5).joined(separator: "; "))")
      let waiting = machine.waits.waiting
      judgement.expect(
        waiting.isEmpty, .nothingLeft, "\(name) waits for: \(waiting.prefix(5).joined(separator: "; "))")
      judgement.expect(
        machine.openUDPSockets == 0, .nothingLeft, "\(name) has \(machine.openUDPSockets) sockets open")
    }
    try await director.sleep(for: ScenarioLimits.longestMapping)
    for name in scenario.boxNames {
      let box = world.box(name)
      guard box.core.configuration.lifetimes.tcpEstablished < ScenarioLimits.longestMapping else { continue }
      judgement.expect(
        box.core.mappingCount == 0 && box.core.filterCount == 0, .nothingLeft,
        "\(name) remembers \(box.core.mappingCount) mappings and \(box.core.filterCount) filters")
    }
  }
}
