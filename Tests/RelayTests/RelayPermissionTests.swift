import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A relay's permissions and channels")
struct RelayPermissionTests {
  private let client = RelayScene.client()
  private let peer = RelayScene.peer

  @Test("lets in whom a client names, from all ports, for five minutes")
  func permissions() throws {
    let scene = RelayScene()
    #expect(try scene.permit(peer, from: client) == .allocationMismatch)
    try scene.allocate(client)
    #expect(try scene.refusal(.createPermission, from: client) == .badRequest)
    #expect(
      try scene.refusal(.createPermission, from: client) { $0.put(.xorPeerAddress, 7) } == .badRequest)
    #expect(try scene.send("x", to: peer, from: client) == nil)
    let second = SocketAddress(IPAddress(8, 8, 4, 4), port: 0)
    #expect(try scene.permit(peer, second, from: client) == nil)
    for port: UInt16 in [1, 99, 65_535] {
      let from = SocketAddress(peer.ip, port: port)
      #expect(scene.way(from: from, to: client) == .indication)
      #expect(try scene.send("hello", to: from, from: client)?.peer == from)
    }
    #expect(scene.way(from: SocketAddress(IPAddress(8, 8, 8, 9), port: 99), to: client) == .none)
    // All or none.
    let third = SocketAddress(IPAddress(9, 9, 9, 9), port: 1)
    #expect(
      try scene.permit(third, SocketAddress(IPAddress(10, 0, 0, 1), port: 1), from: client) == .forbidden)
    #expect(scene.way(from: third, to: client) == .none)
    scene.pass(.seconds(200))
    #expect(try scene.permit(peer, from: client) == nil)
    scene.pass(.seconds(100))
    #expect(scene.way(from: second, to: client) == .none)
    scene.pass(.seconds(199))
    #expect(scene.way(from: peer, to: client) == .indication)
    scene.pass(.seconds(1))
    #expect(scene.way(from: peer, to: client) == .none)
    #expect(try scene.send("x", to: peer, from: client) == nil)
  }

  @Test("lets no more in than there is room for, and counts who was let in already once")
  func crowdOfPeers() throws {
    let scene = RelayScene { $0.permissions = 4 }
    try scene.allocate(client)
    func ip(_ number: Int) -> SocketAddress {
      SocketAddress(IPAddress(v4: 0x0808_0000 + UInt32(number)), port: 1)
    }
    #expect(try scene.permit(ip(1), ip(2), ip(2), ip(3), from: client) == nil)
    #expect(try scene.permit(ip(4), ip(5), from: client) == .insufficientCapacity)
    #expect(scene.way(from: ip(4), to: client) == .none)
    #expect(try scene.permit(ip(4), ip(1), from: client) == nil)
    #expect(try scene.permit(ip(5), from: client) == .insufficientCapacity)
    #expect(try scene.bind(0x4000, to: ip(6), from: client) == .insufficientCapacity)
    #expect(try scene.bind(0x4000, to: ip(4), from: client) == nil)
    scene.pass(.seconds(300))
    #expect(try scene.permit(ip(5), ip(6), ip(7), ip(8), from: client) == nil)
  }

  @Test("gives peers numbers, one each, for ten minutes")
  func channels() throws {
    let scene = RelayScene()
    #expect(try scene.bind(0x4000, to: peer, from: client) == .allocationMismatch)
    try scene.allocate(client)
    for number: UInt16 in [0, 0x3FFF, 0x5000, 0xFFFF] {
      #expect(try scene.bind(number, to: peer, from: client) == .badRequest)
    }
    #expect(
      try scene.refusal(.channelBind, from: client) { $0.put(.channelNumber, 0x4000_0000) } == .badRequest)
    #expect(
      try scene.refusal(.channelBind, from: client) { $0.add(.xorPeerAddress, masked: peer) } == .badRequest)
    #expect(try scene.bind(0x4000, to: SocketAddress(peer.ip, port: 0), from: client) == .badRequest)
    #expect(scene.passage(0x4000, from: client) == nil)
    #expect(try scene.bind(0x4000, to: peer, from: client) == nil)
    #expect(scene.passage(0x4000, from: client)?.peer == peer)
    #expect(scene.way(from: peer, to: client) == .channel(0x4000))
    // Its permission is for all of its ports.
    let other = SocketAddress(peer.ip, port: 100)
    #expect(scene.way(from: other, to: client) == .indication)
    #expect(try scene.bind(0x4FFF, to: other, from: client) == nil)
    #expect(scene.way(from: other, to: client) == .channel(0x4FFF))
    // Neither number nor peer changes.
    #expect(try scene.bind(0x4000, to: other, from: client) == .badRequest)
    #expect(try scene.bind(0x4001, to: peer, from: client) == .badRequest)
    #expect(try scene.bind(0x4000, to: SocketAddress(peer.ip, port: 7), from: client) == .badRequest)
    #expect(scene.passage(0x4000, from: client)?.peer == peer)
  }

  @Test("relays on a channel as long as its peer is let in, and forgets it after ten minutes")
  func channelLifetimes() throws {
    let scene = RelayScene()
    try scene.allocate(client) { $0.put(.lifetime, 3600) }
    #expect(try scene.bind(0x4000, to: peer, from: client) == nil)
    scene.pass(.seconds(299))
    #expect(scene.passage(0x4000, from: client) != nil)
    scene.pass(.seconds(1))
    #expect(scene.passage(0x4000, from: client) == nil && scene.way(from: peer, to: client) == .none)
    // The channel is there still.
    #expect(try scene.bind(0x4001, to: peer, from: client) == .badRequest)
    #expect(try scene.permit(peer, from: client) == nil)
    #expect(
      scene.passage(0x4000, from: client) != nil && scene.way(from: peer, to: client) == .channel(0x4000))
    scene.pass(.seconds(299))
    #expect(try scene.permit(peer, from: client) == nil)
    scene.pass(.seconds(1))
    #expect(scene.passage(0x4000, from: client) == nil)
    #expect(scene.way(from: peer, to: client) == .indication)
    let other = SocketAddress(peer.ip, port: 1)
    #expect(try scene.bind(0x4000, to: other, from: client) == nil)
    #expect(try scene.bind(0x4001, to: peer, from: client) == nil)
    scene.pass(.seconds(250))
    #expect(try scene.bind(0x4000, to: other, from: client) == nil)
    scene.pass(.seconds(299))
    #expect(scene.passage(0x4000, from: client)?.peer == other)
  }

  @Test("has no more channels than there is room for")
  func crowdOfChannels() throws {
    let scene = RelayScene { $0.channels = 3 }
    try scene.allocate(client) { $0.put(.lifetime, 3600) }
    func at(_ port: UInt16) -> SocketAddress { SocketAddress(peer.ip, port: port) }
    for port: UInt16 in 1...3 { #expect(try scene.bind(0x4000 + port, to: at(port), from: client) == nil) }
    #expect(try scene.bind(0x4004, to: at(4), from: client) == .insufficientCapacity)
    #expect(try scene.bind(0x4001, to: at(1), from: client) == nil)
    scene.pass(.seconds(599))
    #expect(try scene.bind(0x4001, to: at(1), from: client) == nil)
    scene.pass(.seconds(1))
    #expect(try scene.bind(0x4004, to: at(4), from: client) == nil)
  }
}
