import TestSupport
import Testing
import Warren
import WarrenSimulator

/// Alice and mallory in one home, bob in another. Mallory sees what passes, and sends what she likes in whose name she
/// likes.
@Suite("Who sees and forges packets on the network")
struct ForgeryTests {
  private static let credentials = (fragment: "bobs", password: "bobsOwnPassword1234567")

  private static let mark: UInt8 = 77

  private static func world(seed: UInt64) -> World {
    World(seed: seed) {
      NAT("home", .portRestrictedCone) {
        Machine("alice")
        Machine("mallory")
      }
      Machine("bob").behind(.portRestrictedCone)
      Server("stun")
    }
  }

  /// What mallory makes of a check of alice's: the answer that bob would give, as well as she can write it.
  private enum Answer: CaseIterable {
    case unsigned, wronglySigned, signedWithAlicesName, truncated, echoed

    func bytes(to check: borrowing STUNMessage, copy: [UInt8], mapped: SocketAddress) -> [UInt8] {
      var writer = STUNMessageWriter()
      writer.begin(.success, .binding, check.transactionID)
      writer.add(.xorMappedAddress, masked: mapped)
      switch self {
      case .unsigned: break
      case .wronglySigned: writer.sign(with: STUNKey(password: "mallory's own password"), .sha1)
      case .signedWithAlicesName:
        writer.sign(with: STUNKey(password: ForgeryTests.credentials.fragment), .sha256)
      case .truncated:
        writer.sign(with: STUNKey(password: "x"), .sha1)
        return Array(writer.copy.dropLast(8))
      case .echoed: return copy
      }
      writer.addFingerprint()
      return writer.copy
    }
  }

  @Test("cannot answer for a peer who is not there", arguments: 1...5 as ClosedRange<UInt64>)
  func answers(seed: UInt64) async throws {
    let world = Self.world(seed: seed)
    try await world.run { world in
      let (alice, mallory) = (world.machine("alice"), world.machine("mallory"))
      let puncher = HolePuncher(
        on: alice, role: .controlling, try await .asking(world.machine("stun"), at: [3478]))
      var forged = 0
      let bobsAddress = SocketAddress(world.box("bob's NAT").outsideAddress, port: 4000)
      mallory.eavesdrop { packet in
        guard case .udp(let payload) = packet.content, packet.source.ip == alice.address(),
          packet.destination == bobsAddress, payload.count > 20
        else { return }
        let bytes = payload.bytes
        guard let check = try? STUNMessage(bytes.span.bytes), check.messageClass == .request else { return }
        for answer in Answer.allCases {
          forged += 1
          let content = answer.bytes(to: check, copy: bytes, mapped: packet.source)
          mallory.forge(Packet(from: packet.destination, to: packet.source, .udp(Payload(content))))
        }
      }
      try await puncher.start()
      let description = ICEDescription(
        usernameFragment: Self.credentials.fragment, password: Self.credentials.password,
        candidates: [Candidate(.host, at: bobsAddress, priority: 1000, foundation: "1")])
      await puncher.receive(PunchSignal(.description(description)))
      try await alice.sleep(for: .seconds(20))
      #expect(forged > 20)
      #expect(await puncher.paths.isEmpty)
      #expect(await puncher.counters.unsigned > 10)
      await puncher.close()
    }
  }

  /// Who changes what STUN servers answer, which nobody signs, can keep two from meeting. To meet one of them instead is
  /// another thing.
  @Test(
    "cannot take part in a connection of others, whatever they change and send again",
    arguments: 1...10 as ClosedRange<UInt64>, [false, true])
  func meddles(seed: UInt64, withServers: Bool) async throws {
    let world = Self.world(seed: seed)
    try await world.run { world in
      let (alice, mallory, bob) = (world.machine("alice"), world.machine("mallory"), world.machine("bob"))
      let (a, b) = HolePuncher.pair(
        on: alice, bob, try await .asking(world.machine("stun"), at: [3478]))
      var random = mallory.random
      mallory.eavesdrop { packet in
        // She must not answer to her own packets for ever: those that she has changed bear a mark.
        guard case .udp(let payload) = packet.content, payload.count > 20,
          packet.source.ip != mallory.address(),
          packet.destination.ip != mallory.address(), packet.hopLimit != Self.mark,
          withServers || (packet.source.port != 3478 && packet.destination.port != 3478)
        else { return }
        // The same from herself; and changed in one place, in the name of who sent it.
        var copy = packet
        copy.source = SocketAddress(mallory.address(), port: 5000)
        mallory.forge(copy)
        var bytes = payload.bytes
        let place = Int.random(in: 0..<bytes.count, using: &random)
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        var changed = packet
        changed.content = .udp(Payload(bytes))
        changed.hopLimit = Self.mark
        mallory.forge(changed)
      }
      let opened = Opened()
      for puncher in [a, b] {
        puncher.machine.spawn("events") {
          for await event in puncher.events {
            if case .opened(let path) = event {
              opened.remotes.append((puncher.machine.name, path.remote.ip))
            }
          }
        }
      }
      try await a.start()
      try await b.start()
      try await alice.sleep(for: .seconds(35))
      let (homeOfAlice, homeOfBob) = (world.box("home").outsideAddress, world.box("bob's NAT").outsideAddress)
      for (name, ip) in opened.remotes { #expect(ip == (name == "alice" ? homeOfBob : homeOfAlice)) }
      if !withServers {
        #expect(await a.selectedPath?.remote.ip == homeOfBob)
        #expect(await b.selectedPath?.remote.ip == homeOfAlice)
      }
      await a.close()
      await b.close()
    }
  }

  private final class Opened: @unchecked Sendable {
    // Used on the world's thread alone.
    var remotes: [(String, IPAddress)] = []
  }
}
