import TestSupport
import Testing
import WarrenLaboratory
import WarrenSimulator

@testable import Warren

/// Alice wants nothing but relays; Bob is like all others.
@Suite("A peer that is reached by relays alone")
struct HiddenPeerTests {
  static let places: [Place] = [.public, .portRestricted, .blocked]

  private static func world(_ alice: Place, _ bob: Place) -> World {
    World(seed: 1) {
      alice.node("alice")
      bob.node("bob")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
  }

  /// The addresses that the world knows a machine by.
  private static func addresses(of name: String, _ place: Place, in world: World) -> [IPAddress] {
    [world.machine(name).address()] + (place.boxes.isEmpty ? [] : [world.box("\(name)'s NAT").outsideAddress])
  }

  /// Packets of alice's to bob or his relay, or back, and those of STUN's that tell bob where she is. Used on the world's thread
  /// alone.
  private final class Wire: @unchecked Sendable {
    var straight = 0
    var telling = 0

    init(_ world: World, from hidden: [IPAddress], to others: [IPAddress]) {
      world.machine("registry").eavesdrop { packet in
        let (source, destination) = (packet.source.ip, packet.destination.ip)
        if hidden.contains(source) && others.contains(destination)
          || others.contains(source) && hidden.contains(destination)
          || hidden.contains(source) && packet.destination.port != RegistryAddress.port
        {
          self.straight += 1
        }
        guard others.contains(destination), case .udp(let payload) = packet.content else { return }
        let bytes = payload.bytes
        // RFC 8489, 5: the cookie, with which addresses are mixed.
        let cookie: [UInt8] = [0x21, 0x12, 0xA4, 0x42]
        guard bytes.count > 20, bytes[0] < 4, Array(bytes[4..<8]) == cookie else { return }
        for ip in hidden {
          let mixed = zip(HiddenPeerTests.bytes(ip), cookie).map { $0 ^ $1 }
          if bytes.contains(mixed) { self.telling += 1 }
        }
      }
    }
  }

  static func bytes(_ ip: IPAddress) -> [UInt8] { (0..<4).map { UInt8(ip.low >> (24 - 8 * $0) & 0xFF) } }

  @Test(
    "sends the other side nothing straight, and has nobody tell it where it is", arguments: places, places)
  func packets(alice: Place, bob: Place) async throws {
    for callsBob in [true, false] {
      try await Self.world(alice, bob).run { world in
        let setting = try await PeerSetting(in: world, relays: true)
        let wire = Wire(
          world, from: Self.addresses(of: "alice", alice, in: world),
          to: Self.addresses(of: "bob", bob, in: world))
        let a = try await setting.peer("alice") {
          $0.paths = .relayed
          $0.policy = .everyone
        }
        let b = try await setting.peer("bob") { $0.policy = .everyone }
        let connection = try await callsBob ? a.connect(to: b.id) : b.connect(to: a.id)
        // Both have offered each other what they have by then, and looked for something better.
        try await a.machine.sleep(for: .seconds(60))
        #expect(await connection.path.kind == .relayed)
        #expect(wire.straight == 0 && wire.telling == 0, "\(wire.straight) straight, \(wire.telling) tell")
        #expect(await a.connectedPeers == [b.id])
        await a.close()
        await b.close()
        await setting.close()
      }
    }
  }

  /// Somebody at the registry who hears everything. Used on the world's thread alone.
  private final class Listener: @unchecked Sendable {
    let endpoint: QUICEndpoint
    let client: RegistryClient
    let id: PeerID
    var addresses: [SocketAddress] = []
    var signals: [[UInt8]] = []
    var candidates = 0

    init(on machine: any Machine, of address: RegistryAddress) async throws {
      var random = machine.random
      let key = PrivateKey(using: &random)
      id = key.peerID
      endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["warren/1"]))
      try await endpoint.bind(to: .any(.v4))
      client = try RegistryClient(address, over: endpoint, with: key)
      await client.start()
      try await client.announce(Announcement(named: RegistryName("bob"), consent: .everyone))
      machine.spawn("what bob hears") { for await event in self.client.events { self.take(event) } }
    }

    private func take(_ event: RegistryEvent) {
      switch event {
      case .introduced(let introduction): addresses += introduction.addresses
      case .seen(_, let seen, let relays): addresses += seen + relays
      case .signal(_, let bytes):
        signals.append(bytes)
        guard case .punch(let signal) = PeerSignal(bytes) else { return }
        let told: [Candidate] =
          switch signal.content {
          case .description(let description): description.candidates
          case .candidate(let candidate): [candidate]
          default: []
          }
        candidates += told.count
        addresses += told.flatMap { [$0.address] + [$0.relatedAddress].compactMap { $0 } }
      default: break
      }
    }
  }

  @Test("tells nobody where it is, nor does the registry", arguments: places)
  func told(alice: Place) async throws {
    try await Self.world(alice, .public).run { world in
      let setting = try await PeerSetting(in: world, relays: true)
      let bob = try await Listener(on: world.machine("bob"), of: setting.address)
      let a = try await setting.peer("alice") {
        $0.paths = .relayed
        $0.policy = .everyone
      }
      let calling = a.machine.spawn("alice calls") { _ = try await a.connect(to: bob.id) }
      try await a.machine.sleep(for: .seconds(3))
      // What has changed is said again.
      await a.networkChanged()
      try await a.machine.sleep(for: .seconds(3))
      calling.cancel()
      let answer = try await bob.client.introduce(Introduction.Request(.key(a.id), at: []))
      bob.addresses += answer.addresses + (try await bob.client.find(.key(a.id)).addresses)
      try await a.machine.sleep(for: .seconds(3))
      let hidden = Self.addresses(of: "alice", alice, in: world)
      #expect(bob.candidates > 0, "a relay's")
      #expect(bob.addresses.allSatisfy { $0.ip == world.machine("registry").address() }, "\(bob.addresses)")
      for ip in hidden { #expect(!bob.signals.contains { $0.contains(Self.bytes(ip)) }) }
      await a.close()
      await bob.client.close()
      await bob.endpoint.close()
      await setting.close()
    }
  }
}
