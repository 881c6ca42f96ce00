import WarrenCrypto
import WarrenMachine
import WarrenMesh

/// A node of a mesh that speaks the original's text protocol over plain TCP, with the original's nodes and its own kind.
///
/// ```swift
/// var configuration = PlainMesh.Configuration()
/// configuration.name = "kitchen"
/// configuration.address = .any(.v4, port: 8001)
/// let mesh = try PlainMesh(configuration, on: machine)
/// try await mesh.start()
/// try await mesh.connect(to: SocketAddress("192.0.2.7:8001"))
/// try await mesh.broadcast("dinner is ready")
/// for await event in mesh.events { … }
/// ```
///
/// Nothing is encrypted and nobody proves who it is: it is for networks whose every user is trusted, and for trying with netcat.
/// ``Mesh`` is for all others.
public actor PlainMesh {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// How it is.
  public nonisolated let configuration: Configuration
  nonisolated let greeting: PlainGreeting
  /// By what it is told from others.
  public nonisolated var id: String { greeting.id }
  /// What it calls itself.
  public nonisolated var name: String { greeting.name }
  /// What happens. It has to be read: what others say waits with them otherwise.
  public nonisolated var events: PlainEvents { PlainEvents(mesh: self) }

  let happened: EventQueue<PlainEvent>
  var book: PlainAddressBook
  /// All connections, the oldest first; and of them those whose two ends know each other.
  var links: [PlainLink] = []
  var open: [String: PlainLink] = [:]
  /// Connections that are over, but for what is to be written.
  var leaving: [PlainLink] = []
  var goodbyes: [Wait<Void>] = []
  /// Those who wait until there is room for what they want to say.
  var speakers: [Wait<Void>] = []
  private(set) var listener: (any TCPListener)?
  private var timer: MachineTimer?
  private var tasks: [Task<Void, any Error>] = []
  private(set) var isClosed = false

  /// A node that begins with ``start()``.
  ///
  /// - Throws: a ``PlainError`` where it is configured so that it cannot be.
  public init(_ configuration: Configuration, on machine: any Machine) throws {
    try configuration.check()
    var random = machine.random
    let id = configuration.id ?? machine.randomBytes(16).hexText
    greeting = try PlainGreeting(id: id, name: configuration.name ?? id)
    self.machine = machine
    self.configuration = configuration
    happened = EventQueue(limit: configuration.waitingBytes)
    book = PlainAddressBook(interval: configuration.discoveryInterval, seed: random.next())
  }

  // MARK: Life

  /// Listens, and looks for others.
  ///
  /// - Returns: where it listens, with the port that the system chose.
  @discardableResult
  public func start() async throws -> SocketAddress {
    precondition(listener == nil, "a mesh is started once")
    if isClosed { throw PlainError(.closed, "the mesh was left") }
    let listener = try machine.listenTCP(on: configuration.address)
    self.listener = listener
    timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.look() } }
    happened.append(.started(at: listener.localAddress))
    tasks.append(machine.spawn("nodes that call") { [weak self] in await self?.accept() })
    for address in configuration.bootstraps {
      tasks.append(
        machine.spawn("beginning with \(address)") { [weak self] in await self?.bootstrap(address) })
    }
    return listener.localAddress
  }

  /// Ends all connections once what was said is on its way, and gives back all that it has.
  public func leave() async {
    guard !isClosed else { return }
    isClosed = true
    listener?.close()
    timer?.cancel()
    timer = nil
    for task in tasks { task.cancel() }
    tasks = []
    for link in links {
      change(link) { core, _ in core.end(PlainError(.closed, "this node has left the mesh")) }
    }
    speakers.takeAll().endAll(.failure(PlainError(.closed, "the mesh was left")))
    while !leaving.isEmpty {
      let waited: Void? = try? await machine.suspend({ "what was said last" }) { wait in
        if leaving.isEmpty { wait.succeed(()) } else { goodbyes.append(wait) }
      }
      if waited == nil { break }
    }
    for link in leaving { link.connection.close() }
    leaving = []
    happened.close()
  }

  // MARK: Who is there

  /// With whom there is a connection.
  public var peers: [PlainPeer] { openLinks.compactMap(\.peer) }

  /// Where others are, as far as somebody has said, with or without a connection.
  public var knownAddresses: [SocketAddress] { book.addresses }

  var openLinks: [PlainLink] { open.sorted { $0.key < $1.key }.map(\.value) }

  /// Connects with whoever is there, and through it with all that it knows.
  ///
  /// - Throws: a ``PlainError``: among others ``PlainError/Code/duplicate`` or ``PlainError/Code/full``, where it is refused.
  @discardableResult
  public func connect(to address: SocketAddress) async throws -> PlainPeer {
    try checkIsOpen()
    return try await dial(address)
  }

  /// Asks everybody whom it knows, and tries all addresses once more.
  public func discover() throws {
    try checkIsOpen()
    for link in openLinks { change(link) { $0.requestPeers(at: $1) } }
    book.retry(at: machine.now)
    look()
  }

  // MARK: What is said

  /// Says a line to all that there is a connection with.
  ///
  /// It waits while one of them has too much to take of what was said before. Whoever takes nothing for two seconds is waited
  /// for no longer, unless most do so: the others go on, and once too much waits for it the connection with it ends.
  ///
  /// - Throws: ``PlainError/Code/notAText`` where it has several lines or the others would take it for a command.
  public func broadcast(_ text: String) async throws {
    try await broadcast([try PlainWord.text(text).encoded()])
  }

  /// Says bytes to all that there is a connection with.
  public func broadcast(bytes: [UInt8]) async throws { try await broadcast(message(bytes)) }

  /// Says bytes to one alone. It waits while that one has too much to take of what was said before.
  public func send(bytes: [UInt8], to id: String) async throws {
    let pieces = try message(bytes)
    try await waitForRoom("\(id) to take what was said to it") { open[id]?.core.hasRoom ?? true }
    guard let link = open[id] else {
      throw PlainError(.notFound, "there is no connection with \(quoted(id)): connect with it first")
    }
    change(link) { $0.say(pieces, at: $1) }
  }

  private func message(_ bytes: [UInt8]) throws(PlainError) -> [[UInt8]] {
    guard bytes.count <= configuration.messageBytes else {
      throw PlainError(
        .tooLarge,
        "a message has at most \(configuration.messageBytes) bytes, and this one \(bytes.count): send it in parts"
      )
    }
    return [try PlainWord.bytes(bytes.count).encoded(), bytes]
  }

  private func broadcast(_ pieces: [[UInt8]]) async throws {
    try await waitForRoom("peers to take what was said to all") {
      !open.values.contains { !$0.core.hasRoom && !$0.core.isStalled }
        && open.values.count { !$0.core.hasRoom } * 2 <= open.count
    }
    for link in openLinks { change(link) { $0.say(pieces, at: $1) } }
  }

  private func waitForRoom(
    _ wish: @autoclosure @Sendable @escaping () -> String, _ hasRoom: () -> Bool
  ) async throws {
    try checkIsOpen()
    while !hasRoom() {
      try await machine.suspend(wish) { (wait: Wait<Void>) in
        if isClosed { return wait.fail(PlainError(.closed, "the mesh was left")) }
        if hasRoom() { return wait.succeed(()) }
        speakers.add(wait)
      }
    }
    try checkIsOpen()
  }

  func checkIsOpen() throws(PlainError) {
    if isClosed || listener == nil { throw PlainError(.closed, "the mesh was left, or not started") }
  }

  func nextEvent() async throws -> PlainEvent? {
    while true {
      if let event = happened.popFirst() { return event }
      if happened.isClosed { return nil }
      try await machine.suspend({ "something to happen in the mesh" }) { happened.waitForEvent($0) }
    }
  }

  // MARK: Others

  /// Dials whoever is known and not there, as far as there is room.
  func look() {
    guard !isClosed, listener != nil else { return }
    for address in book.nextDials(room: room, at: machine.now) {
      machine.spawn("calling \(address)") { _ = try? await self.dial(address) }
    }
    let next = book.nextDeadline(room: room)
    if next == .distantFuture { timer?.cancel() } else { timer?.schedule(at: next) }
  }

  private var room: Int { configuration.mostPeers - open.count }

  private func bootstrap(_ address: SocketAddress) async {
    var pause = PlainLimits.bootstrapPause
    for left in (0..<PlainLimits.bootstrapTries).reversed() {
      do {
        let peer = try await dial(address)
        return happened.append(.bootstrapped(by: peer))
      } catch {
        guard !isClosed else { return }
        if left == 0 {
          let error = error as? PlainError ?? PlainError(.unreachable, "\(error)")
          return happened.append(.bootstrapFailed(address, tries: PlainLimits.bootstrapTries, because: error))
        }
      }
      do { try await machine.sleep(for: pause) } catch { return }
      pause *= 2
    }
  }

  private func accept() async {
    while let listener, !isClosed {
      do {
        take(try await listener.accept())
        if !happened.hasRoom {
          try await machine.suspend({ "the mesh's events to be read" }) { happened.waitForRoom($0) }
        }
      } catch NetworkError.closed {
        return
      } catch is CancellationError {
        return
      } catch {
        // The system has no descriptor left, perhaps: it goes on when it has.
        happened.append(.error(PlainError(.unreachable, "nobody can call at present: \(error)"), from: nil))
        do { try await machine.sleep(for: PlainLimits.acceptPause) } catch { return }
      }
    }
  }
}
