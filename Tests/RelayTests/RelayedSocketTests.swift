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
    _ machine: any Machine, _ limit: Duration = .seconds(10), _ isSo: @Sendable () async throws -> Bool
  ) async throws {
    let end = machine.now.advanced(by: limit)
    while try await !isSo() {
      guard machine.now < end else {
        Issue.record("it did not become so")
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
}
