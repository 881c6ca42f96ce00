import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

/// What a relay's core should say, found by looking at everything each time.
private struct RelayModel {
  struct Allocation {
    var user: String
    var expiry: Instant
    var permissions: [IPAddress: Instant] = [:]
    var channels: [UInt16: (peer: SocketAddress, expiry: Instant)] = [:]
  }

  var allocations: [ServedClient: Allocation] = [:]
  var now: Instant

  mutating func pass(to now: Instant) {
    self.now = now
    allocations = allocations.filter { $0.value.expiry > now }
    for client in allocations.keys {
      allocations[client]!.permissions = allocations[client]!.permissions.filter { $0.value > now }
      allocations[client]!.channels = allocations[client]!.channels.filter { $0.value.expiry > now }
    }
  }

  private func life(_ wish: UInt32) -> Duration { .seconds(max(600, min(3600, Int(wish)))) }

  mutating func allocate(_ client: ServedClient, _ user: String, _ wish: UInt32, perUser: Int)
    -> STUNErrorCode?
  {
    guard allocations[client] == nil else { return .allocationMismatch }
    guard allocations.values.count(where: { $0.user == user }) < perUser else {
      return .allocationQuotaReached
    }
    allocations[client] = Allocation(user: user, expiry: now.advanced(by: life(wish)))
    return nil
  }

  private func objection(_ client: ServedClient, _ user: String) -> STUNErrorCode? {
    guard let allocation = allocations[client] else { return .allocationMismatch }
    return allocation.user == user ? nil : .wrongCredentials
  }

  mutating func refresh(_ client: ServedClient, _ user: String, _ wish: UInt32) -> STUNErrorCode? {
    if let code = objection(client, user) { return code }
    if wish == 0 {
      allocations[client] = nil
    } else {
      allocations[client]!.expiry = now.advanced(by: life(wish))
    }
    return nil
  }

  private func hasRoom(_ client: ServedClient, _ ip: IPAddress, _ limit: Int) -> Bool {
    let permissions = allocations[client]!.permissions
    return permissions[ip] != nil || permissions.count < limit
  }

  mutating func permit(_ client: ServedClient, _ user: String, _ peer: SocketAddress, _ limit: Int)
    -> STUNErrorCode?
  {
    if let code = objection(client, user) { return code }
    guard hasRoom(client, peer.ip, limit) else { return .insufficientCapacity }
    allocations[client]!.permissions[peer.ip] = now.advanced(by: .seconds(300))
    return nil
  }

  mutating func bind(
    _ client: ServedClient, _ user: String, _ number: UInt16, _ peer: SocketAddress, _ limits: (Int, Int)
  ) -> STUNErrorCode? {
    if let code = objection(client, user) { return code }
    let channels = allocations[client]!.channels
    if let old = channels[number], old.peer != peer { return .badRequest }
    if channels.contains(where: { $0.value.peer == peer && $0.key != number }) { return .badRequest }
    guard channels[number] != nil || channels.count < limits.1, hasRoom(client, peer.ip, limits.0) else {
      return .insufficientCapacity
    }
    allocations[client]!.channels[number] = (peer, now.advanced(by: .seconds(600)))
    allocations[client]!.permissions[peer.ip] = now.advanced(by: .seconds(300))
    return nil
  }

  func peer(_ client: ServedClient, _ number: UInt16) -> SocketAddress? {
    guard let allocation = allocations[client], let channel = allocation.channels[number],
      allocation.permissions[channel.peer.ip] != nil
    else { return nil }
    return channel.peer
  }

  func way(_ client: ServedClient, _ peer: SocketAddress) -> RelayServerCore.Way {
    guard let allocation = allocations[client], allocation.permissions[peer.ip] != nil else { return .none }
    let channel = allocation.channels.first { $0.value.peer == peer }
    return channel.map { .channel($0.key) } ?? .indication
  }
}

@Suite("A relay's core beside a slow model")
struct RelayModelTests {
  @Test("says the same of everything, whatever happens", arguments: 0..<40 as Range<UInt64>)
  func same(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let (permissions, channels, perUser) = (3, 4, 3)
    let scene = RelayScene {
      $0.permissions = permissions
      $0.channels = channels
      $0.allocationsPerUser = perUser
    }
    var model = RelayModel(now: scene.now)
    let clients = (0..<5).map { RelayScene.client($0) }
    let users = [RelayScene.User(), RelayScene.User(name: "bob", password: "hidden")]
    let peers = (0..<5).flatMap { ip in
      (1...2).map { SocketAddress(IPAddress(v4: 0x0808_0800 + UInt32(ip)), port: UInt16($0)) }
    }
    let numbers: [UInt16] = [0x4000, 0x4001, 0x4ABC, 0x4FFE, 0x4FFF]
    for step in 0..<400 {
      let client = clients.randomElement(using: &random)!
      let user = users[Int.random(in: 0...9, using: &random) == 0 ? 1 : 0]
      let peer = peers.randomElement(using: &random)!
      let number = numbers.randomElement(using: &random)!
      let wish = ([0, 1, 700, 5000] as [UInt32]).randomElement(using: &random)!
      var (found, right): (STUNErrorCode?, STUNErrorCode?) = (nil, nil)
      switch Int.random(in: 0...9, using: &random) {
      case 0, 1:
        found = try scene.refusal(.allocate, from: client, as: user) {
          $0.put(.requestedTransport, 17 << 24)
          $0.put(.lifetime, Int(wish))
        }
        right = model.allocate(client, user.name, wish, perUser: perUser)
      case 2:
        found = try scene.refusal(.refresh, from: client, as: user) { $0.put(.lifetime, Int(wish)) }
        right = model.refresh(client, user.name, wish)
      case 3, 4:
        found = try scene.refusal(.createPermission, from: client, as: user) {
          $0.add(.xorPeerAddress, masked: peer)
        }
        right = model.permit(client, user.name, peer, permissions)
      case 5, 6, 7:
        found = try scene.refusal(.channelBind, from: client, as: user) {
          $0.put(.channelNumber, Int(number) << 16)
          $0.add(.xorPeerAddress, masked: peer)
        }
        right = model.bind(client, user.name, number, peer, (permissions, channels))
      default:
        scene.pass(.seconds(Int.random(in: 1...200, using: &random)))
        model.pass(to: scene.now)
        // Nonces have their own tests.
        scene.forgetNonces()
      }
      #expect(found == right, "seed \(seed), step \(step)")
      #expect(scene.core.allocationCount == model.allocations.count)
      #expect(scene.open.count == model.allocations.count)
      for client in clients {
        for number in numbers {
          #expect(scene.passage(number, from: client)?.peer == model.peer(client, number))
        }
        for peer in peers { #expect(scene.way(from: peer, to: client) == model.way(client, peer)) }
      }
    }
  }
}
