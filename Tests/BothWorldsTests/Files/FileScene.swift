import TestSupport
import Testing
import WarrenSimulator

@testable import Warren

/// Alice, who sends files, and Bob, who receives them, over QUIC.
final class FileScene: Sendable {
  let pair: TwoMachines.Pair
  let alice, bob: QUICEndpoint
  let aliceID, bobID: PeerID
  /// Where alice's files are, and where bob's come.
  let source, target: TestDisk
  private let address: SocketAddress
  private let exchanges: Guarded<(mine: FileExchange, theirs: FileExchange)>
  private let configuration: FileExchange.Configuration
  private let opened = Guarded<[Connection]>([])
  private let served = Guarded<[Connection]>([])
  /// What bob says in place of his exchange.
  private let script = Guarded<[UInt8]?>(nil)

  var mine: FileExchange { exchanges.withLock(\.mine) }
  var theirs: FileExchange { exchanges.withLock(\.theirs) }
  /// All connections that there were, the newest last.
  var connections: [Connection] { opened.withLock { $0 } }

  /// The same at bob's.
  var bobConnections: [Connection] { served.withLock { $0 } }

  init(
    _ pair: TwoMachines.Pair, in folder: String, policy: FileExchange.Policy,
    _ change: (inout FileExchange.Configuration) -> Void
  ) async throws {
    func endpoint(_ machine: any Machine) throws -> (QUICEndpoint, PeerID) {
      var random = machine.random
      let key = PrivateKey(using: &random)
      var quic = QUICConfiguration(protocols: ["warren-test"])
      // In real time, a thread may wait for long where a hundred others run.
      quic.idleTimeout = machine is SimulatedMachine ? .seconds(5) : .seconds(30)
      quic.keepAlive = .seconds(1)
      return (QUICEndpoint(on: machine, try QUICIdentity(key), quic), key.peerID)
    }
    self.pair = pair
    (alice, aliceID) = try endpoint(pair.alice)
    (bob, bobID) = try endpoint(pair.bob)
    source = TestDisk(machine: pair.alice, root: "\(folder)/source")
    target = TestDisk(machine: pair.bob, root: "\(folder)/target")
    source.makeFolder()
    target.makeFolder()
    var configuration = FileExchange.Configuration()
    configuration.policy = policy
    configuration.patience = .seconds(120)
    change(&configuration)
    self.configuration = configuration
    exchanges = Guarded(
      (
        FileExchange(on: pair.alice, into: source.root, configuration),
        FileExchange(on: pair.bob, into: target.root, configuration)
      ))
    try await alice.bind()
    address = SocketAddress(pair.bobIP(.v4), port: try await bob.bind().port)
    pair.bob.spawn("bob's connections") { [bob, weak self] in
      for await connection in bob.connections { self?.serve(connection) }
    }
  }

  /// Runs `body` with the two, and closes them; nothing may be open then.
  static func run(
    _ world: TwoMachines, policy: FileExchange.Policy = .everything,
    _ change: @escaping @Sendable (inout FileExchange.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (FileScene) async throws -> Void
  ) async throws {
    try await Folder.with { folder in
      try await world.run { pair in try await run(pair, in: folder, policy: policy, change, body) }
    }
  }

  /// The same in a world of this seed, behind a link each.
  static func simulate(
    seed: UInt64 = 1, policy: FileExchange.Policy = .everything, link: LinkConfiguration = .access,
    _ change: @escaping @Sendable (inout FileExchange.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (FileScene, World) async throws -> Void
  ) async throws {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    let world = World(seed: seed, configuration: configuration) {
      Server("alice").linked(link)
      Server("bob").linked(link)
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      let pair = TwoMachines.Pair(
        alice: alice, bob: bob, bobIP: { bob.address($0) }, aliceIP: { alice.address($0) })
      try await run(pair, in: "/test", policy: policy, change) { try await body($0, world) }
      #expect(alice.disk.openCount == 0 && bob.disk.openCount == 0, "files are left open")
    }
  }

  private static func run(
    _ pair: TwoMachines.Pair, in folder: String, policy: FileExchange.Policy,
    _ change: (inout FileExchange.Configuration) -> Void, _ body: (FileScene) async throws -> Void
  ) async throws {
    let scene = try await FileScene(pair, in: folder, policy: policy, change)
    let result: Result<Void, any Error>
    do { result = .success(try await body(scene)) } catch { result = .failure(error) }
    await scene.mine.close()
    await scene.theirs.close()
    await scene.alice.close()
    await scene.bob.close()
    try result.get()
  }

  private func serve(_ connection: Connection) {
    served.withLock { $0.append(connection) }
    pair.bob.spawn("bob's streams") { [weak self] in
      for await stream in connection.incomingStreams {
        guard let self else { return }
        self.pair.bob.spawn("a mark") {
          let mark = try await stream.read(exactly: FileExchange.streamMark.count)
          #expect(mark == FileExchange.streamMark)
          if let said = self.script.withLock({ $0 }) { return try await stream.write(said) }
          await self.theirs.take(stream, from: connection.peer)
        }
      }
    }
  }

  /// A fresh connection of alice's with bob.
  func connect() async throws -> Connection {
    let connection = try await alice.connect(to: address, expecting: bobID)
    opened.withLock { $0.append(connection) }
    return connection
  }

  /// Has alice send something.
  func send(
    _ name: String, as other: String? = nil, id: FileTransfer.ID? = nil
  ) async throws -> FileTransfer {
    try await mine.send(source.path(name), as: other, id: id) { try await self.connect() }
  }

  /// From now on bob says this on each stream, and reads nothing.
  func answer(with bytes: [UInt8]) async { script.withLock { $0 = bytes } }

  /// Somebody else, and where they find bob.
  func stranger() async throws -> (QUICEndpoint, SocketAddress) {
    var random = pair.alice.random
    let carol = QUICEndpoint(
      on: pair.alice, try QUICIdentity(PrivateKey(using: &random)),
      QUICConfiguration(protocols: ["warren-test"]))
    try await carol.bind()
    return (carol, address)
  }

  /// Ends bob's program, and starts it again.
  func restartBob() async {
    await theirs.close()
    exchanges.withLock { $0.theirs = FileExchange(on: pair.bob, into: target.root, configuration) }
  }

  /// Ends bob's program, and starts one that has no folder for files.
  func takeFolderFromBob() async {
    await theirs.close()
    exchanges.withLock { $0.theirs = FileExchange(on: pair.bob, configuration) }
  }

  /// Ends alice's program, and starts it again.
  func restartAlice() async {
    await mine.close()
    exchanges.withLock { $0.mine = FileExchange(on: pair.alice, into: source.root, configuration) }
  }

  /// What a transfer's end says.
  func failure(of transfer: FileTransfer) async -> FileTransferError? {
    do {
      try await transfer.finished()
      return nil
    } catch {
      return error as? FileTransferError
    }
  }

  /// Waits until bob has nothing to do: ten seconds at most.
  func rest() async throws {
    for _ in 0..<1000 {
      if await theirs.sessions.isEmpty { return }
      try await pair.bob.sleep(for: .milliseconds(10))
    }
    Issue.record("bob is not done: \(pair.bob.waits.waiting)")
  }

  /// Sends something that must fail so.
  func expect(
    _ code: FileTransferError.Code, sending name: String, id: FileTransfer.ID? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let failure = await failure(of: try await send(name, id: id))
    #expect(failure?.code == code, sourceLocation: sourceLocation)
  }

  /// The next transfer that bob receives.
  func arrival() async throws -> FileTransfer {
    var arrivals = theirs.arrivals.makeAsyncIterator()
    return try #require(await arrivals.next())
  }

  /// Waits until bob has so many bytes of a transfer.
  func wait(for bytes: UInt64, of transfer: FileTransfer) async throws {
    for await progress in transfer.progress where progress.bytes >= bytes { return }
    Issue.record("the transfer has ended before it had \(bytes) bytes: \(await transfer.status)")
  }

  /// Bytes that are the same for a seed. What they repeat is in no block where it was in another.
  static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = SeededRandom(seed)
    let piece = random.manyBytes(min(count, 65_521))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + piece.count)
    while bytes.count < count { bytes += piece }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}
