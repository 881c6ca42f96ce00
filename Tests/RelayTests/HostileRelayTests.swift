import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A relay among hostile clients")
struct HostileRelayTests {
  private let client = RelayScene.client()
  private let peer = RelayScene.peer
  private static func udp(_ writer: inout STUNMessageWriter) { writer.put(.requestedTransport, 17 << 24) }
  private static let bob = RelayScene.User(name: "bob", password: "hidden")

  @Test("gives nothing to whoever has not proved who he is")
  func strangers() throws {
    let scene = RelayScene()
    let allowed = try scene.allocate(RelayScene.client(2))
    for method in [STUNMethod.allocate, .refresh, .createPermission, .channelBind] {
      for stranger in [client, RelayScene.client(2)] {
        let bytes = scene.request(method) {
          Self.udp(&$0)
          $0.put(.lifetime, 0)
          $0.put(.channelNumber, 0x4000_0000)
          $0.add(.xorPeerAddress, masked: peer)
        }
        let answer = try #require(try scene.say(bytes, from: stranger))
        #expect(answer.error == .unauthenticated)
      }
    }
    #expect(scene.core.allocationCount == 1 && scene.open.values.contains(allowed))
    #expect(scene.way(from: peer, to: RelayScene.client(2)) == .none)
  }

  @Test("lets nobody at what is another's, though he comes from the same address")
  func othersAllocation() throws {
    let scene = RelayScene()
    try scene.allocate(client)
    #expect(
      try scene.refusal(.refresh, from: client, as: Self.bob) { $0.put(.lifetime, 0) } == .wrongCredentials)
    for method in [STUNMethod.createPermission, .channelBind] {
      let code = try scene.refusal(method, from: client, as: Self.bob) {
        $0.put(.channelNumber, 0x4000_0000)
        $0.add(.xorPeerAddress, masked: peer)
      }
      #expect(code == .wrongCredentials)
    }
    #expect(scene.core.allocationCount == 1 && scene.core.counters.wrongUsers == 3)
    #expect(scene.way(from: peer, to: client) == .none)
  }

  @Test("is not fooled by a request that was heard on the way, or changed there")
  func replays() throws {
    let scene = RelayScene()
    let bytes = try scene.signed(.allocate, from: client, Self.udp)
    #expect(try scene.say(bytes, from: client)?.messageClass == .success)
    #expect(try scene.say(bytes, from: RelayScene.client(2))?.error == .staleNonce)
    let fresh = try scene.signed(.createPermission, from: client) { $0.add(.xorPeerAddress, masked: peer) }
    for place in STUNMessage.headerSize + 4..<fresh.count {
      var changed = fresh
      changed[place] ^= 1
      let answer = try scene.say(changed, from: client)
      #expect(answer?.messageClass != .success, "byte \(place)")
    }
    #expect(scene.way(from: peer, to: client) == .none)
  }

  @Test("relays for nobody to whom he was not let, whatever he sends")
  func bypass() throws {
    let scene = RelayScene()
    try scene.allocate(client)
    let other = RelayScene.client(2)
    try scene.allocate(other)
    #expect(try scene.bind(0x4000, to: peer, from: other) == nil)
    #expect(try scene.send("x", to: peer, from: client) == nil)
    for number in ChannelData.numbers { #expect(scene.passage(number, from: client) == nil) }
    #expect(scene.way(from: peer, to: client) == .none)
    #expect(scene.passage(0x4000, from: RelayScene.client(3)) == nil)
  }

  @Test("reaches no machine of its own network, and no port of its own")
  func inside() throws {
    let scene = RelayScene()
    try scene.allocate(client) { $0.put(.additionalAddressFamily, 2 << 24) }
    for text in [
      "127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.7.1", "192.168.1.1", "0.0.0.0", "255.255.255.255",
      "224.0.0.1", "100.64.0.1", "::1", "::", "fe80::1", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::",
      "2002:a9fe:a9fe::1", "2001:0:808:808::5601:5601", "ff02::1",
    ] {
      let ip = try IPAddress(text)
      let address = SocketAddress(ip, port: 80)
      #expect(try scene.permit(address, from: client) == .forbidden, "\(text)")
      #expect(try scene.bind(0x4000, to: address, from: client) == .forbidden, "\(text)")
      #expect(try scene.send("x", to: address, from: client) == nil)
    }
    // IPv4 in the spelling of IPv6 is not of a family that could be sent to.
    for text in ["::ffff:127.0.0.1", "::ffff:8.8.8.8"] {
      #expect(
        try scene.permit(SocketAddress(IPAddress(text), port: 80), from: client) == .forbidden, "\(text)")
    }
    // Its own address may be a peer's that is relayed here too; but only then anything goes there.
    #expect(try scene.permit(RelayScene.server, from: client) == nil)
    #expect(try scene.bind(0x4000, to: RelayScene.server, from: client) == .forbidden)
    #expect(try scene.send("x", to: RelayScene.server, from: client) == nil)
    #expect(try scene.send("x", to: SocketAddress(RelayScene.relayIP, port: 53), from: client) == nil)
    #expect(try scene.bind(0x4001, to: SocketAddress(RelayScene.relayIP, port: 53), from: client) == nil)
    #expect(scene.passage(0x4001, from: client) == nil)
    // What was wished for is reached all the same.
    #expect(try scene.permit(SocketAddress(IPAddress(10, 9, 1, 1), port: 1), from: client) == nil)
  }

  @Test("hands what is for another of its addresses over inside, both having let the other in")
  func bothRelayed() throws {
    let scene = RelayScene()
    let second = RelayScene.client(2)
    let (one, other) = (try scene.allocate(client), try scene.allocate(second))
    #expect(try scene.bind(0x4000, to: other, from: client) == nil)
    let passage = try #require(scene.passage(0x4000, from: client))
    #expect(passage.inside == scene.core.slot(of: second))
    #expect(scene.core.announced(passage.port) == one)
    // The other has not let it in.
    #expect(scene.way(from: one, to: second) == .none)
    #expect(try scene.permit(one, from: second) == nil)
    #expect(scene.way(from: one, to: second) == .indication)
    #expect(try scene.bind(0x4ABC, to: one, from: second) == nil)
    #expect(scene.way(from: one, to: second) == .channel(0x4ABC))
    // When it has gone, its port is nobody's.
    scene.hangUp(second)
    #expect(scene.passage(0x4000, from: client) == nil)
  }

  @Test("is no client of its own")
  func loop() throws {
    let scene = RelayScene()
    let relayed = try scene.allocate(client)
    let itself = ServedClient(relayed, at: 0)
    #expect(try scene.refusal(.allocate, from: itself, Self.udp) == .forbidden)
    #expect(scene.core.counters.loops == 1 && scene.core.allocationCount == 1)
  }

  @Test("has ten thousand allocations asked of it and gives as many as it may, in memory that does not grow")
  func flood() throws {
    let scene = RelayScene {
      $0.allocations = 150
      $0.allocationsPerUser = 100
      $0.allocationsPerAddress = 20
    }
    var codes: [STUNErrorCode?: Int] = [:]
    for number in 0..<10_000 {
      let client = RelayScene.client(number % 40, port: UInt16(1000 + number))
      scene.forgetNonces()
      let user = number % 2 == 0 ? RelayScene.User() : Self.bob
      codes[try scene.refusal(.allocate, from: client, as: user, Self.udp), default: 0] += 1
    }
    #expect(codes[nil] == 150 && codes[.insufficientCapacity]! > 0)
    #expect(scene.core.allocationCount == 150 && scene.core.slots.count <= 151 && scene.open.count == 150)
    let counters = scene.core.counters
    #expect(counters.made == 150)
    #expect(counters.overTotal + counters.overUserQuota + counters.overAddressQuota == 9_850)
    #expect(scene.core.perAccount.count == 2 && scene.core.perAddress.count <= 40)
    // All that was taken is given back.
    scene.pass(.seconds(600))
    #expect(scene.core.allocationCount == 0 && scene.open.isEmpty && scene.core.counters.ended == 150)
    #expect(scene.core.perAccount.isEmpty && scene.core.perAddress.isEmpty && scene.core.relayed.isEmpty)
    for number in 0..<100 { try scene.allocate(RelayScene.client(number)) }
    #expect(scene.core.slots.count <= 151)
  }

  @Test("says of each quota that it is reached")
  func quotas() throws {
    let scene = RelayScene {
      $0.allocationsPerUser = 3
      $0.allocationsPerAddress = 2
      $0.allocations = 5
    }
    func refusal(_ number: Int, _ port: UInt16, _ user: RelayScene.User = RelayScene.User()) throws
      -> STUNErrorCode?
    {
      try scene.refusal(.allocate, from: RelayScene.client(number, port: port), as: user, Self.udp)
    }
    #expect(try refusal(1, 1) == nil)
    #expect(try refusal(1, 2) == nil)
    #expect(try refusal(1, 3) == .allocationQuotaReached)
    #expect(try refusal(2, 1) == nil)
    #expect(try refusal(3, 1) == .allocationQuotaReached)
    #expect(try refusal(3, 1, Self.bob) == nil)
    #expect(try refusal(4, 1, Self.bob) == nil)
    #expect(try refusal(5, 1, Self.bob) == .insufficientCapacity)
    let counters = scene.core.counters
    #expect((counters.overAddressQuota, counters.overUserQuota, counters.overTotal) == (1, 1, 1))
    // All of a house's addresses are one house.
    let house = RelayScene { $0.allocationsPerAddress = 2 }
    func guest(_ low: UInt64) -> ServedClient {
      ServedClient(SocketAddress(IPAddress(v6: 0x2600_0009 << 32, low), port: 9), at: 0)
    }
    for low: UInt64 in 1...2 { try house.allocate(guest(low)) }
    #expect(try house.refusal(.allocate, from: guest(3), Self.udp) == .allocationQuotaReached)
  }

  @Test("does not break on any bytes", arguments: 0..<8 as Range<UInt64>)
  func chance(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let scene = RelayScene()
    try scene.allocate(client)
    #expect(try scene.permit(peer, from: client) == nil)
    let samples = try [STUNMethod.allocate, .refresh, .createPermission, .channelBind].map {
      try scene.signed($0, from: client) {
        Self.udp(&$0)
        $0.put(.channelNumber, 0x4000_0000)
        $0.add(.xorPeerAddress, masked: peer)
        $0.put(.lifetime, 600)
        $0.put(.evenPort, bytes: [0x80])
      }
    }
    for _ in 0..<2_000 {
      var bytes = samples[Int.random(in: 0..<samples.count, using: &random)]
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      if Bool.random(using: &random), bytes.count > 4 {
        let size = max(0, bytes.count - 20) & ~3
        bytes[2] = UInt8(size >> 8)
        bytes[3] = UInt8(size & 255)
      }
      let from = Bool.random(using: &random) ? client : RelayScene.client(2)
      _ = try scene.say(bytes, from: from)
    }
    #expect(scene.core.allocationCount >= 1)
  }
}
