import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenRelay

@Suite("A relayed socket")
struct RelayedSocketTests {
  static func server(
    _ address: SocketAddress, _ transport: RelayServerAddress.Transport = .udp,
    password: String = "open sesame"
  ) -> RelayServerAddress {
    RelayServerAddress(
      host: "\(address.ip)", port: address.port, transport: transport, username: "alice", password: password)
  }

  /// What has come to a socket.
  final class Memory: @unchecked Sendable {
    // It is used on the client's machine alone: hence `@unchecked`.
    var received: [(bytes: [UInt8], from: SocketAddress)] = []
    var failures: [DeliveryFailure] = []
    var errors: [RelayError] = []

    init(of socket: RelayedSocket) {
      socket.onDatagrams = { [unowned self] batch in
        batch.forEach { datagram in
          received.append((datagram.payload.withUnsafeBytes { Array($0) }, datagram.source))
        }
      }
      socket.onDeliveryFailure = { [unowned self] in failures.append($0) }
      socket.onLost = { [unowned self] in errors.append($0) }
    }
  }

  static func send(_ payloads: [[UInt8]], to peer: SocketAddress, by socket: any UDPSocket) throws {
    var outbox = DatagramOutbox()
    for payload in payloads { outbox.append(payload.span.bytes, to: peer) }
    try socket.send(&outbox)
  }

  /// Waits until something is so, ten seconds at most.
  static func until(
    _ machine: any Machine, _ limit: Duration = .seconds(10), location: SourceLocation = #_sourceLocation,
    _ isSo: @Sendable () async throws -> Bool
  ) async throws {
    let end = machine.now.advanced(by: limit)
    while try await !isSo() {
      guard machine.now < end else {
        Issue.record("it did not become so", sourceLocation: location)
        return
      }
      try await machine.sleep(for: .milliseconds(5))
    }
  }

  @Test(
    "carries datagrams both ways: held first, then under a channel, in runs and alone",
    arguments: RelayWorld.allCases, [RelayServerAddress.Transport.udp, .tcp, .tls])
  func carries(world: RelayWorld, transport: RelayServerAddress.Transport) async throws {
    try await world.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      var random = scene.client.random
      let key = PrivateKey(using: &random)
      let any = SocketAddress(scene.serverIP(.v4), port: 0)
      let address =
        switch transport {
        case .udp: try await relay.start(at: any)
        case .tcp: try await relay.listen(at: any)
        case .tls: try await relay.listen(at: any, tls: TLSIdentity(key))
        }
      var server = Self.server(address, transport)
      server.key = transport == .tls ? key.peerID : nil
      let socket = try await RelayClient.allocate(at: [server], on: scene.client)
      let memory = Memory(of: socket)
      #expect(socket.localAddress.ip == scene.serverIP(.v4) && socket.mappedAddress != nil)

      let probe = Probe(on: scene.peer)
      let bound = try await probe.bind(SocketAddress(scene.peerIP(.v4), port: 0))
      let payloads = (0..<12).map { number in [UInt8](repeating: UInt8(number), count: number < 10 ? 500 : 33)
      }
      try Self.send(payloads + [[]], to: bound, by: socket)
      await probe.waitFor(13)
      #expect(
        await probe.received.map(\.bytes).sorted {
          $0.count > $1.count || ($0.count == $1.count && $0.first ?? 0 < $1.first ?? 0)
        } == payloads + [[]])
      #expect(await probe.received.allSatisfy { $0.from == socket.localAddress })
      try Self.send(payloads, to: bound, by: socket)
      await probe.waitFor(25)
      #expect(await relay.carried.channels >= 12)
      for payload in payloads + [[]] { try await probe.send(payload, to: socket.localAddress) }
      try await Self.until(scene.client) { memory.received.count >= 13 }
      #expect(memory.received.map(\.bytes).count { payloads.contains($0) } == 12)
      #expect(memory.received.allSatisfy { $0.from == bound })
      socket.close()
      try await Self.until(scene.client) { await relay.core.allocations.isEmpty }
      await relay.stop()
      await probe.close()
    }
  }

  @Test("says once that its relay is gone: it forgets, it hangs up, or it is silent")
  func lost() async throws {
    try await RelayWorld.simulated.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let any = SocketAddress(scene.serverIP(.v4), port: 0)
      let (udp, tcp) = (try await relay.start(at: any), try await relay.listen(at: any))
      let first = try await RelayClient.allocate(at: [Self.server(tcp, .tcp)], on: scene.client)
      let memory = Memory(of: first)
      await relay.hangUp()
      try await Self.until(scene.client) { !memory.errors.isEmpty }
      guard case .network? = memory.errors.first?.code else {
        Issue.record("\(memory.errors)")
        return
      }
      #expect(throws: NetworkError.closed) { try Self.send([[1]], to: udp, by: first) }

      let second = try await RelayClient.allocate(at: [Self.server(udp)], on: scene.client)
      let other = Memory(of: second)
      await relay.change { $0.allocations = [:] }
      second.networkChanged()
      try await Self.until(scene.client) { !other.errors.isEmpty }
      #expect(other.errors.map(\.code) == [.forgotten])

      let third = try await RelayClient.allocate(at: [Self.server(udp)], on: scene.client)
      let last = Memory(of: third)
      await relay.change { $0.script.isSilent = true }
      try await scene.client.sleep(for: .seconds(700))
      #expect(last.errors.map(\.code) == [.silent] && other.errors.count == 1 && memory.errors.count == 1)
      await relay.stop()
    }
  }

  /// A socket at a relay that is spoken to over TCP, from behind a NAT.
  private static func overTCP(
    _ script: ScriptedRelayCore.Script = ScriptedRelayCore.Script(),
    _ body: @escaping @Sendable (World, SimulatedMachine, RelayedSocket, Memory) async throws -> Void
  ) async throws {
    let world = World(seed: 1) {
      Machine("client").behind(.portRestrictedCone)
      Server("relay")
    }
    try await world.run { world in
      let (client, server) = (world.machine("client"), world.machine("relay"))
      let relay = ScriptedRelay(on: server, script)
      let tcp = try await relay.listen(at: SocketAddress(server.address(.v4), port: 0))
      let socket = try await RelayClient.allocate(at: [Self.server(tcp, .tcp)], on: client)
      try await body(world, client, socket, Memory(of: socket))
      await relay.stop()
    }
  }

  @Test(
    "says at once that its relay is gone where it goes over TCP from an address that this machine has lost",
    arguments: [false, true])
  func lostAddress(hasMobility: Bool) async throws {
    var script = ScriptedRelayCore.Script()
    script.hasMobility = hasMobility
    try await Self.overTCP(script) { world, client, socket, memory in
      socket.networkChanged()
      try await client.sleep(for: .seconds(1))
      #expect(memory.errors.isEmpty)
      client.renumber()
      socket.networkChanged()
      try await client.sleep(for: .milliseconds(1))
      #expect(memory.errors.map(\.code) == [.moved])
    }
  }

  @Test(
    "is given up ten seconds after somebody has begun to doubt it, where a NAT has forgotten its TCP connection, and no sooner",
    arguments: [false, true])
  func doubted(isForgotten: Bool) async throws {
    try await Self.overTCP { world, client, socket, memory in
      if isForgotten { world.box("client's NAT").reboot() }
      socket.doubt()
      try await client.sleep(for: .seconds(9))
      // Who doubts it again waits no longer for that.
      socket.doubt()
      #expect(memory.errors.isEmpty)
      try await client.sleep(for: .seconds(2))
      #expect(memory.errors.map(\.code) == (isForgotten ? [.silent] : []))
      try await client.sleep(for: .seconds(60))
      #expect(memory.errors.count == (isForgotten ? 1 : 0))
      socket.close()
    }
  }

  @Test(
    "follows to another of this machine's ports where the relay can do that", arguments: RelayWorld.allCases)
  func moved(world: RelayWorld) async throws {
    try await world.run { scene in
      var script = ScriptedRelayCore.Script()
      script.hasMobility = true
      let relay = ScriptedRelay(on: scene.server, script)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      let socket = try await RelayClient.allocate(at: [Self.server(address)], on: scene.client)
      let memory = Memory(of: socket)
      let probe = Probe(on: scene.peer)
      let bound = try await probe.bind(SocketAddress(scene.peerIP(.v4), port: 0))
      try Self.send([[1]], to: bound, by: socket)
      await probe.waitFor(1)
      let before = socket.mappedAddress
      socket.networkChanged()
      try await Self.until(scene.client) { socket.mappedAddress != before }
      try Self.send([[2]], to: bound, by: socket)
      await probe.waitFor(2)
      try await probe.send([3], to: socket.localAddress)
      try await Self.until(scene.client) { memory.received.map(\.bytes) == [[3]] }
      #expect(await relay.core.allocationCount == 1)
      #expect(memory.errors.isEmpty)
      socket.close()
      try await Self.until(scene.client) { await relay.core.allocations.isEmpty }
      await relay.stop()
      await probe.close()
    }
  }

  @Test("tells of peers that the relay does not let in, and refuses those whom it cannot reach")
  func refused() async throws {
    try await RelayWorld.simulated.run { scene in
      var script = ScriptedRelayCore.Script()
      script.forbidden = [scene.peerIP(.v4)]
      let relay = ScriptedRelay(on: scene.server, script)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      let socket = try await RelayClient.allocate(at: [Self.server(address)], on: scene.client)
      let memory = Memory(of: socket)
      let bound = SocketAddress(scene.peerIP(.v4), port: 7)
      try Self.send([[1]], to: bound, by: socket)
      try await Self.until(scene.client) { !memory.failures.isEmpty }
      #expect(memory.failures.map(\.reason) == [.prohibited] && memory.failures.map(\.destination) == [bound])
      let strange = SocketAddress(.loopback(.v6), port: 1)
      #expect(throws: NetworkError.unusableDestination(strange)) {
        try Self.send([[1]], to: strange, by: socket)
      }
      socket.close()
      try await scene.client.sleep(for: .seconds(1))
      await relay.stop()
    }
  }

  @Test("changes nothing for whatever strangers send, nor the relay's own nonsense")
  func hostile() async throws {
    try await RelayWorld.simulated.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      let socket = try await RelayClient.allocate(at: [Self.server(address)], on: scene.client)
      let memory = Memory(of: socket)
      let probe = Probe(on: scene.peer)
      let bound = try await probe.bind(SocketAddress(scene.peerIP(.v4), port: 0))
      try Self.send([[1]], to: bound, by: socket)
      await probe.waitFor(1)
      let client = try #require(socket.mappedAddress)
      // A stranger who knows the channel and the address.
      try await probe.send([0x40, 0, 0, 1, 9], to: client)
      var writer = STUNMessageWriter()
      var random = SeededRandom(3)
      // From somebody who was never let in; a refusal and a success of nothing; a request.
      writer.begin(.indication, .data, TransactionID(using: &random))
      writer.add(.xorPeerAddress, masked: SocketAddress(IPAddress(9, 9, 9, 9), port: 9))
      writer.add(.data, [1, 2, 3].span.bytes)
      await relay.send(writer.copy, to: client)
      for messageClass in [STUNClass.request, .success, .failure] {
        for method in [STUNMethod.allocate, .refresh, .channelBind, .createPermission] {
          writer.begin(messageClass, method, TransactionID(using: &random))
          writer.add(.lifetime, UInt32(0))
          if messageClass == .failure { writer.add(.allocationMismatch) }
          await relay.send(writer.copy, to: client)
        }
      }
      await relay.send([0x40, 0, 0, 200, 9], to: client)
      await relay.send([0x40, 9, 0, 1, 9], to: client)
      await relay.send([0x4F, 0xFF, 0, 0], to: client)
      await relay.send([0x40], to: client)
      for size in 0..<200 { await relay.send(random.bytes(size + 1), to: client) }
      try await scene.client.sleep(for: .seconds(1))
      #expect(memory.received.isEmpty && memory.errors.isEmpty && memory.failures.isEmpty)
      await relay.send([0x40, 0, 0, 1, 9], to: client)
      try await scene.client.sleep(for: .seconds(1))
      #expect(memory.received.map(\.bytes) == [[9]])
      socket.close()
      try await scene.client.sleep(for: .seconds(1))
      await relay.stop()
      await probe.close()
    }
  }

  @Test("tells a sender over TCP to wait, and when to go on, and loses nothing")
  func waits() async throws {
    var link = LinkConfiguration(latency: .milliseconds(10))
    link.bitsPerSecond = 5_000_000
    try await RelayWorld.simulate(seed: 2, link: link) { scene in
      let relay = ScriptedRelay(on: scene.server)
      let address = try await relay.listen(at: SocketAddress(scene.serverIP(.v4), port: 0))
      let socket = try await RelayClient.allocate(at: [Self.server(address, .tcp)], on: scene.client)
      let peer = SocketAddress(scene.peerIP(.v4), port: 9)
      try Self.send([[1]], to: peer, by: socket)
      try await scene.client.sleep(for: .seconds(1))
      let sender = Sender(socket, to: peer, count: 2000)
      sender.goOn()
      #expect(sender.left > 1000 && sender.waits == 1)
      try await Self.until(scene.client, .seconds(60)) { sender.left == 0 }
      #expect(sender.waits > 3)
      try await Self.until(scene.client, .seconds(60)) { await relay.carried.channels == 2001 }
      socket.close()
      try await scene.client.sleep(for: .seconds(1))
      await relay.stop()
    }
  }

  /// Sends so many datagrams, and waits whenever it is told to.
  private final class Sender: @unchecked Sendable {
    // It is used on the client's machine alone: hence `@unchecked`.
    let socket: RelayedSocket
    let peer: SocketAddress
    private(set) var left: Int
    private(set) var waits = 0
    private var outbox = DatagramOutbox(byteCapacity: 50_000)

    init(_ socket: RelayedSocket, to peer: SocketAddress, count: Int) {
      self.socket = socket
      self.peer = peer
      left = count
    }

    func goOn() {
      let payload = [UInt8](repeating: 3, count: 1000)
      while left > 0 || !outbox.isEmpty {
        while left > 0, outbox.append(payload.span.bytes, to: peer) { left -= 1 }
        do { try socket.send(&outbox) } catch {
          Issue.record("\(error)")
          return
        }
        guard outbox.isEmpty else {
          waits += 1
          socket.onWritable = { [unowned self] in goOn() }
          return
        }
      }
    }
  }

  @Test("says which datagram to whom is too large with what the relay needs besides, and sends the next")
  func tooLarge() async throws {
    try await RelayWorld.simulated.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      let socket = try await RelayClient.allocate(at: [Self.server(address)], on: scene.client)
      let probe = Probe(on: scene.peer)
      let peer = try await probe.bind(SocketAddress(scene.peerIP(.v4), port: 0))
      try Self.send([[1]], to: peer, by: socket)
      await probe.waitFor(1)
      // 20 bytes of IP, 8 of UDP and 4 of the channel: one too many.
      let large = [UInt8](repeating: 2, count: 1469)
      #expect(throws: NetworkError.datagramTooLarge(size: 1469, to: peer)) {
        try Self.send([large], to: peer, by: socket)
      }
      try Self.send([Array(large.dropLast())], to: peer, by: socket)
      await probe.waitFor(2)
      #expect(await probe.received.map(\.bytes.count) == [1, 1468])
      socket.close()
      try await scene.client.sleep(for: .seconds(1))
      await relay.stop()
      await probe.close()
    }
  }

  @Test(
    "is let go of when it is closed or lost, and when its machine is",
    arguments: RelayWorld.allCases, [RelayServerAddress.Transport.udp, .tcp])
  func freed(world: RelayWorld, transport: RelayServerAddress.Transport) async throws {
    nonisolated(unsafe) var kept: [() -> RelayedSocket?] = []
    try await world.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let any = SocketAddress(scene.serverIP(.v4), port: 0)
      let address = transport == .udp ? try await relay.start(at: any) : try await relay.listen(at: any)
      for end in 0..<3 {
        let socket = try await RelayClient.allocate(at: [Self.server(address, transport)], on: scene.client)
        socket.onDatagrams = { _ in }
        if end == 0 {
          socket.close()
          try await Self.until(scene.client) { await relay.core.allocations.isEmpty }
        } else if end == 1 {
          await relay.change { $0.allocations = [:] }
          nonisolated(unsafe) var isLost = false
          socket.onLost = { _ in isLost = true }
          socket.networkChanged()
          try await Self.until(scene.client) { isLost }
        }
        kept.append { [weak socket] in socket }
      }
      await relay.stop()
    }
    for (end, socket) in kept.enumerated() { #expect(socket() == nil, "\(end)") }
  }
}
