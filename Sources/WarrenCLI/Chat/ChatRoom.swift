import Warren
import WarrenTerminal

/// Conversations with others whom a registry knows: what is typed, what others want, and what they say.
///
/// It does not run on the loop: a terminal that stands still makes those wait who talk here, and nobody else.
actor ChatRoom {
  /// What goes on beside all else until it is done.
  typealias Job = @Sendable () async -> Void

  /// A conversation that is open.
  struct Talk {
    let talk: ChatTalk
    let label: String
    var path: Path?
    /// Whether this side has said its last.
    var isEnding = false

    var connection: Connection { talk.connection }
  }

  /// Somebody who asks to talk.
  private struct Asking {
    let label: String
    let request: ConnectionRequest
  }

  let peer: Peer
  let names: ChatNames
  private let terminal: Terminal
  /// Nil where nobody types: lines come by a pipe.
  private let lines: LineEditor?
  /// Whether the name was drawn, and another may be.
  private let isNameDrawn: Bool
  private var drawings = 0
  private var name: String
  private var isKnown = false
  /// The order is that in which they have begun.
  private(set) var talks: [Talk] = []
  /// What is typed goes to this one; nil where none was chosen.
  private var current: Connection?
  private var beginning: [Connection] = []
  private var asking: [Asking] = []
  private var calling: Set<String> = []
  /// Those with whom this person wants to talk: nobody else is heard.
  private var wanted: Set<PeerID> = []
  private let jobs: AsyncStream<Job>
  private let begun: AsyncStream<Job>.Continuation
  /// Ends when the registry knows this one.
  let known: AsyncStream<Void>
  private let becoming: AsyncStream<Void>.Continuation
  /// Why nobody hears what comes by a pipe, and whether that is a failure where nothing more comes.
  private(set) var missing: (reason: any Error, isFailure: Bool)?
  private(set) var failure: (any Error)?

  init(
    _ peer: Peer, as name: String, isNameDrawn: Bool, _ names: ChatNames, _ lines: LineEditor?,
    on terminal: Terminal
  ) {
    (self.peer, self.name, self.isNameDrawn, self.names) = (peer, name, isNameDrawn, names)
    (self.lines, self.terminal) = (lines, terminal)
    (jobs, begun) = AsyncStream.makeStream()
    (known, becoming) = AsyncStream.makeStream()
  }

  /// Goes on until the lines end, or somebody types that it is enough.
  func run(_ events: AsyncStream<PeerEvent>) async throws {
    begin { await self.takeLines() }
    begin { for await event in events { await self.take(event) } }
    begin { for await request in self.peer.requests { await self.take(request) } }
    begin { for await connection in self.peer.connections { await self.takeUnasked(connection) } }
    if lines != nil { begin { await self.keepNamesFresh() } }
    await withDiscardingTaskGroup { group in
      for await job in jobs { group.addTask { await job() } }
      group.cancelAll()
    }
    if let failure { throw failure }
  }

  func begin(_ job: @escaping Job) { begun.yield(job) }

  /// Does what takes a while: who types goes on meanwhile, and what comes by a pipe waits until it is done.
  func undertake(_ job: @escaping Job) async { if lines == nil { await job() } else { begin(job) } }

  func note(_ text: StyledText) { terminal.talk(text) }

  func show(_ text: StyledText) { terminal.result(text) }

  // MARK: The registry

  private func take(_ event: PeerEvent) async {
    switch event {
    case .registered where !isKnown: await becomeKnown()
    case .registryRefused(let error) where error.code == .nameTaken && !isKnown && drawings == 0:
      guard isNameDrawn else { return fail(ChatError.nameTaken(name)) }
      await drawName()
    default: break
    }
  }

  private func becomeKnown() async {
    isKnown = true
    becoming.finish()
    note("You are \(name, .strong). help tells what can be typed.")
    _ = try? await others()
  }

  /// Somebody has the name already that was drawn: another one, until nobody has it.
  private func drawName() async {
    while drawings < ChatLimits.drawnNames, !isKnown {
      drawings += 1
      name = FriendlyName.drawn()
      do {
        try await peer.rename(to: name)
        showPrompt()
        return await becomeKnown()
      } catch let error as PeerError where error.code == .registry(.nameTaken) {
        continue
      } catch { return fail(error) }
    }
    if !isKnown { fail(ChatError.nameTaken(name)) }
  }

  /// Ends all of it for this reason.
  func fail(_ error: any Error) {
    failure = failure ?? error
    begun.finish()
    becoming.finish()
    lines?.end()
  }

  private func keepNamesFresh() async {
    while (try? await peer.machine.sleep(for: ChatLimits.refreshing)) != nil { _ = try? await others() }
  }

  /// Who else is there.
  func others() async throws -> [ListedPeer] {
    let own = peer.id
    let listed = try await peer.listed(atMost: ChatLimits.listed, where: { @Sendable in $0.id != own })
    names.update { state in
      state.listed = [:]
      for peer in listed { state.listed[peer.id] = peer.name?.text ?? "\(peer.id)" }
    }
    return listed
  }

  // MARK: Beginning

  private func take(_ request: ConnectionRequest) async {
    let label = await label(of: request.peer, named: request.name)
    // Who asks in other words, or once more, asks still.
    let isNew = !asking.contains { $0.request.peer == request.peer }
    asking.removeAll { $0.request.peer == request.peer }
    if asking.count >= ChatLimits.requests { asking.removeFirst() }
    asking.append(Asking(label: label, request: request))
    updateNames()
    if isNew { note("\(label, .strong) asks to talk: \(slash)allow \(label), or \(slash)deny \(label)") }
  }

  /// What somebody is called: who has been here before comes straight, and has no name with it.
  private func label(of peer: PeerID, named name: RegistryName?) async -> String {
    if let name { return name.text }
    if names.name(of: peer) == nil { _ = try? await others() }
    return names.name(of: peer) ?? "\(peer)"
  }

  func connect(to name: String) async throws {
    if let talk = talk(with: name) { return choose(talk) }
    if asking.contains(where: { isSame($0.label, name) }) { return await allow(name) }
    let whom = try Whom(name)
    guard calling.insert(name.lowercased()).inserted else {
      return note("\(name, .strong) is being asked already.")
    }
    note("Asking \(name, .strong) …")
    await undertake {
      do {
        let connection = try await self.peer.connect(to: whom)
        await self.called(name, connection)
      } catch {
        await self.notCalled(name, because: error)
      }
    }
  }

  private func called(_ name: String, _ connection: Connection) async {
    calling.remove(name.lowercased())
    await open(connection, name)
  }

  private func notCalled(_ name: String, because error: any Error) {
    calling.remove(name.lowercased())
    if (error as? PeerError)?.code == .denied {
      miss(because: ChatError.denied(name))
      note("\(name, .strong) does not want to talk.")
    } else {
      miss(because: error)
      note("No conversation with \(name, .strong): \(error)")
    }
  }

  func allow(_ name: String) async {
    guard let place = asking.firstIndex(where: { isSame($0.label, name) }) else {
      return noteNobodyAsks(name)
    }
    let asked = asking.remove(at: place)
    updateNames()
    wanted.insert(asked.request.peer)
    await undertake {
      do {
        let connection = try await asked.request.accept()
        await self.open(connection, asked.label)
      } catch {
        await self.notCalled(asked.label, because: error)
      }
    }
  }

  /// Nobody hears what is said, since nobody has come.
  private func miss(because error: any Error) { if current == nil { missing = (error, true) } }

  func deny(_ name: String) async {
    guard let place = asking.firstIndex(where: { isSame($0.label, name) }) else {
      return noteNobodyAsks(name)
    }
    let asked = asking.remove(at: place)
    updateNames()
    // It learns that it was denied, and nothing else.
    await asked.request.deny()
    note("\(asked.label, .strong) was denied.")
  }

  private func noteNobodyAsks(_ name: String) {
    note("\(name, .strong) does not ask to talk\(asking.isEmpty ? ": nobody does." : ".")")
  }

  /// A connection that has come about in another way than was waited for.
  private func takeUnasked(_ connection: Connection) async {
    guard let id = connection.peer, wanted.contains(id) else { return await connection.close() }
    await open(connection, await label(of: id, named: nil))
  }

  private func open(_ connection: Connection, _ label: String) async {
    guard !(beginning + talks.map(\.connection)).contains(where: { $0.isSame(as: connection) }) else {
      return
    }
    if let id = connection.peer {
      wanted.insert(id)
      asking.removeAll { $0.request.peer == id }
    }
    beginning.append(connection)
    defer { beginning.removeAll { $0.isSame(as: connection) } }
    do {
      let talk = Talk(
        talk: try await ChatTalk(over: connection, on: peer.machine), label: label,
        path: await connection.path)
      talks.append(talk)
      note("You talk with \(label, .strong), over \(talk.path.map(Self.way) ?? "nothing").")
      if current == nil { choose(talk) } else { note("\(slash)talk \(label) goes over to it.") }
      begin { await self.hear(talk) }
      begin { for await path in await connection.pathUpdates { await self.moved(connection, path) } }
    } catch {
      await connection.close()
      miss(because: error)
      note("No conversation with \(label, .strong): \(endText(error))")
    }
    updateNames()
  }

  // MARK: Going on

  private func hear(_ talk: Talk) async {
    let connection = talk.connection
    do {
      try await talk.talk.hear { text in await self.show("\(talk.label, .strong): \(text)") }
      if talks.first(where: { $0.connection.isSame(as: connection) })?.isEnding ?? true {
        return await talk.talk.bothHaveEnded()
      }
      forget(connection, missing: (ChatError.endedBefore, false))
      note("\(talk.label, .strong) has ended the conversation.")
      await talk.talk.end()
    } catch {
      let wasEnding = talks.first { $0.connection.isSame(as: connection) }?.isEnding ?? true
      forget(connection, missing: (error, true))
      await connection.close()
      if wasEnding, lines == nil, isUnheard(error) { fail(error) }
      if !wasEnding { note("The conversation with \(talk.label, .strong) is over: \(endText(error))") }
    }
  }

  private func moved(_ connection: Connection, _ path: Path) {
    guard let place = talks.firstIndex(where: { $0.connection.isSame(as: connection) }) else { return }
    let before = talks[place].path
    talks[place].path = path
    guard before?.kind != path.kind || before?.remote != path.remote else { return }
    note("The way to \(talks[place].label, .strong) is now \(Self.way(path)).")
    showPrompt()
  }

  func say(_ text: String) async throws {
    guard let current = currentTalk else {
      return note("Nobody hears it: connect NAME begins a conversation.")
    }
    try await current.talk.say(text)
    if ChatOrder.commands.contains(where: { $0.argument == nil && $0.word == text }) {
      note("(That was said. The command is /\(text))")
    }
  }

  /// Ends a conversation when all that was said in it is heard.
  func end(_ talk: Talk) async {
    guard let place = talks.firstIndex(where: { $0.connection.isSame(as: talk.connection) }),
      !talks[place].isEnding
    else {
      return
    }
    talks[place].isEnding = true
    // Who pipes something in wants all of it heard.
    await talk.talk.end(within: lines == nil ? nil : ChatLimits.farewell)
    forget(talk.connection)
  }

  private func forget(_ connection: Connection, missing: (reason: any Error, isFailure: Bool)? = nil) {
    talks.removeAll { $0.connection.isSame(as: connection) }
    guard current?.isSame(as: connection) ?? false else { return updateNames() }
    // What was meant for one must not be said to another.
    current = nil
    self.missing = missing
    showPrompt()
    if !talks.isEmpty { note("talk \(talks[0].label) goes on with another conversation that is open.") }
  }

  func choose(_ talk: Talk) {
    current = talk.connection
    missing = nil
    showPrompt()
  }

  func talk(with name: String) -> Talk? { talks.last { isSame($0.label, name) && !$0.isEnding } }

  var currentTalk: Talk? {
    current.flatMap { connection in talks.first { $0.connection.isSame(as: connection) } }
  }

  func rename(to name: String) async throws {
    try await peer.rename(to: name)
    self.name = name
    showPrompt()
    note("You are \(name, .strong).")
  }

  // MARK: What is shown

  /// What stands before a command now.
  private var slash: StyledText { current == nil ? "" : "/" }

  private func isSame(_ label: String, _ name: String) -> Bool { label.lowercased() == name.lowercased() }

  func showPrompt() {
    updateNames()
    let way = currentTalk?.path.map { "[\(Self.way($0))]" } ?? ""
    let prompt = "[\(name)]\(way)> "
    if let lines, lines.prompt != prompt { lines.prompt = prompt }
  }

  private func updateNames() {
    let (asking, talking, isTalking) = (asking.map(\.label), talks.map(\.label), current != nil)
    names.update { ($0.asking, $0.talking, $0.isTalking) = (asking, talking, isTalking) }
  }

  /// `UDP 192.0.2.1:4433`.
  static func way(_ path: Path) -> String {
    let kind =
      switch path.kind {
      case .direct: "UDP"
      case .tcp: "TCP"
      case .relayed: "relay"
      }
    return "\(kind) \(path.remote)"
  }

  // MARK: Lines

  private func takeLines() async {
    if let lines {
      for await line in lines { if await !take(line) { break } }
    } else {
      do { try await takePipe() } catch { return fail(error) }
    }
    for talk in talks { begin { await self.end(talk) } }
    // Jobs that have begun are ended with the last of these.
    begin { await self.leave() }
  }

  private func leave() async {
    for talk in talks { await talk.talk.waitForEnd() }
    begun.finish()
  }
}
