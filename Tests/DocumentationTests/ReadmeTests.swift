import Foundation
import Testing
// begin greeter
import Warren

actor Greeter {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private var socket: (any UDPSocket)?
  private var outbox = DatagramOutbox()

  init(on machine: any Machine) { self.machine = machine }

  func start() throws -> SocketAddress {
    let socket = try machine.bindUDP(to: .any(.v4))
    socket.deliver(to: self) { greeter, batch in greeter.greet(batch) }
    self.socket = socket
    return socket.localAddress
  }

  private func greet(_ batch: borrowing DatagramBatch) {
    batch.forEach { datagram in
      outbox.append(Array("Hello, \(datagram.source)!".utf8).span.bytes, to: datagram.source)
    }
    socket?.sendOrDrop(&outbox)
  }
}
// end greeter
// swift-format-ignore: OrderedImports
// begin world
import WarrenSimulator

// end world

@Suite("The README")
struct ReadmeTests {
  @Test("shows code that compiles and runs")
  func runs() async throws {
    // begin world
    let world = World(seed: 7) {
      Machine("alice").behind(.symmetric)
      Machine("bob").behind(.fullCone).behind(.carrierGrade)
      Server("registry")
    }
    try await world.run { world in
      let registry = world.machine("registry")
      let port = try await Greeter(on: registry).start().port
      // …put programs on alice and bob, let time pass, look at what arrived
      try await world.machine("alice").sleep(for: .seconds(60))
      // end world
      #expect(port > 0)
      // begin world
    }
    print(world.trace)
    // end world
    #expect(world.now >= Instant(nanoseconds: 60_000_000_000))
  }

  @Test("shows how two machines find each other")
  func punches() async throws {
    let world = World(seed: 1) {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.portRestrictedCone)
      Server("stun")
    }
    try await world.run { world in
      let stun = world.machine("stun")
      let server = SocketAddress(stun.address(), port: 3478)
      try await STUNServer(on: stun).start(at: server)
      var configuration = PunchConfiguration()
      configuration.stunServers = [server]
      configuration.transports = [.udp, .tcp]
      let bob = HolePuncher(on: world.machine("bob"), role: .controlled, configuration)
      try await self.punch(world.machine("alice"), [server], bob)
      let heard = try await bob.connection()
      for await greeting in heard.datagrams {
        #expect(greeting == Array("Hello!".utf8))
        break
      }
      await bob.close()
    }
  }

  @Test("the example of QUIC says hello to Bob")
  func quic() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      let machine = world.machine("bob")
      var chance = machine.random
      let key = PrivateKey(using: &chance)
      let endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["chat"]))
      let address = SocketAddress(machine.address(), port: try await endpoint.bind().port)
      let heard = machine.spawn("bob") { () -> [UInt8] in
        for await connection in endpoint.connections {
          for await stream in connection.incomingStreams {
            var heard: [UInt8] = []
            for try await chunk in stream { heard += chunk }
            try await stream.finish()
            return heard
          }
        }
        return []
      }
      try await hello(world.machine("alice"), to: key.peerID, at: address)
      #expect(try await heard.value == Array("Hello, Bob!".utf8))
      await endpoint.close()
    }
  }

  private func hello(_ machine: any Machine, to bob: PeerID, at address: SocketAddress) async throws {
    // begin quic
    var chance = machine.random
    let key = PrivateKey(using: &chance)  // or PrivateKey(fileOrNew: "alice.pem", using: &chance)
    let endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["chat"]))
    try await endpoint.bind()
    let connection = try await endpoint.connect(to: address, expecting: bob)
    let stream = try await connection.openStream()
    try await stream.write(Array("Hello, Bob!".utf8))
    try await stream.finish()
    for try await chunk in stream { print(String(decoding: chunk, as: UTF8.self)) }
    // end quic
    await endpoint.close()
  }

  private func exchange(_ machine: any Machine, _ alice: Peer, _ connection: Connection) async throws {
    // begin files
    let exchange = FileExchange(on: machine, into: "/home/alice/Downloads")
    let transfer = try await exchange.send("holiday") { try await alice.connect(to: "bob") }
    for await progress in transfer.progress { print("\(Int(progress.fraction * 100)) %") }
    try await transfer.finished()

    // …and what comes: whoever owns a connection hands on the streams that begin so.
    for await stream in connection.incomingStreams {
      if try await stream.read(exactly: FileExchange.streamMark.count) == FileExchange.streamMark {
        await exchange.take(stream, from: connection.peer)
      }
    }
    for await offer in exchange.offers { _ = try await offer.accept() }
    // end files
  }

  private func connect(_ machine: any Machine, by registry: RegistryAddress) async throws {
    // begin peer
    var configuration = Peer.Configuration()
    configuration.name = "alice"
    configuration.registry = registry  // warren://HOST:PORT/KEY
    configuration.policy = .everyone  // or .ask: then `alice.requests` says who wants to connect
    let alice = try Peer(configuration, on: machine)
    try await alice.start()
    let connection = try await alice.connect(to: "bob")
    let stream = try await connection.openStream()
    try await stream.write(Array("Hello, Bob!".utf8))
    // end peer
    await alice.close()
  }

  /// Runs `body` where alice and bob stand behind NATs and there is a registry.
  private func inWorldWithRegistry(
    _ body: @escaping @Sendable (World, RegistryAddress) async throws -> Void
  ) async throws {
    let world = World(seed: 1) {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.restrictedCone)
      Server("registry")
    }
    try await world.run { world in
      let server = world.machine("registry")
      var chance = server.random
      let registry = RegistryServer(Registry(on: server), on: server, key: PrivateKey(using: &chance))
      var address = try await registry.start()
      address.host = "registry"
      try await body(world, address)
      await registry.stop()
    }
  }

  @Test("connects by name")
  func connects() async throws {
    try await inWorldWithRegistry { world, address in
      let bob = world.machine("bob")
      var configuration = Peer.Configuration()
      configuration.name = "bob"
      configuration.registry = address
      configuration.policy = .everyone
      let peer = try Peer(configuration, on: bob)
      try await peer.start()
      for await event in peer.events { if case .registered = event { break } }
      try await self.connect(world.machine("alice"), by: address)
      await peer.close()
    }
  }

  private func join(_ machine: any Machine, by registry: RegistryAddress) async throws {
    // begin mesh
    var configuration = Mesh.Configuration(mesh: "family", name: "kitchen")
    configuration.peer.registry = registry  // or none, and plain addresses below
    configuration.bootstraps = [.registry]  // or .peer(id), .address(…)
    configuration.admission = .secret("what only we know")
    let mesh = try Mesh(configuration, on: machine)
    try await mesh.start()
    try await mesh.broadcast("dinner is ready")
    for await event in mesh.events {
      if case .message(let message) = event { print(message.sender, message.content) }
      // end mesh
      if case .message = event { break }
      // begin mesh
    }
    // end mesh
    await mesh.leave()
  }

  @Test("meets many")
  func meets() async throws {
    try await inWorldWithRegistry { world, address in
      let bob = world.machine("bob")
      var configuration = Mesh.Configuration(mesh: "family", name: "garden")
      configuration.peer.registry = address
      configuration.bootstraps = [.registry]
      configuration.admission = .secret("what only we know")
      let mesh = try Mesh(configuration, on: bob)
      try await mesh.start()
      let speaking = bob.spawn("who answers") {
        for await event in mesh.events { if case .joined = event { try await mesh.broadcast("coming") } }
      }
      try await self.join(world.machine("alice"), by: address)
      await mesh.leave()
      try await speaking.value
    }
  }

  private func punch(_ machine: any Machine, _ servers: [SocketAddress], _ bob: HolePuncher) async throws {
    let tellTheOtherSide: @Sendable ([UInt8]) async throws -> Void = {
      await bob.receive(try PunchSignal(decoding: $0.span.bytes))
    }
    // begin punch
    var configuration = PunchConfiguration()
    configuration.stunServers = servers
    configuration.transports = [.udp, .tcp]
    let puncher = HolePuncher(on: machine, role: .controlling, configuration)
    machine.spawn("signals") {
      for await signal in puncher.signals { try await tellTheOtherSide(signal.encoded) }
    }
    try await puncher.start()
    // …and for what the other side tells: await puncher.receive(try PunchSignal(decoding: bytes.span.bytes))
    // end punch
    bob.machine.spawn("signals of bob's") {
      for await signal in bob.signals { await puncher.receive(signal) }
    }
    try await bob.start()
    // begin punch
    let connection = try await puncher.connection()
    try await connection.send(Array("Hello!".utf8))
    // end punch
    try await machine.sleep(for: .seconds(1))
    // begin punch
    await connection.close()
    // end punch
  }

  @Test("shows the code that is compiled here, to the letter")
  func matches() throws {
    let here = URL(filePath: #filePath)
    let source = try String(contentsOf: here, encoding: .utf8).components(separatedBy: "\n")
    let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    for name in ["greeter", "world", "punch", "quic"] {
      let shown = try #require(block(of: readme, named: name), "no block called \(name)")
      #expect(normalised(shown) == normalised(compiled(source, named: name)), "\(name) differs")
    }
  }

  /// The code block behind `<!-- compiled: …, name -->`.
  private func block(of readme: String, named name: String) -> [String]? {
    let lines = readme.components(separatedBy: "\n")
    guard
      let mark = lines.firstIndex(where: { $0.hasPrefix("<!-- compiled:") && $0.hasSuffix(", \(name) -->") })
    else { return nil }
    return Array(lines[(mark + 2)...].prefix { $0 != "```" })
  }

  /// What stands between `// begin name` and `// end name`.
  private func compiled(_ source: [String], named name: String) -> [String] {
    var isInside = false
    return source.filter { line in
      let text = line.trimmingCharacters(in: .whitespaces)
      if text == "// begin \(name)" || text == "// end \(name)" {
        isInside = text.hasPrefix("// begin")
        return false
      }
      return isInside
    }
  }

  /// Without empty lines and indentation: the same code stands deeper in a test than in a README.
  private func normalised(_ lines: [String]) -> [String] {
    lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }
}
