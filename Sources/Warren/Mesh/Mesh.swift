import WarrenCrypto
import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// Many peers that all reach each other.
///
/// ```swift
/// var configuration = Mesh.Configuration(mesh: "family", name: "kitchen")
/// configuration.peer.registry = try RegistryAddress("warren://registry.example/KEY")
/// configuration.bootstraps = [.registry]
/// let mesh = try Mesh(configuration, on: machine)
/// try await mesh.start()
/// try await mesh.broadcast("dinner is ready")
/// for await event in mesh.events { … }
/// ```
///
/// Where there are few, each is connected with all; where there are many, with some, and what is said to all is passed on. Each
/// message is delivered once, and those of one sender in their order.
public actor Mesh {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// How it is.
  public nonisolated let configuration: Configuration
  /// The peer beneath it.
  public nonisolated let peer: Peer
  /// Who it is.
  public nonisolated var id: PeerID { peer.id }
  /// What happens. It has to be read: what members say waits with them otherwise.
  public nonisolated var events: MeshEvents { MeshEvents(mesh: self) }

  /// Files that come, and go: without a folder for them, those that go.
  public nonisolated let files: FileExchange
  let happened: MeshEventQueue
  var core: MeshCore
  var links: [PeerID: MeshLink] = [:]
  /// Connections whose two ends do not know each other yet.
  var greeted: [MeshLink] = []
  private var timer: MachineTimer?
  private var scheduled: Instant?
  private var tasks: [Task<Void, any Error>] = []
  /// Those who wait until there is room for what they want to say.
  private var speakers: [Wait<Void>] = []
  private var isDriving = false
  private var isStarted = false
  private var isLeaving = false
  private(set) var isClosed = false

  /// A node that begins with ``start()``.
  ///
  /// - Throws: a ``MeshError`` where it is configured so that it cannot be.
  public init(_ configuration: Configuration, on machine: any Machine) throws {
    try configuration.check()
    var configuration = configuration
    var random = machine.random
    let key = configuration.peer.key ?? PrivateKey(using: &random)
    configuration.peer.key = key
    configuration.peer.protocols = [Self.protocolName]
    let happened = MeshEventQueue(limit: configuration.waitingBytes)
    switch configuration.admission {
    case .open, .secret: configuration.peer.policy = .everyone
    case .only(let peers):
      // And not the policy of the same name: here it is told who was turned away.
      configuration.peer.policy = .decide { id, _ in
        let isAllowed = peers.contains(id)
        if !isAllowed { happened.append(.refused(id, because: .notOnTheList, byUs: true)) }
        return isAllowed
      }
    }
    // Where the registry lists them, those of one mesh are found by the beginning of their names.
    if configuration.peer.name == nil {
      configuration.peer.name = Self.registryName(configuration.mesh, key.peerID)
    }
    self.machine = machine
    self.configuration = configuration
    peer = try Peer(configuration.peer, on: machine)
    self.happened = happened
    files = FileExchange(on: machine, into: configuration.folder, configuration.files)
    var settings = MeshCore.Settings()
    settings.fullMesh = configuration.fullMesh
    settings.kept = configuration.keptBytes
    if case .only(let peers) = configuration.admission { settings.allowed = Set(peers) }
    let epoch = UInt64(max(0, machine.timeSince1970.wholeNanoseconds / 1_000_000))
    core = MeshCore(
      MemberRecord(key.peerID, MemberVersion(epoch: epoch), name: configuration.name),
      RecordSeal(mesh: configuration.mesh, key), settings, seed: random.next(), at: machine.now)
  }

  /// What is spoken between nodes (ALPN): another number is another protocol.
  static let protocolName = "warren-mesh/1"

  static func registryName(_ mesh: String, _ id: PeerID) -> String {
    registryBeginning(mesh) + String(id.description.prefix(12))
  }

  /// How the names of all of a mesh begin at a registry.
  static func registryBeginning(_ mesh: String) -> String { String(mesh.prefix(40)) + "/" }

  // MARK: Life

  /// Opens its ports, and looks for others.
  public func start() async throws {
    precondition(!isStarted, "a mesh is started once")
    if isClosed { throw MeshError(.closed, "the mesh was left") }
    isStarted = true
    try await peer.start()
    if isLeaving { throw MeshError(.closed, "the mesh was left") }
    timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.look() } }
    let peer = peer
    // It lives until it is left, also where nobody else holds it.
    tasks.append(
      machine.spawn("connections of other nodes") {
        for await connection in peer.connections { await self.take(connection) }
      })
    tasks.append(
      machine.spawn("what happens to the peer") { [weak self] in
        for await event in peer.events { await self?.take(event) }
      })
    happened.append(.started(at: await announceAddresses()))
    for bootstrap in configuration.bootstraps { look(for: bootstrap) }
  }

  /// Looks for one more of the mesh, as for those that were named at the beginning.
  public func look(for bootstrap: Bootstrap) {
    guard isStarted, !isClosed else { return }
    tasks.append(machine.spawn("\(bootstrap)") { [weak self] in await self?.bootstrap(bootstrap) })
  }

  /// Says what there is to say still, and goodbye, and gives back all that it has.
  public func leave() async {
    guard !isClosed, !isLeaving else { return }
    isLeaving = true
    for task in tasks { task.cancel() }
    tasks = []
    if isStarted { await sayGoodbye() }
    isClosed = true
    for link in openLinks + greeted { await end(link, MeshError(.left, "it has left the mesh")) }
    timer?.cancel()
    timer = nil
    wakeSpeakers()
    await files.close()
    await peer.close()
    happened.close()
  }

  // MARK: Who is there

  /// All that are known, this one first.
  public var members: [Member] { core.membership.members }

  /// With whom there is a connection.
  public var neighbours: [PeerID] { links.values.filter(\.isOpen).map(\.peer).sorted() }

  /// The connection with a neighbour, if it is one.
  public func connection(with id: PeerID) -> Connection? {
    links[id].flatMap { $0.isOpen ? $0.connection : nil }
  }

  // MARK: What is said

  /// Says something to all that are there.
  ///
  /// It waits while most of those who are to be sent it have too much of what was said before; who is slower than most is served
  /// at its own speed, and ``MeshEvent/fellBehind(_:count:)`` says what it loses where it is too slow for that.
  public func broadcast(_ text: String, on topic: String = "") async throws {
    try await broadcast(Array(text.utf8), isText: true, topic)
  }

  /// Says something to all that are there.
  public func broadcast(bytes: [UInt8], on topic: String = "") async throws {
    try await broadcast(bytes, isText: false, topic)
  }

  private func broadcast(_ bytes: [UInt8], isText: Bool, _ topic: String) async throws {
    try check(bytes)
    guard topic.utf8.count <= MeshLimits.topicBytes else {
      throw MeshError(.tooLarge, "a topic has at most \(MeshLimits.topicBytes) bytes")
    }
    try await waitForRoom("neighbours to take what was said to all") { $0.hasRoom }
    change { $0.broadcast(bytes, isText: isText, topic: topic, at: $1) }
  }

  /// Says something to one alone. It waits while that one has taken too little of what was said to it before.
  public func send(_ text: String, to id: PeerID) async throws {
    try await send(DirectCore.Message(.text, Array(text.utf8)), to: id)
  }

  /// Says something to one alone.
  public func send(bytes: [UInt8], to id: PeerID) async throws {
    try await send(DirectCore.Message(.bytes, bytes), to: id)
  }

  private func send(_ message: DirectCore.Message, to id: PeerID) async throws {
    try check(message.payload)
    try await waitForRoom("\(id) to take what was said to it") {
      !$0.membership.isThere(id) || $0.hasRoom(for: id)
    }
    if id == self.id { throw MeshError(.notFound, "it is this node itself") }
    try checkIsThere(id)
    change { $0.send(message, to: id, at: $1) }
  }

  func checkIsThere(_ id: PeerID) throws(MeshError) {
    guard core.membership.isThere(id) else {
      throw MeshError(.notFound, "nobody of the key \(id) is in the mesh")
    }
  }

  private func check(_ bytes: [UInt8]) throws(MeshError) {
    if isLeaving || !isStarted { throw MeshError(.closed, "the mesh was left, or not started") }
    guard bytes.count <= configuration.messageBytes else {
      throw MeshError(
        .tooLarge, "a message has at most \(configuration.messageBytes) bytes: this one has \(bytes.count)")
    }
  }

  func waitForRoom(
    _ wish: @autoclosure @Sendable @escaping () -> String, _ hasRoom: (MeshCore) -> Bool
  ) async throws {
    while !hasRoom(core) {
      try await machine.suspend(wish) { (wait: Wait<Void>) in
        if isClosed { return wait.fail(MeshError(.closed, "the mesh was left")) }
        if hasRoom(core) { return wait.succeed(()) }
        speakers.removeAll(where: \.hasEnded)
        speakers.append(wait)
      }
    }
  }

  /// Something may have been taken.
  func wakeSpeakers() {
    speakers.endAll(.success(()))
    speakers = []
  }

  func nextEvent() async throws -> MeshEvent? {
    while true {
      if let event = happened.popFirst() { return event }
      if happened.isClosed { return nil }
      try await machine.suspend({ "something to happen in the mesh" }) { happened.waitForEvent($0) }
    }
  }

  // MARK: Driving the core

  /// Tells the core something, and does what it wants.
  func change(_ body: (inout MeshCore, Instant) -> Void) {
    guard !isClosed else { return }
    body(&core, machine.now)
    drive()
  }

  /// Tells the core what somebody else has said.
  ///
  /// - Throws: a ``MeshError`` with this reason where that cannot be.
  func change(
    or reason: String, _ body: (inout MeshCore, Instant) throws(MeshCore.Offence) -> Void
  ) throws(MeshError) {
    var isNonsense = false
    change { core, now in
      do throws(MeshCore.Offence) { try body(&core, now) } catch { isNonsense = true }
    }
    if isNonsense { throw MeshError(.nonsense, reason) }
  }

  private func look() {
    scheduled = nil
    change { $0.handleDeadline(at: $1) }
  }

  private func drive() {
    guard !isDriving else { return }
    isDriving = true
    defer { isDriving = false }
    while let output = core.poll() {
      switch output {
      case .packet(let bytes, let id):
        if let link = links[id], link.isOpen {
          link.connection.endpoint.assumeIsolated { $0.send(datagram: bytes, over: link.connection) }
        }
      case .word(let word, let id): if let link = links[id], link.isOpen { say(word.encoded, over: link) }
      case .wake(let id): if let link = links[id], link.isOpen { sendMessages(over: link) }
      case .event(let event): take(event)
      }
    }
    wakeSpeakers()
    let next = core.nextDeadline
    if next != scheduled {
      scheduled = next
      timer?.schedule(at: max(next, machine.now))
    }
  }

  private func take(_ event: MeshCore.Event) {
    switch event {
    case .membership(let event):
      switch event {
      case .joined(let member): happened.append(.joined(member))
      case .suspected(let member): happened.append(.suspected(member))
      case .trusted(let member): happened.append(.trusted(member))
      case .died(let member): happened.append(.died(member))
      case .left(let member): happened.append(.left(member))
      case .changed(let member): happened.append(.changed(member))
      case .hasDouble: happened.append(.duplicate)
      case .forgotten: break
      }
    case .broadcast(.message(let message)):
      hear(message.payload, isText: message.isText, from: message.source.id, on: message.topic)
    case .broadcast(.missed(let id, let count)): happened.append(.missed(from: id, count: count))
    // What a neighbour is not sent any more others may have for it: if not, it says so itself.
    case .broadcast(.offended), .broadcast(.lost): break
    case .missed(let id, let count):
      happened.append(.fellBehind(id, count: count))
    case .direct(let message, let id):
      hear(message.payload, isText: message.kind == .text, from: id, on: nil)
    case .undelivered(let id, let count): happened.append(.undelivered(to: id, count: count))
    case .dial(let member): machine.spawn("connecting with \(member.name)") { await self.dial(member) }
    case .drop(let id): drop(id)
    case .offended(let id):
      if let link = links[id] { endLater(link, MeshError(.nonsense, "it has sent what nobody has signed")) }
    }
  }

  private func hear(_ payload: [UInt8], isText: Bool, from sender: PeerID, on topic: String?) {
    let content: MeshMessage.Content =
      isText ? .text(String(decoding: payload, as: UTF8.self)) : .bytes(payload)
    happened.append(.message(MeshMessage(sender: sender, content: content, topic: topic)))
  }
}
