import Warren
import WarrenMachine
import WarrenTerminal

/// Where the demonstration is played, in either world: a registry that relays, and two who meet.
struct DemoStage: Sendable {
  let registry: any Machine
  let alice: any Machine
  let bob: any Machine
  var stunServers: [SocketAddress] = []
  var usesLoopback = false
  /// What alice sends, and where bob puts it.
  let file: String
  let folder: String
  let tell: @Sendable (String) -> Void

  func play() async throws {
    let start = alice.now
    @Sendable func told(_ text: String) {
      tell("\(Self.text(start.duration(to: alice.now)).padded(to: 9))  \(text)")
    }
    let (server, address) = try await startRegistry()
    let bobPeer = try await peer("bob", on: bob, address) { $0.policy = .everyone }
    told("bob has registered, and waits")
    let exchange = receive(from: bobPeer)
    let alicePeer = try await peer("alice", on: alice, address) { _ in }
    told("alice has registered, and calls bob by his name")
    let called = alice.now
    let connection = try await alicePeer.connect(to: "bob")
    told(
      "connected \(Self.words(await connection.path)), \(Self.text(called.duration(to: alice.now))) after the call"
    )
    let watching = alice.spawn("paths") {
      var last = await connection.path.network
      for await path in await connection.pathUpdates where path.network != last {
        last = path.network
        told("it goes on \(Self.words(path)); not a byte is lost")
      }
    }
    if await connection.path.kind == .relayed {
      told("…and a direct way is searched for meanwhile")
    }
    let began = alice.now
    let transfer = try await FileExchange(on: alice).send(file) { connection }
    _ = try await transfer.finished()
    let time = began.duration(to: alice.now)
    let rate = Double(transfer.totalBytes) / (time / .seconds(1)) / 1e6
    told(
      "\(transfer.totalBytes >> 20) MiB have arrived at bob's, whole (SHA-256), at \(Int(rate.rounded())) MB/s, \(Self.words(await connection.path))"
    )
    watching.cancel()
    await exchange.close()
    await alicePeer.close()
    await bobPeer.close()
    await server.stop()
  }

  private func startRegistry() async throws -> (RegistryServer, RegistryAddress) {
    var random = registry.random
    var settings = Registry.Configuration()
    settings.permitsLoopback = usesLoopback
    var configuration = RegistryServer.Configuration()
    var relay = RelayConfiguration()
    // Nothing of a simulated internet is public to a relay, nor is loopback.
    relay.permits = [IPPrefix(.any(.v4), length: 0)]
    configuration.relay = relay
    let server = RegistryServer(
      Registry(on: registry, settings), on: registry, key: PrivateKey(using: &random), configuration)
    let ip =
      usesLoopback
      ? IPAddress.loopback(.v4)
      : try registry.interfaces().flatMap(\.addresses).map(\.ip)
        .first { $0.family == .v4 && !$0.isLoopback }!
    return (
      server, try await server.start(at: SocketAddress(ip, port: usesLoopback ? 0 : RegistryAddress.port))
    )
  }

  private func peer(
    _ name: String, on machine: any Machine, _ registry: RegistryAddress,
    _ change: (inout Peer.Configuration) -> Void
  ) async throws -> Peer {
    var configuration = Peer.Configuration()
    configuration.name = name
    configuration.registry = registry
    configuration.stunServers = stunServers
    configuration.usesLoopback = usesLoopback
    configuration.families = [.v4]
    change(&configuration)
    let peer = try Peer(configuration, on: machine)
    try await peer.start()
    for await event in peer.events { if case .registered = event { break } }
    return peer
  }

  private func receive(from peer: Peer) -> FileExchange {
    var configuration = FileExchange.Configuration()
    configuration.policy = .everything
    let exchange = FileExchange(on: peer.machine, into: folder, configuration)
    peer.machine.spawn("files") {
      for await connection in peer.connections {
        for await stream in connection.incomingStreams {
          if try await stream.read(exactly: FileExchange.streamMark.count) == FileExchange.streamMark {
            await exchange.take(stream, from: connection.peer)
          }
        }
      }
    }
    return exchange
  }

  // MARK: Words

  /// Bytes of which no two blocks are the same.
  static func picture(megabytes: Int) -> [UInt8] {
    var state: UInt64 = 42
    let piece = (0..<65_521).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(megabytes << 20 + piece.count)
    while bytes.count < megabytes << 20 { bytes += piece }
    bytes.removeLast(bytes.count - megabytes << 20)
    return bytes
  }

  private static func words(_ path: Path) -> String {
    switch path.kind {
    case .direct: "directly, to \(path.remote)"
    case .tcp: "directly over TCP, to \(path.remote)"
    case .relayed: "over the relay"
    }
  }

  static func text(_ duration: Duration) -> String {
    let milliseconds = duration / .milliseconds(1)
    return milliseconds < 10
      ? "\((milliseconds * 100).rounded() / 100) ms"
      : milliseconds < 1000 ? "\(Int(milliseconds.rounded())) ms" : "\((milliseconds / 10).rounded() / 100) s"
  }
}
