import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A relay's core")
struct RelayServerCoreTests {
  private let client = RelayScene.client()
  private let peer = RelayScene.peer
  private typealias Fill = (inout STUNMessageWriter) -> Void
  private static func udp(_ writer: inout STUNMessageWriter) { writer.put(.requestedTransport, 17 << 24) }

  @Test("gives a client an address, says where the client is, and for how long")
  func allocate() throws {
    let scene = RelayScene()
    let answer = try scene.ask(.allocate, from: client, Self.udp)
    let relayed = try #require(try answer.values(.xorRelayedAddress).first)
    #expect(relayed.ip == RelayScene.relayIP && scene.open.values.contains(relayed))
    #expect(try answer.values(.xorMappedAddress) == [client.address])
    #expect(try answer.number(.lifetime) == 600)
    #expect(scene.core.allocationCount == 1 && scene.core.counters.made == 1)
  }

  @Test("answers the same request alike, and refuses another")
  func retransmission() throws {
    let scene = RelayScene()
    let bytes = try scene.signed(.allocate, from: client, Self.udp)
    let first = try #require(try scene.say(bytes, from: client))
    #expect(try scene.say(bytes, from: client)?.bytes == first.bytes)
    scene.pass(.seconds(2))
    let late = try #require(try scene.say(bytes, from: client))
    #expect(try late.values(.xorRelayedAddress) == first.values(.xorRelayedAddress))
    #expect(try late.number(.lifetime) == 598)
    #expect(try scene.refusal(.allocate, from: client, Self.udp) == .allocationMismatch)
    let bob = RelayScene.User(name: "bob", password: "hidden")
    #expect(try scene.refusal(.allocate, from: client, as: bob, Self.udp) == .allocationMismatch)
    #expect(scene.open.count == 1)
  }

  @Test("tells clients apart by address, port, the server's socket and its address")
  func clients() throws {
    let scene = RelayScene()
    let address = client.address
    let others = [
      client, RelayScene.client(1, port: 4001), RelayScene.client(2), ServedClient(address, at: 1),
      ServedClient(address, at: 0, localIP: RelayScene.relayIP), ServedClient(address, connection: 0),
      ServedClient(address, connection: 1),
    ]
    var found: Set<SocketAddress> = []
    for other in others { found.insert(try scene.allocate(other)) }
    #expect(found.count == others.count)
    // A connection that has ended takes its own along, and no other.
    scene.hangUp(others[5])
    #expect(scene.core.allocationCount == others.count - 1 && scene.open.count == others.count - 1)
  }

  @Test("says what is wrong with a request for an address, in the RFC's words")
  func impossible() throws {
    let scene = RelayScene()
    let cases: [(STUNErrorCode, [Fill])] = [
      (.badRequest, []), (.unsupportedTransport, [{ $0.put(.requestedTransport, 132 << 24) }]),
      // TCP is for who has come over TCP (RFC 6062, 5.1).
      (.badRequest, [{ $0.put(.requestedTransport, 6 << 24) }]),
      (.badRequest, [{ $0.put(.requestedTransport, bytes: [17]) }]),
      (.unknownAttribute, [Self.udp, { $0.put(.padding, 1) }]),
      (.addressFamilyNotSupported, [Self.udp, { $0.put(.requestedAddressFamily, 3 << 24) }]),
      (.badRequest, [Self.udp, { $0.put(.additionalAddressFamily, 1 << 24) }]),
      (
        .badRequest,
        [
          Self.udp, { $0.put(.additionalAddressFamily, 2 << 24) },
          { $0.put(.requestedAddressFamily, 1 << 24) },
        ]
      ),
      (.badRequest, [Self.udp, { $0.add(.evenPort) }]),
      (
        .badRequest,
        [
          Self.udp, { $0.put(.evenPort, bytes: [0x80]) },
          { $0.put(.additionalAddressFamily, 2 << 24) },
        ]
      ),
      (.badRequest, [Self.udp, { $0.put(.evenPort, bytes: [0]) }, { $0.put(.reservationToken, long: 1) }]),
      (.badRequest, [Self.udp, { $0.put(.reservationToken, 1) }]),
      (
        .badRequest,
        [Self.udp, { $0.put(.requestedAddressFamily, 1 << 24) }, { $0.put(.reservationToken, long: 1) }]
      ),
      (.insufficientCapacity, [Self.udp, { $0.put(.reservationToken, long: 1) }]),
    ]
    for (number, (code, parts)) in cases.enumerated() {
      let answer = try scene.ask(.allocate, from: client) { for part in parts { part(&$0) } }
      #expect(answer.error == code, "case \(number)")
      #expect(answer.reason == code.reason && answer.integrity == .sha1)
    }
    let unknown = try scene.ask(.allocate, from: client) {
      Self.udp(&$0)
      $0.put(.padding, 1)
    }
    #expect(try unknown.value(.unknownAttributes) == [0x00, 0x26])
    scene.hasPorts = false
    #expect(try scene.refusal(.allocate, from: client, Self.udp) == .insufficientCapacity)
    #expect(scene.core.allocationCount == 0 && scene.core.counters.portless == 1)
    scene.hasPorts = true
    try scene.allocate(client)
  }

  @Test("gives addresses of either family, or both, and says why there is only one")
  func families() throws {
    let scene = RelayScene()
    let v6: Fill = { $0.put(.requestedAddressFamily, 2 << 24) }
    let both: Fill = { $0.put(.additionalAddressFamily, 2 << 24) }
    #expect(try scene.allocate(client, v6).ip == RelayScene.relayIPv6)
    #expect(try scene.permit(peer, from: client) == .peerAddressFamilyMismatch)
    #expect(try scene.bind(0x4000, to: peer, from: client) == .peerAddressFamilyMismatch)
    #expect(try scene.permit(RelayScene.peerV6, from: client) == nil)
    #expect(try scene.permit(RelayScene.peerV6, peer, from: client) == .peerAddressFamilyMismatch)

    let second = RelayScene.client(2)
    let answer = try scene.ask(.allocate, from: second) {
      Self.udp(&$0)
      both(&$0)
    }
    #expect(try answer.values(.xorRelayedAddress).map(\.ip) == [RelayScene.relayIP, RelayScene.relayIPv6])
    #expect(try scene.permit(peer, RelayScene.peerV6, from: second) == nil)
    // One of them is given back, and the other stays.
    let wrong = try scene.ask(.refresh, from: client) { $0.put(.requestedAddressFamily, 1 << 24) }
    #expect(wrong.error == .peerAddressFamilyMismatch)
    _ = try scene.ask(.refresh, from: second) {
      $0.put(.lifetime, 0)
      $0.put(.requestedAddressFamily, 1 << 24)
    }
    #expect(scene.core.allocationCount == 2 && scene.open.count == 2)
    #expect(try scene.permit(peer, from: second) == .peerAddressFamilyMismatch)
    #expect(try scene.permit(RelayScene.peerV6, from: second) == nil)

    let old = RelayScene { $0.addresses = [RelayAddress(RelayScene.relayIP)] }
    #expect(
      try old.refusal(.allocate, from: client) {
        Self.udp(&$0)
        v6(&$0)
      } == .addressFamilyNotSupported)
    let one = try old.ask(.allocate, from: client) {
      Self.udp(&$0)
      both(&$0)
    }
    #expect(try one.values(.xorRelayedAddress).count == 1 && one.messageClass == .success)
    #expect(try one.value(.addressErrorCode) == [2, 0, 4, 40])
  }

  @Test("gives an even port, and keeps the next for whoever has the token, for half a minute")
  func evenPorts() throws {
    let scene = RelayScene()
    func pair(_ client: ServedClient) throws -> (SocketAddress, UInt64) {
      let answer = try scene.ask(.allocate, from: client) {
        Self.udp(&$0)
        $0.put(.evenPort, bytes: [0x80])
      }
      let token = try #require(try answer.value(.reservationToken))
      return (try answer.values(.xorRelayedAddress)[0], token.reduce(0) { $0 << 8 | UInt64($1) })
    }
    let even = try scene.allocate(RelayScene.client(9)) { $0.put(.evenPort, bytes: [0]) }
    #expect(even.port % 2 == 0)
    let (first, token) = try pair(client)
    #expect(first.port % 2 == 0)
    let bob = RelayScene.User(name: "bob", password: "hidden")
    let use: Fill = { $0.put(.reservationToken, long: token) }
    #expect(
      try scene.refusal(.allocate, from: RelayScene.client(3), as: bob) {
        Self.udp(&$0)
        use(&$0)
      } == .insufficientCapacity)
    let second = try scene.allocate(RelayScene.client(2), use)
    #expect(second.port == first.port + 1)
    #expect(
      try scene.refusal(.allocate, from: RelayScene.client(4)) {
        Self.udp(&$0)
        use(&$0)
      } == .insufficientCapacity)

    let (_, late) = try pair(RelayScene.client(5))
    #expect(late != token && scene.kept.count == 1)
    scene.pass(.seconds(30))
    #expect(scene.kept.isEmpty)
    #expect(
      try scene.refusal(.allocate, from: RelayScene.client(6)) {
        Self.udp(&$0)
        $0.put(.reservationToken, long: late)
      } == .insufficientCapacity)
    for number in 0..<RelayLimits.reservations { _ = try pair(RelayScene.client(100 + number)) }
    #expect(
      try scene.refusal(.allocate, from: RelayScene.client(7)) {
        Self.udp(&$0)
        $0.put(.evenPort, bytes: [0x80])
      } == .insufficientCapacity)
  }

  @Test("keeps an address as long as was wished for, but ten minutes at least and an hour at most")
  func lifetimes() throws {
    for (wish, given) in [(nil, 600), (1, 600), (600, 600), (601, 601), (3600, 3600), (UInt32.max, 3600)] {
      let scene = RelayScene()
      let answer = try scene.ask(.allocate, from: client) {
        Self.udp(&$0)
        if let wish { $0.put(.lifetime, Int(UInt32(wish))) }
      }
      #expect(try answer.number(.lifetime) == UInt32(given))
      #expect(scene.core.nextDeadline == scene.now.advanced(by: .seconds(given)))
      scene.pass(.seconds(given) - .nanoseconds(1))
      #expect(scene.core.allocationCount == 1)
      scene.pass(.nanoseconds(1))
      #expect(scene.core.allocationCount == 0 && scene.open.isEmpty)
      #expect(scene.core.nextDeadline == nil)
    }
  }

  @Test("is asked to keep an address, or gets it back")
  func refresh() throws {
    let scene = RelayScene()
    #expect(try scene.refusal(.refresh, from: client) == .allocationMismatch)
    try scene.allocate(client)
    scene.pass(.seconds(500))
    #expect(try scene.ask(.refresh, from: client).number(.lifetime) == 600)
    #expect(try scene.ask(.refresh, from: client) { $0.put(.lifetime, 900) }.number(.lifetime) == 900)
    #expect(try scene.refusal(.refresh, from: client) { $0.put(.lifetime, long: 900) } == .badRequest)
    scene.pass(.seconds(899))
    #expect(scene.core.allocationCount == 1)
    let bytes = try scene.signed(.refresh, from: client) { $0.put(.lifetime, 0) }
    let answer = try #require(try scene.say(bytes, from: client))
    #expect(try answer.messageClass == .success && answer.number(.lifetime) == 0)
    #expect(scene.core.allocationCount == 0 && scene.open.isEmpty)
    // Its answer was lost: who gives back what he has not is told so, and has what he wanted.
    #expect(try scene.say(bytes, from: client)?.error == .allocationMismatch)
    try scene.allocate(client)
  }

  @Test("understands what is said with an indication, or passes over all of it")
  func indications() throws {
    let scene = RelayScene()
    #expect(try scene.send("x", to: peer, from: client) == nil)
    try scene.allocate(client)
    #expect(try scene.permit(peer, from: client) == nil)
    #expect(try scene.send("", to: peer, from: client) != nil)
    #expect(try scene.send("x", to: peer, from: client)?.isWhole == false)
    #expect(try scene.send("x", to: peer, from: client) { $0.add(.dontFragment) }?.isWhole == true)
    #expect(try scene.send("x", to: peer, from: client) { $0.put(.padding, 1) } == nil)
    #expect(try scene.send("x", to: peer, from: client) { $0.add(.software, "it") } != nil)
    #expect(try scene.send("x", to: SocketAddress(peer.ip, port: 0), from: client) == nil)
    for fill in [{ $0.add(.data, "x") }, { $0.add(.xorPeerAddress, masked: peer) }] as [Fill] {
      #expect(try scene.say(scene.request(.send, .indication, fill), from: client) == nil)
      guard case .none = scene.reaction else {
        Issue.record("half an indication was relayed")
        continue
      }
    }
  }

  @Test("answers what somebody's address is, and nothing else for nothing")
  func binding() throws {
    let scene = RelayScene()
    let answer = try #require(try scene.say(scene.request(.binding), from: client))
    #expect(try answer.values(.xorMappedAddress) == [client.address])
    let wish = scene.request(.binding) { $0.put(.changeRequest, 6) }
    #expect(try scene.say(wish, from: client)?.error == .unknownAttribute)
    let marked = scene.request(.binding) { $0.addFingerprint() }
    let reply = try #require(try scene.say(marked, from: client))
    let message = try STUNMessage(reply.bytes.span.bytes)
    let isMarked = message.hasFingerprint
    #expect(isMarked)
  }

  @Test("announces an address that a NAT gives it, and knows itself by both")
  func announced() throws {
    let outside = IPAddress(34, 5, 6, 7)
    let scene = RelayScene { $0.addresses = [RelayAddress(IPAddress(192, 168, 7, 1), announced: outside)] }
    let relayed = try scene.allocate(client)
    #expect(relayed.ip == outside)
    #expect(scene.open.values.map(\.ip) == [IPAddress(192, 168, 7, 1)])
    let second = RelayScene.client(2)
    let other = try scene.allocate(second)
    #expect(try scene.bind(0x4000, to: other, from: client) == nil)
    #expect(scene.passage(0x4000, from: client)?.inside == scene.core.slot(of: second))
    #expect(try scene.permit(SocketAddress(IPAddress(192, 168, 7, 1), port: 1), from: client) == .forbidden)
  }

  @Test("lets only so much pass, of each and of all")
  func bandwidth() throws {
    let scene = RelayScene {
      $0.bandwidth = 1_000_000
      $0.totalBandwidth = 1_500_000
    }
    let others = [client, RelayScene.client(2)]
    var passed = [0, 0]
    let slots = try others.map {
      try scene.allocate($0)
      let slot = scene.core.slot(of: $0)
      return try #require(slot)
    }
    for _ in 0..<10_000 {
      scene.pass(.milliseconds(1))
      for (number, slot) in slots.enumerated() where scene.core.spend(1_200, of: slot, at: scene.now) {
        passed[number] += 1_200
      }
    }
    let sum = passed[0] + passed[1]
    #expect(sum > 14_900_000 && sum < 15_400_000, "\(sum)")
    #expect(passed.allSatisfy { $0 > 4_000_000 && $0 < 10_300_000 }, "\(passed)")
    #expect(scene.core.counters.overBandwidth == 20_000 - sum / 1_200)
  }

  @Test("may be told at any time how much there may be, which ends nothing that there is")
  func changedLimits() throws {
    let scene = RelayScene { $0.bandwidth = nil }
    try scene.allocate(client)
    let found = scene.core.slot(of: client)
    let slot = try #require(found)
    func passed() -> Int {
      (0..<1_000).count { _ in
        scene.pass(.milliseconds(1))
        return scene.core.spend(1_200, of: slot, at: scene.now)
      }
    }
    #expect(passed() == 1_000)
    scene.core.limit(allocations: 1, totalBandwidth: 120_000)
    let first = passed()
    #expect((100...160).contains(first), "\(first)")
    #expect(try scene.refusal(.allocate, from: RelayScene.client(2), Self.udp) == .insufficientCapacity)
    scene.core.limit(allocations: 2, totalBandwidth: nil)
    #expect(passed() == 1_000)
    try scene.allocate(RelayScene.client(2))
    #expect(scene.core.allocationCount == 2)
  }
}
