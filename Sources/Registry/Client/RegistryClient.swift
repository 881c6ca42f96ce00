import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRelay
import WarrenTLS

/// A peer's side of a registry: stays connected with it, announces itself again whenever it comes back, and asks it things.
///
/// It uses an endpoint that is there already: so the registry sees the very port that connections will use.
public actor RegistryClient {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// Which registry.
  public nonisolated let address: RegistryAddress
  /// What happens, in order and without gaps, until it is closed.
  public nonisolated let events: AsyncStream<RegistryEvent>

  private let happened: AsyncStream<RegistryEvent>.Continuation
  private let endpoint: QUICEndpoint
  private let identity: TLSIdentity
  private var tls = TLSConfiguration(protocols: [RegistryMessage.protocolName])
  /// Who the registry is; nil as long as any would do.
  private var key: PeerID?
  private var announcement: Announcement?
  private var link: (any RegistryLink)?
  /// Which of all links it is.
  private var reader = MessageReader()
  private var outgoing = MessageWriter()
  private var isWriting = false
  private var lastRequest: UInt32 = 0
  private var pending: [UInt32: Wait<RegistryMessage>] = [:]
  private var connecting: [Wait<Void>] = []
  private var observed: SocketAddress?
  /// Whether the registry has said that it is there, on this link.
  private var isWelcome = false
  private var lifetime = RegistryTerms().lifetime
  private var grant: (RelayGrant, end: Instant)?
  private var pauses = 0
  private var welcomed: Instant?
  private var loop: Task<Void, any Error>?
  private var renewing: MachineTimer?
  private var waking: Wait<Void>?
  /// The handshake over QUIC that is tried, and when the registry was last called at first or because somebody wants something of it.
  private var handshake: Handshake?
  private var urged: Instant?
  /// Whether it pauses because another has come with its key.
  private var isReplaced = false
  private(set) var isClosed = false

  /// A client that begins with ``start()``.
  ///
  /// - Parameters:
  ///   - key: the endpoint's.
  ///   - keyLog: what is told of the secrets of TLS where UDP is blocked (``TLSConfiguration/keyLog``); the endpoint's are its own affair.
  public init(
    _ address: RegistryAddress, over endpoint: QUICEndpoint, with key: PrivateKey,
    keyLog: (@Sendable (String) -> Void)? = nil
  ) throws {
    self.address = address
    self.endpoint = endpoint
    identity = try TLSIdentity(key)
    tls.keyLog = keyLog
    machine = endpoint.machine
    self.key = address.key
    (events, happened) = AsyncStream.makeStream()
  }

  /// Begins to look for the registry, and does so until it is closed.
  public func start() {
    guard loop == nil, !isClosed else { return }
    renewing = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.renew() } }
    loop = machine.spawn("the registry \(address.host)") { [weak self, happened] in
      while let self, await self.turn() {}
      happened.finish()
    }
  }

  /// Where the registry sees this side; nil while it is not connected.
  public var observedAddress: SocketAddress? { link != nil && isWelcome ? observed : nil }

  /// Where the registry is; nil while it is not connected.
  public private(set) var serverAddress: SocketAddress?
  /// All of its addresses, as its name says.
  public private(set) var serverAddresses: [SocketAddress] = []

  /// With what the registry relays for this side; nil where it does not, or the grant has ended.
  public var relayGrant: RelayGrant? {
    guard let (grant, end) = grant, machine.now < end else { return nil }
    return grant
  }

  /// Where `RelayClient` gets an address from the registry, the address at which it was reached before others of its name.
  public var relayServers: [RelayServerAddress] {
    guard let relayGrant, let key else { return [] }
    let others = serverAddresses.filter { $0 != serverAddress }
    let servers = relayGrant.servers(at: [serverAddress].compactMap { $0 } + others, key: key)
    return usesUDP
      ? servers : servers.filter { $0.transport != .udp } + servers.filter { $0.transport == .udp }
  }

  /// Whether the registry is talked to over UDP; where it is not, that is blocked.
  public var usesUDP: Bool { link?.showsPort ?? true }

  /// Withdraws, and ends what is between the two.
  public func close() async {
    guard !isClosed else { return }
    isClosed = true
    renewing?.cancel()
    renewing = nil
    if let link {
      say(.withdraw)
      // Whoever is writing at this moment would write it when the link is closed already.
      let farewell = outgoing.bytes
      outgoing = MessageWriter()
      try? await link.write(farewell)
      await link.close(.closed)
    }
    loop?.cancel()
    loop = nil
    drop(RegistryError(.noRegistry, "this side has closed"))
    connecting.takeAll().endAll(.failure(RegistryError(.noRegistry, "this side has closed")))
    happened.finish()
  }

  // MARK: Being connected

  /// Connects, and converses until that ends; then pauses.
  ///
  /// - Returns: whether to go on.
  private func turn() async -> Bool {
    var why = "it has closed the connection"
    var end = LinkEnd.closed
    var wasReplaced = false
    welcomed = nil
    do {
      try await converse()
    } catch {
      why = "\(error)"
      if error is RegistryError { end = .malformed }
      wasReplaced = (error as? QUICError)?.code == .application(LinkEnd.replaced.rawValue)
    }
    let link = link
    drop(RegistryError(.noRegistry, "the registry was lost: \(why)"))
    await link?.close(end)
    guard !isClosed else { return false }
    // One that ends at once what it has begun is not called again at once.
    if let welcomed, welcomed.duration(to: machine.now) >= RegistryLimits.answerPatience { pauses = 0 }
    var random = machine.random
    let longest = min(RegistryLimits.firstPause * (1 << min(pauses, 10)), RegistryLimits.longestPause)
    let pause =
      (wasReplaced ? RegistryLimits.replacedPause : longest) * Double.random(in: 0.5...1, using: &random)
    pauses += 1
    happened.yield(.lost(reason: why, retry: pause))
    isReplaced = wasReplaced
    defer { isReplaced = false }
    return await rest(for: pause) && !isClosed
  }

  /// Waits, unless somebody calls ``tryNow()``.
  ///
  /// - Returns: whether it could: not on a machine that is closed.
  private func rest(for pause: Duration) async -> Bool {
    let machine = machine
    defer { waking = nil }
    let rested: Void? = try? await machine.suspend({ "try the registry again" }) { (wait: Wait<Void>) in
      let timer = machine.makeTimer { wait.succeed(()) }
      wait.onEnd = { timer.cancel() }
      timer.schedule(at: machine.now.advanced(by: pause))
      waking = wait
    }
    return rested != nil
  }

  /// Does not wait for the next try, as after a change of networks: where UDP was blocked, it may not be now.
  ///
  /// - Parameter families: what is spoken here now. A connection over another one leads nowhere any more, and would notice it late; without
  ///   any, it may be a moment's affair.
  public func tryNow(speaking families: Set<IPAddress.Family>) async {
    pauses = 0
    waking?.succeed(())
    guard let link else {
      await handshake?.sayAgain()
      return
    }
    let family = await link.remote.ip.family
    if !link.showsPort || !(families.isEmpty || families.contains(family)) { await link.close(.closed) }
  }

  /// The registry's STUN answers: what has been asked of it in vain gets through now, perhaps.
  public func askNow() {
    guard let link = link as? QUICLink else { return }
    endpoint.assumeIsolated { $0.askNow(link.connection) }
  }

  /// Somebody wants something: the registry is called at once, and not when it is time to.
  private func hurry() async {
    guard !isReplaced, urged.map({ $0.duration(to: machine.now) >= RegistryLimits.urgentPause }) ?? true
    else { return }
    urged = machine.now
    waking?.succeed(())
    await handshake?.sayAgain()
  }

  private func converse() async throws {
    let link = try await connect()
    let remote = await link.remote
    if isClosed { return await link.close(.closed) }
    self.link = link
    isWelcome = false
    serverAddress = remote
    reader = MessageReader()
    outgoing = MessageWriter()
    say(.hello)
    if let announcement { write(announcement) }
    try await flush()
    let machine = machine
    let waiting = machine.spawn("the registry's welcome") { [weak self] in
      try await machine.sleep(for: RegistryLimits.welcomePatience)
      await self?.giveUpUnwelcoming(link)
    }
    defer { waiting.cancel() }
    while let bytes = try await link.read() {
      reader.append(bytes)
      while let incoming = try reader.next() { take(incoming) }
      if !outgoing.bytes.isEmpty { try await flush() }
    }
  }

  /// What was said last on either side has been lost, and said again in vain, ever more seldom: another link begins with short pauses.
  private func giveUpUnwelcoming(_ link: any RegistryLink) async {
    if !isWelcome { await link.close(.closed) }
  }

  /// The first link that comes about: over QUIC, or where that does not get through over TLS.
  private func connect() async throws -> any RegistryLink {
    let addresses = try await machine.resolve(address.host)
    serverAddresses = addresses.map { SocketAddress($0, port: address.port) }
    happened.yield(.calling(serverAddresses))
    let race = LinkRace(2)
    let runners = [
      machine.spawn("the registry over QUIC") { await race.run { try await self.connectOverQUIC() } },
      machine.spawn("the registry over TLS") {
        await race.run {
          try await self.machine.sleep(for: RegistryLimits.headStart)
          return try await self.connectOverTLS()
        }
      },
    ]
    defer { for runner in runners { runner.cancel() } }
    let link = try await machine.suspend({ "the registry to answer" }) { race.begin($0) }
    if key == nil {
      key = link.peer
      happened.yield(.trusted(link.peer))
    }
    return link
  }

  private func connectOverQUIC() async throws -> any RegistryLink {
    let handshake = try await endpoint.beginHandshake(with: key, protocols: [RegistryMessage.protocolName])
    (self.handshake, urged) = (handshake, machine.now)
    defer { self.handshake = nil }
    do {
      for way in await endpoint.ways(to: serverAddresses) { await handshake.add(way) }
      let connection = try await handshake.connection()
      let stream = try await connection.openStream()
      guard let link = QUICLink(connection, stream) else { throw Self.nobody }
      return link
    } catch {
      await handshake.cancel()
      throw error
    }
  }

  private func connectOverTLS() async throws -> any RegistryLink {
    var failure: any Error = Self.nobody
    for remote in serverAddresses {
      do {
        let (machine, identity, key, tls) = (machine, identity, key, tls)
        return try await machine.withDeadline(RegistryLimits.answerPatience) {
          let tcp = try await machine.connectTCP(to: remote)
          let connection = try await TLSConnection.connect(
            over: tcp, identity, tls, expecting: key)
          guard let link = TLSLink(connection, to: remote) else { throw Self.nobody }
          return link
        }
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private static let nobody = RegistryError(.noRegistry, "whoever answers has no key")

  /// Nobody is there to answer.
  private func drop(_ error: RegistryError) {
    link = nil
    serverAddress = nil
    renewing?.cancel()
    let asked = pending.sorted { $0.key < $1.key }.map(\.value)
    pending = [:]
    asked.endAll(.failure(error))
  }

  // MARK: Saying and hearing

  private func say(_ message: RegistryMessage, as request: UInt32 = 0) {
    message.write(as: request, into: &outgoing)
  }

  private func flush() async throws {
    guard !isWriting, let link else { return }
    isWriting = true
    defer { isWriting = false }
    while !outgoing.bytes.isEmpty {
      let bytes = outgoing.bytes
      outgoing = MessageWriter()
      try await link.write(bytes)
    }
  }

  private func take(_ incoming: MessageReader.Incoming) {
    guard let message = try? incoming.message.get() else {
      if case .failure(let error) = incoming.message {
        pending.removeValue(forKey: incoming.request)?.fail(error)
      }
      return
    }
    if let wait = pending.removeValue(forKey: incoming.request) {
      // It was wanted no more when the answer was on its way already.
      if wait.hasEnded, case .accepted(let answer) = message { return end(answer.id) }
      if case .failed(let error) = message { wait.fail(error) } else { wait.succeed(message) }
      return
    }
    switch message {
    case .welcome(let observed, let lifetime):
      let isNew = !isWelcome
      self.observed = observed
      self.lifetime = max(lifetime, .seconds(1))
      isWelcome = true
      if isNew { welcomed = machine.now }
      happened.yield(isNew ? .connected(observed: observed) : .moved(observed: observed))
      connecting.takeAll().endAll(.success(()))
      scheduleRenewal()
    case .done where incoming.request == Self.announcing: happened.yield(.registered)
    case .failed(let error) where incoming.request >= Self.renewing:
      if error.code == .notRegistered {
        if let announcement { write(announcement) }
      } else {
        happened.yield(.refused(error))
      }
    case .relay(let grant):
      self.grant = (grant, machine.now.advanced(by: grant.lifetime))
      happened.yield(.relay(grant))
    case .introduced(let introduction): happened.yield(.introduced(introduction))
    case .signal(let id, let bytes): happened.yield(.signal(id, bytes))
    case .seen(let id, let addresses, let relays):
      happened.yield(.seen(id, addresses, relays: relays))
    case .end(let id): happened.yield(.ended(id))
    default: break
    }
  }

  /// The numbers of announcements and renewals for which nobody waits.
  private static let announcing = UInt32.max
  private static let renewing = UInt32.max - 1

  private func write(_ announcement: Announcement) {
    say(.register(announcement), as: Self.announcing)
  }

  private func scheduleRenewal() {
    renewing?.schedule(at: machine.now.advanced(by: lifetime / RegistryLimits.renewalsPerLifetime))
  }

  private func renew() {
    guard link != nil else { return }
    scheduleRenewal()
    // With nothing announced it only says that it is there.
    if announcement == nil { say(.hello) } else { say(.renew, as: Self.renewing) }
    machine.spawn("a renewal") { try await self.flush() }
  }

  /// Asks the registry something, as soon as it is there.
  private func ask(_ message: RegistryMessage) async throws -> RegistryMessage {
    try await waitUntilConnected()
    lastRequest = lastRequest &+ 1 == Self.renewing ? 1 : lastRequest &+ 1
    let request = lastRequest
    say(message, as: request)
    machine.spawn("a request") { try await self.flush() }
    do {
      return try await machine.suspend({ "the registry's answer" }) { wait in
        if link == nil { return wait.fail(RegistryError(.noRegistry, "the registry was lost")) }
        pending[request] = wait
      }
    } catch let error as CancellationError {
      if pending[request] != nil { tell(.forget, as: request) }
      throw error
    }
  }

  private func waitUntilConnected() async throws {
    if isClosed { throw RegistryError(.noRegistry, "this side has closed") }
    if observedAddress != nil { return }
    let machine = machine
    let host = address.host
    let hurrying = machine.spawn("calling the registry") { [weak self] in
      while true {
        await self?.hurry()
        try await machine.sleep(for: RegistryLimits.urgentPause)
      }
    }
    defer { hurrying.cancel() }
    try await machine.suspend({ "the registry" }) { (wait: Wait<Void>) in
      if observedAddress != nil { return wait.succeed(()) }
      let timer = machine.makeTimer {
        wait.fail(RegistryError(.noRegistry, "the registry \(quoted(host)) does not answer"))
      }
      wait.onEnd = { timer.cancel() }
      timer.schedule(at: machine.now.advanced(by: RegistryLimits.answerPatience))
      connecting.add(wait)
    }
  }
}

// MARK: Asking

extension RegistryClient {
  /// Announces this side, now and whenever the registry comes back.
  public func announce(_ announcement: Announcement) async throws {
    self.announcement = announcement
    _ = try await ask(.register(announcement))
  }

  /// Says this when the registry comes back, and nothing now.
  public func keep(_ announcement: Announcement) { self.announcement = announcement }

  /// The same, without waiting for what the registry says to it: see ``RegistryEvent/registered``.
  public func announceLater(_ announcement: Announcement) {
    self.announcement = announcement
    // Nothing is said after the farewell: it would undo that.
    guard link != nil, !isClosed else { return }
    write(announcement)
    machine.spawn("an announcement") { try await self.flush() }
  }

  /// Is not to be found any more.
  public func withdraw() async throws {
    announcement = nil
    _ = try await ask(.withdraw)
  }

  /// Has another name from now on.
  public func rename(to name: RegistryName) async throws {
    _ = try await ask(.rename(name))
    announcement?.name = name
  }

  /// Who somebody is, if it is there.
  public func find(_ target: RegistryTarget) async throws -> Registration {
    guard case .found(let registration) = try await ask(.find(target)) else { throw Self.nonsense }
    return registration
  }

  /// Who is there and wants to be seen, page by page.
  public func list(from start: RegistryPage.Start? = nil) async throws -> RegistryPage {
    guard case .page(let page) = try await ask(.list(from: start)) else { throw Self.nonsense }
    return page
  }

  /// Waits until somebody has asked with the same secret, which is told by ``RegistryEvent/introduced(_:)``.
  ///
  /// - Returns: who it is.
  @discardableResult
  public func wait(key: String) async throws -> PeerID {
    guard case .accepted(let answer) = try await ask(.wait(key: key)) else { throw Self.nonsense }
    return answer.peer
  }

  /// Asks to be connected with somebody, and waits for its answer.
  public func introduce(_ request: Introduction.Request) async throws -> Introduction.Answer {
    guard case .accepted(let answer) = try await ask(.introduce(request)) else { throw Self.nonsense }
    return answer
  }

  /// Wants to be connected with who has asked.
  public func accept(_ id: UInt64, at addresses: [SocketAddress]) async throws {
    _ = try await ask(.accept(id, addresses: addresses))
  }

  /// The same, without waiting for what the registry says to it: what is said after it arrives after it.
  public func acceptLater(_ id: UInt64, at addresses: [SocketAddress]) {
    tell(.accept(id, addresses: addresses))
  }

  /// Does not want to be connected with who has asked.
  public func deny(_ id: UInt64, reason: String = "") { tell(.deny(id, reason: reason)) }

  /// Says something to the other side of an introduction.
  public func signal(_ id: UInt64, _ bytes: [UInt8]) { tell(.signal(id, bytes)) }

  /// Needs an introduction no more.
  public func end(_ id: UInt64) { tell(.end(id)) }

  private func tell(_ message: RegistryMessage, as request: UInt32 = 0) {
    guard link != nil else { return }
    say(message, as: request)
    machine.spawn("words for the registry") { try await self.flush() }
  }

  private static let nonsense = RegistryError(.badMessage, "the registry has answered something else")
}
