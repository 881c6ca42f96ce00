import WarrenCrypto
import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// Connections with other nodes.
extension Mesh {
  func dial(_ member: Member) async {
    var isAnswered = false
    do {
      let connection = try await peer.connect(to: member.id, at: member.addresses)
      isAnswered = true
      try await greet(connection)
    } catch {
      if !isClosed { happened.append(.connectingFailed(member, because: "\(error)")) }
    }
    let isLinked = links[member.id]?.isOpen ?? false
    change { $0.dialled(member.id, isLinked: isLinked, isAnswered: isAnswered, at: $1) }
  }

  /// Somebody has connected.
  func take(_ connection: Connection) async {
    machine.spawn("somebody who has come") { try? await self.greet(connection) }
  }

  func take(_ event: PeerEvent) async {
    guard case .candidatesChanged = event else { return }
    _ = await announceAddresses()
  }

  /// Tells the others where this one can be reached, and whoever asks.
  func announceAddresses() async -> [SocketAddress] {
    let addresses = await peer.toldAddresses
    let told = Array(addresses.prefix(MeshLimits.addresses))
    change { $0.announce(name: self.configuration.name, addresses: told, at: $1) }
    return addresses
  }

  // MARK: Getting to know each other

  /// Makes a connection a link, once both have said who they are.
  func greet(_ connection: Connection) async throws {
    guard let id = connection.peer, !isClosed else { return await connection.close() }
    let known = ([links[id]] + greeted).first { $0?.connection.isSame(as: connection) ?? false }
    if let link = known ?? nil { return try await waitUntilOpen(link) }
    let link = MeshLink(connection, with: id)
    guard greeted.count < MeshLimits.strangers else {
      let error = MeshError(.full, "too many want to get to know it at once")
      await connection.close(code: error.code.rawValue, reason: error.reason)
      throw error
    }
    greeted.append(link)
    defer { greeted.removeAll { $0 === link } }
    link.tasks.append(
      machine.spawn("streams of \(id)") { [weak self] in
        for await stream in connection.incomingStreams { await self?.take(stream, of: link) }
        await self?.over(link)
      })
    do {
      try await machine.withDeadline(MeshLimits.greeting) { try await self.introduce(link) }
    } catch {
      if !link.isOver, let error = error as? QUICError { turnedAway(link, error) }
      let error =
        error as? MeshError ?? (error as? QUICError).map(MeshError.init)
        ?? MeshError(.silent, "it has not said who it is within \(MeshLimits.greeting)")
      await end(link, error)
      throw error
    }
  }

  func waitUntilOpen(_ link: MeshLink) async throws {
    try await wait(for: link, "\(link.peer) to say who it is") { $0.isOpen }
    if !link.isOpen || link.isOver { throw MeshError(.silent, "the connection was not taken") }
  }

  private func wait(
    for link: MeshLink, _ wish: @autoclosure @Sendable @escaping () -> String, until isSo: (MeshLink) -> Bool
  ) async throws {
    while !link.isOver, !isSo(link) { try await machine.suspend(wish) { link.wait($0, until: isSo) } }
  }

  private func introduce(_ link: MeshLink) async throws {
    let isFirst = link.connection.isClient
    let stream: Connection.Stream
    if isFirst {
      stream = try await link.connection.openStream()
      try await stream.write([MeshLink.Mark.words.rawValue])
    } else {
      try await wait(for: link, "\(link.peer) to speak first") { $0.words != nil }
      guard let words = link.words else { throw MeshError(.silent, "the connection is over") }
      stream = words
    }
    link.words = stream
    await stream.setPriority(1)
    // Who has come says first who it is: this one says nothing of the mesh to who is not of it.
    if isFirst { try await say(hello(over: link), over: stream) }
    let answer = try MeshHello(try await MeshLink.read(from: stream, atMost: MeshLimits.helloBytes))
    guard case .hello(let mesh, let proof, let greeting, let record) = answer else {
      throw refused(answer, by: link, isKnown: false)
    }
    do { try check(mesh, proof, record, of: link) } catch let error as MeshError {
      happened.append(.refused(link.peer, because: error, byUs: true))
      try await say(.refused(error, []), over: stream)
      throw error
    }
    if !isFirst { try await say(hello(over: link), over: stream) }
    if core.isCrowded(for: link.peer), links[link.peer] == nil {
      let error = MeshError(.full, "it has neighbours enough: there are others")
      happened.append(.refused(link.peer, because: error, byUs: true))
      try await say(.refused(error, core.introductions()), over: stream)
      throw error
    }
    try await say(.welcome, over: stream)
    let verdict = try MeshHello(try await MeshLink.read(from: stream, atMost: MeshLimits.helloBytes))
    guard case .welcome = verdict else { throw refused(verdict, by: link, isKnown: true) }
    try open(link, record, greeting)
    link.tasks.append(
      machine.spawn("words of \(link.peer)") { [weak self] in
        await self?.readWords(of: link)
        await self?.over(link)
      })
    link.tasks.append(
      machine.spawn("packets of \(link.peer)") { [weak self] in
        for await packet in link.connection.datagrams {
          await self?.change { $0.receive(packet: packet, from: link.peer, at: $1) }
        }
      })
  }

  private func say(_ hello: MeshHello, over stream: Connection.Stream) async throws {
    try await stream.write(MeshLink.frame(hello.encoded))
  }

  private func hello(over link: MeshLink) throws -> MeshHello {
    .hello(
      mesh: configuration.mesh, proof: try proof(of: id, over: link.connection),
      core.greeting(for: link.peer),
      core.membership.record)
  }

  /// The other side does not want this one.
  ///
  /// - Parameter isKnown: whether it has shown that it is one of the mesh: then it is believed who else is.
  private func refused(_ answer: MeshHello, by link: MeshLink, isKnown: Bool) -> MeshError {
    guard case .refused(let error, let records) = answer else {
      return MeshError(.nonsense, "it has said something else than who it is")
    }
    happened.append(.refused(link.peer, because: error, byUs: false))
    if isKnown { change { $0.introduced(to: records, at: $1) } }
    return error
  }

  /// What shows that one knows the secret, over this connection alone.
  private func proof(of id: PeerID, over connection: Connection) throws -> [UInt8] {
    guard case .secret(let secret) = configuration.admission else { return [] }
    guard
      let shared = connection.endpoint.assumeIsolated({
        $0.secret(of: connection, for: "EXPORTER-warren-mesh")
      })
    else { throw MeshError(.silent, "the two do not know each other yet") }
    return HMAC(.sha256, key: secret.utf8).code(of: shared + id.bytes)
  }

  private func check(_ mesh: String, _ proof: [UInt8], _ record: MemberRecord, of link: MeshLink) throws {
    guard mesh == configuration.mesh else {
      throw MeshError(
        .otherMesh, "it is one of the mesh \(quoted(mesh)), and this is \(quoted(configuration.mesh))")
    }
    guard record.id == link.peer, core.isRight(record) else {
      throw MeshError(.nonsense, "what it says of itself it has not signed")
    }
    let right = try self.proof(of: link.peer, over: link.connection)
    guard proof.count == right.count, equalInConstantTime(proof.span.bytes, right.span.bytes) else {
      throw MeshError(.wrongSecret, "it does not know this mesh's secret, or knows one where none is")
    }
    if case .only(let peers) = configuration.admission, !peers.contains(link.peer) {
      throw MeshError.notOnTheList
    }
  }

  private func open(_ link: MeshLink, _ record: MemberRecord, _ greeting: DirectCore.Greeting) throws {
    guard !isClosed, !link.isOver else { throw MeshError(.left, "the mesh was left") }
    if let old = links[link.peer] {
      forget(old, knows: true)
      machine.spawn("the end of a connection that was replaced") {
        await old.connection.close(code: MeshError.Code.duplicate.rawValue, reason: "it has come again")
      }
    }
    links[link.peer] = link
    link.isOpen = true
    link.changed()
    try change(or: "what it says of itself is not signed by it, or cannot be") {
      core, now throws(MeshCore.Offence) in try core.linked(with: record, greeting, at: now)
    }
    if let member = core.membership.member(link.peer) { happened.append(.connected(member)) }
  }

  // MARK: What the other side says

  private func take(_ stream: Connection.Stream, of link: MeshLink) {
    machine.spawn("a stream of \(link.peer)") { [weak self] in
      let mark = try await stream.read(atMost: 1)?.first
      switch mark.flatMap(MeshLink.Mark.init) {
      case .words: await self?.take(words: stream, of: link)
      case .messages: await self?.readMessages(of: link, from: stream)
      case .files: await self?.takeFile(stream, of: link)
      case nil:
        await self?.end(link, MeshError(.nonsense, "a stream does not begin as one of a mesh"))
      }
    }
  }

  private func take(words stream: Connection.Stream, of link: MeshLink) async {
    guard link.words == nil, !link.connection.isClient else {
      return await end(link, MeshError(.nonsense, "it has opened a stream that is not its to open"))
    }
    link.words = stream
    link.changed()
  }

  private func readWords(of link: MeshLink) async {
    do {
      while let stream = link.words, !link.isOver {
        let bytes = try await MeshLink.read(from: stream, atMost: MeshWord.mostBytes)
        guard let word = MeshWord(bytes) else { throw MeshError(.nonsense, "a word cannot be understood") }
        guard link.isOpen, links[link.peer] === link else { return }
        try change(or: "it has taken more than it was sent") { core, now throws(MeshCore.Offence) in
          try core.hear(word, from: link.peer, at: now)
        }
      }
    } catch let error as MeshError {
      await end(link, error)
    } catch {
      // The connection is over: whoever watches it says why.
    }
  }

  private func readMessages(of link: MeshLink, from stream: Connection.Stream) async {
    guard !link.isReading else {
      return await end(link, MeshError(.nonsense, "it has opened a stream that is not its to open"))
    }
    link.isReading = true
    defer {
      link.isReading = false
      link.changed()
    }
    let bytes = StreamReader(stream)
    do {
      try await wait(for: link, "\(link.peer) to say who it is") { $0.isOpen }
      while !link.isOver {
        let frame = try await MeshFrame.read(from: bytes, atMost: configuration.messageBytes) {
          source, number in
          self.change { $0.isComing(source, number, from: link.peer, at: $1) }
        }
        guard links[link.peer] === link else { return }
        try change(or: "a message is missing before another") { core, now throws(MeshCore.Offence) in
          switch frame {
          case .broadcast(let message): core.receive(message, from: link.peer, at: now)
          case .direct(let number, let message):
            try core.receive(message, number, from: link.peer, at: now)
          }
        }
        // Whoever reads slowly has others wait, and nobody else.
        if !happened.hasRoom {
          try await machine.suspend({ "the mesh's events to be read" }) { happened.waitForRoom($0) }
        }
        if case .direct = frame { change { core, _ in core.acknowledge(link.peer) } }
      }
    } catch let error as MeshError {
      await end(link, error)
    } catch {
      // The connection is over: whoever watches it says why.
    }
  }

  // MARK: What is said

  func say(_ bytes: [UInt8], over link: MeshLink) {
    link.waiting.append(bytes)
    link.waitingBytes += bytes.count
    guard link.waitingBytes <= MeshLimits.waitingWords else {
      return endLater(link, MeshError(.tooSlow, "it takes nothing that is said to it"))
    }
    guard !link.isSaying else { return }
    link.isSaying = true
    machine.spawn("what is said to \(link.peer)") {
      await self.say(everything: link)
      link.isSaying = false
      link.changed()
    }
  }

  func say(everything link: MeshLink) async {
    while let stream = link.words, !link.isOver, !link.waiting.isEmpty {
      var frames: [UInt8] = []
      while frames.count < MeshLimits.wordsAtOnce, let bytes = link.waiting.popFirst() {
        link.waitingBytes -= bytes.count
        frames += MeshLink.frame(bytes)
      }
      do { try await stream.write(frames) } catch { return }
    }
  }

  func sendMessages(over link: MeshLink) {
    guard !link.isSending, !link.isOver else { return }
    link.isSending = true
    machine.spawn("messages to \(link.peer)") {
      defer {
        link.isSending = false
        link.changed()
      }
      while link.isOpen, !link.isOver, self.links[link.peer] === link {
        let pieces = self.nextMessages(for: link)
        if pieces.isEmpty { return }
        if link.messages == nil {
          let stream = try await link.connection.openStream(isBidirectional: false)
          link.messages = stream
          try await stream.write([MeshLink.Mark.messages.rawValue])
        }
        for piece in pieces { try await link.messages?.write(piece) }
        self.wakeSpeakers()
      }
    }
  }

  /// What is to be written next: small messages together, and a large one as it is.
  private func nextMessages(for link: MeshLink) -> [[UInt8]] {
    var bytes: [UInt8] = []
    while bytes.count < MeshLimits.wordsAtOnce, let message = nextMessage(for: link) {
      bytes += message.head
      guard message.payload.count <= MeshLimits.smallPayload else { return [bytes, message.payload] }
      bytes += message.payload
    }
    return bytes.isEmpty ? [] : [bytes]
  }

  private func nextMessage(for link: MeshLink) -> MeshFrame? {
    switch core.nextMessage(for: link.peer) {
    case .broadcast(let message): .broadcast(message)
    case .direct(let number, let message): .direct(number, message)
    case nil: nil
    }
  }

  // MARK: Ends

  /// The core needs the connection no longer.
  func drop(_ id: PeerID) {
    guard let link = links[id], let member = core.membership.member(id) else { return }
    switch member.state {
    case .alive, .suspect: endLater(link, MeshError(.surplus, "the two need no connection"))
    case .dead: endLater(link, MeshError(.dead, "it is gone, as far as is known"))
    case .left:
      // What it has said last is on its way, perhaps.
      machine.spawn("the last words of \(member.name)") {
        try await self.machine.sleep(for: MeshLimits.lastWords)
        _ = try? await self.machine.withDeadline(MeshLimits.goodbye) {
          try await self.wait(for: link, "the last words of \(member.name)") { !$0.isReading }
        }
        await self.end(link, MeshError(.left, "it has left"))
      }
    }
  }

  func endLater(_ link: MeshLink, _ error: MeshError) {
    machine.spawn("the end of a connection with \(link.peer)") { await self.end(link, error) }
  }

  /// Says all that is to be said, and goodbye; the others hang up then.
  func sayGoodbye() async {
    _ = try? await machine.withDeadline(MeshLimits.goodbye) { try await self.waitUntilAllIsSaid() }
    for (id, count) in core.giveUpAll() { happened.append(.undelivered(to: id, count: count)) }
    for link in openLinks { try? await link.messages?.finish() }
    change { $0.leave(at: $1) }
    _ = try? await machine.withDeadline(MeshLimits.goodbye) { try await self.waitForOthersToHangUp() }
  }

  private func waitUntilAllIsSaid() async throws {
    try await waitForRoom("others to take the last words") { $0.isQuiet }
    for link in openLinks {
      try await wait(for: link, "what is said to \(link.peer) to leave") { !$0.isSending && !$0.isSaying }
    }
  }

  private func waitForOthersToHangUp() async throws {
    for link in openLinks { try await wait(for: link, "\(link.peer) to hang up") { _ in false } }
  }

  var openLinks: [MeshLink] { links.values.filter(\.isOpen).sorted { $0.peer < $1.peer } }

  /// Ends a connection, and says why.
  func end(_ link: MeshLink, _ error: MeshError) async {
    guard !link.isOver else { return }
    forget(link, because: error, knows: [.surplus, .duplicate, .left].contains(error.code))
    await link.connection.close(code: error.code.rawValue, reason: error.reason)
  }

  /// The connection has ended by itself, or the other side has ended it.
  private func over(_ link: MeshLink) async {
    guard !link.isOver else { return }
    let end = (try? await link.connection.closed()) ?? QUICError(.closed)
    guard !link.isOver else { return }
    turnedAway(link, end)
    let error = MeshError(end)
    forget(link, because: error, knows: end.isRemote && [.surplus, .duplicate].contains(error.code))
  }

  /// Tells of a connection that the other side has ended before it was a neighbour.
  private func turnedAway(_ link: MeshLink, _ end: QUICError) {
    guard !isClosed, !link.isOpen, end.isRemote, case .application(let code) = end.code,
      code != ConnectionEnd.duplicate.rawValue
    else { return }
    happened.append(.refused(link.peer, because: MeshError(end), byUs: false))
  }

  private func forget(_ link: MeshLink, because error: MeshError? = nil, knows: Bool) {
    guard !link.isOver else { return }
    link.isOver = true
    link.changed()
    let tasks = link.tasks
    link.tasks = []
    for task in tasks { task.cancel() }
    guard links[link.peer] === link else { return }
    links[link.peer] = nil
    if let error, let member = core.membership.member(link.peer) {
      happened.append(.disconnected(member, because: error))
    }
    change { $0.unlinked(from: link.peer, knows: knows, at: $1) }
  }
}
