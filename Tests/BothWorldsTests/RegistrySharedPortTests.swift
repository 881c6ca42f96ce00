import TestSupport
import Testing
import Warren

@testable import WarrenRegistry
@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A port that a registry and its relay share")
struct RegistrySharedPortTests {
  /// Somebody whose one port has connections, and an address of the relay's. Used on its machine's executor alone.
  private final class Lodger: @unchecked Sendable {
    let machine: any Machine
    let endpoint: QUICEndpoint
    let client: RegistryClient
    let socket: any UDPSocket
    let remote: SocketAddress
    /// What came and is not QUIC's.
    let inbox = RelayInbox()

    init(_ scene: RegistryRelayScene) async throws {
      machine = scene.machines.alice
      remote = scene.remote
      var random = machine.random
      let key = PrivateKey(using: &random)
      socket = try machine.bindUDP(to: .any(.v4))
      endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["warren/1"]))
      nonisolated(unsafe) let unchecked = socket
      await endpoint.use(unchecked)
      let (inbox, remote) = (inbox, remote)
      await endpoint.receiveOthers(
        { datagram, _ in inbox.take(datagram) }, claiming: { datagram, _ in datagram.source == remote })
      client = try RegistryClient(scene.address, over: endpoint, with: key)
      await client.start()
      try await client.announce(Announcement())
    }

    func ask(
      _ method: STUNMethod, _ grant: RelayGrant, _ scene: RegistryRelayScene,
      _ fill: (inout STUNMessageWriter) -> Void
    ) async throws -> [UInt8] {
      // Its nonce is good, whatever the port.
      let challenge = try #require(grant.challenge)
      var random = machine.random
      var writer = STUNMessageWriter()
      writer.begin(.request, method, TransactionID(using: &random))
      fill(&writer)
      writer.add(.username, grant.username)
      writer.add(.realm, challenge.realm)
      writer.add(.nonce, challenge.nonce.span.bytes)
      writer.sign(with: STUNKey(username: grant.username, realm: challenge.realm, password: grant.password))
      let before = inbox.received.count
      try send(writer.copy, to: remote, by: socket)
      try await scene.until { [inbox] in inbox.received.count > before }
      let answer = try #require(inbox.received.last?.bytes)
      let message = try STUNMessage(answer.span.bytes)
      let isSuccess = message.messageClass == .success
      #expect(isSuccess)
      return answer
    }

    func close() async {
      await client.close()
      await endpoint.close()
      socket.close()
    }
  }

  @Test(
    "tells apart a connection's packets and a channel's that begin alike and come from one port",
    arguments: TwoMachines.allCases)
  func mixed(world: TwoMachines) async throws {
    try await RegistryRelayScene.run(world) { scene in
      let lodger = try await Lodger(scene)
      let grant = try #require(await lodger.client.relayGrant)
      let probe = Probe(on: scene.machines.alice)
      let peer = SocketAddress(scene.machines.aliceIP(.v4), port: try await probe.bind().port)
      let answer = try await lodger.ask(.allocate, grant, scene) {
        $0.add(.requestedTransport, 17 << 24 as UInt32)
      }
      let relayed = try #require(try STUNMessage(answer.span.bytes).maskedAddress(.xorRelayedAddress))
      let channels = [0x4000, 0x4ABC, 0x4FFF] as [UInt16]
      _ = try await lodger.ask(.channelBind, grant, scene) {
        $0.add(.channelNumber, UInt32(channels[1]) << 16)
        $0.add(.xorPeerAddress, masked: peer)
      }
      let before = try #require(await scene.server.relayCounters)
      let came = lodger.inbox.received.count
      let payload = [UInt8](repeating: 9, count: 300)
      let rounds = 300
      for round in 0..<rounds {
        try send(
          channelFrame(channels[1], payload, padded: false), to: scene.remote, by: lodger.socket)
        // Each is some packets of a connection, both ways, of which one in four begins like a channel.
        _ = try await lodger.client.list()
        if round % 10 == 0 { try await probe.send([UInt8(round & 255)], to: relayed) }
      }
      await probe.waitFor(rounds)
      #expect(await probe.received.count == rounds)
      #expect(await probe.received.allSatisfy { $0.bytes == payload && $0.from == relayed })
      try await scene.until { lodger.inbox.received.count == came + rounds / 10 }
      #expect(lodger.inbox.received.dropFirst(came).allSatisfy { $0.bytes.starts(with: [0x4A, 0xBC]) })
      let after = try #require(await scene.server.relayCounters)
      #expect(after.toPeers - before.toPeers == rounds)
      // Nothing of the connection was taken for a channel.
      #expect(after.unpermitted == before.unpermitted && after.ignored == before.ignored)
      #expect(await scene.server.counters.sessions == 1)
      await lodger.close()
      await probe.close()
    }
  }

  @Test(
    "still says who is where, and by STUN what one's address is, in writing", arguments: TwoMachines.allCases)
  func binding(world: TwoMachines) async throws {
    try await RegistryRelayScene.run(world) { scene in
      let (guest, _) = try await scene.guest()
      let probe = Probe(on: scene.machines.alice)
      let port = try await probe.bind().port
      var random = scene.machines.alice.random
      var writer = STUNMessageWriter()
      writer.begin(.request, .binding, TransactionID(using: &random))
      writer.add(.attestation, 0 as UInt64)
      try await probe.send(writer.copy, to: scene.remote)
      await probe.waitFor(1)
      let answer = try #require(await probe.received.first?.bytes)
      let message = try STUNMessage(answer.span.bytes)
      let (mapped, proof) = (message.mappedAddress, message.longNumber(.attestation))
      #expect(mapped?.port == port)
      #expect(proof != nil && proof != 0)
      // A channel's words of somebody who has none are a stray packet of a connection's.
      try await probe.send(
        channelFrame(0x4000, [UInt8](repeating: 1, count: 100), padded: false), to: scene.remote)
      await probe.waitFor(2)
      #expect(await probe.received.count == 2)
      let first = try #require(await probe.received.last?.bytes.first)
      #expect(first & 0xC0 == 0x40)
      await probe.close()
      await guest.close()
    }
  }
}
