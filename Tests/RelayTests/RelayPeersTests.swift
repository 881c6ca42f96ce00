import TestSupport
import Testing
import Warren

@testable import WarrenRelay

@Suite("The peers of an allocation")
struct RelayPeersTests {
  private func allocated(_ script: ScriptedRelayCore.Script = .init()) throws -> AllocationDialogue {
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    _ = dialogue.takeEvents()
    return dialogue
  }

  private let peer = AllocationCoreTests.peer(1)

  @Test("wait until they are let in, and then have a channel that the server knows")
  func bound() throws {
    var dialogue = try allocated()
    #expect(dialogue.core.route(to: peer, at: dialogue.now) == .wait)
    dialogue.run()
    #expect(dialogue.takeEvents().contains(.usable(peer)))
    #expect(dialogue.core.route(to: peer, at: dialogue.now) == .channel(0x4000))
    #expect(dialogue.core.peer(on: 0x4000) == peer && dialogue.core.peer(on: 0x4001) == nil)
    #expect(dialogue.relay.allocations.values.first?.channels == [0x4000: peer])
    // Another port of the same address is let in already.
    #expect(dialogue.core.route(to: AllocationCoreTests.peer(1, port: 1), at: dialogue.now) == .indication)
  }

  @Test("are let in many at a time, and stay so for whom it was asked")
  func permitted() throws {
    var dialogue = try allocated()
    let ips = (1...40).map { IPAddress(198, 51, 100, $0) }
    dialogue.core.permit(ips, at: dialogue.now)
    dialogue.run()
    #expect(dialogue.relay.asked.count { $0 == .createPermission } == 3)
    for _ in 0..<100 {
      dialogue.pass(.seconds(30))
      let permissions = try #require(dialogue.relay.allocations.values.first?.permissions)
      #expect(ips.allSatisfy { permissions[$0]! > dialogue.now })
    }
    #expect(ips.allSatisfy { dialogue.core.isPermitted($0) })
  }

  @Test("keep permission and channel as long as somebody talks with them, and no longer")
  func renewed() throws {
    var dialogue = try allocated()
    let quiet = AllocationCoreTests.peer(2)
    for other in [peer, quiet] { _ = dialogue.core.route(to: other, at: dialogue.now) }
    dialogue.run()
    for _ in 0..<200 {
      #expect(dialogue.core.route(to: peer, at: dialogue.now) == .channel(0x4000))
      dialogue.pass(.seconds(10))
      #expect(dialogue.relay.allocations.values.first!.permissions[peer.ip]! > dialogue.now)
    }
    #expect(dialogue.relay.allocations.values.first!.permissions[quiet.ip]! < dialogue.now)
    #expect(!dialogue.core.isPermitted(quiet.ip))
    // 600 s of the channel, renewed for the last time before 480 s, and 300 s of rest.
    #expect(dialogue.core.peers.count == 1)
    let before = dialogue.relay.asked.count { $0 == .channelBind }
    #expect((4...8).contains(before))
    #expect(dialogue.core.route(to: quiet, at: dialogue.now) == .wait)
    dialogue.run()
    // Its number has rested; it is another's next.
    #expect(dialogue.core.route(to: quiet, at: dialogue.now) == .channel(0x4002))
  }

  @Test("get their old channel again when they are talked to after a while")
  func rested() throws {
    var dialogue = try allocated()
    _ = dialogue.core.route(to: peer, at: dialogue.now)
    dialogue.run()
    dialogue.pass(.seconds(900))
    #expect(!dialogue.core.isPermitted(peer.ip))
    // What the server still brings under it is the peer's.
    #expect(dialogue.core.peer(on: 0x4000) == peer)
    #expect(dialogue.core.route(to: peer, at: dialogue.now) == .wait)
    dialogue.run()
    #expect(dialogue.core.route(to: peer, at: dialogue.now) == .channel(0x4000))
  }

  @Test("are dropped where the server does not let them in, and the others with whom they were asked are not")
  func refused() throws {
    var script = ScriptedRelayCore.Script()
    script.forbidden = [peer.ip]
    var dialogue = try allocated(script)
    _ = dialogue.core.route(to: peer, at: dialogue.now)
    dialogue.run()
    #expect(dialogue.takeEvents() == [.refused(peer, RelayError(RelayError.Code.forbidden))])
    #expect(dialogue.core.route(to: peer, at: dialogue.now) == .nowhere)
    let other = AllocationCoreTests.peer(2)
    dialogue.core.permit([peer.ip, other.ip], at: dialogue.now)
    dialogue.run()
    #expect(dialogue.core.isPermitted(other.ip) && !dialogue.core.isPermitted(peer.ip))
  }

  @Test("go by indications where the server gives no channel")
  func unbound() throws {
    var script = ScriptedRelayCore.Script()
    script.refusals[.channelBind] = [.badRequest]
    var dialogue = try allocated(script)
    _ = dialogue.core.route(to: peer, at: dialogue.now)
    dialogue.run()
    #expect(dialogue.takeEvents() == [.usable(peer)])
    #expect(dialogue.core.route(to: peer, at: dialogue.now) == .indication)
  }

  @Test("of a family that the relay has not are not asked for, nor are those without a port")
  func unreachable() throws {
    var dialogue = try allocated()
    let strange = [
      SocketAddress(.loopback(.v6), port: 1), SocketAddress(peer.ip, port: 0),
      SocketAddress(.any(.v4), port: 1),
    ]
    for address in strange { #expect(dialogue.core.route(to: address, at: dialogue.now) == .nowhere) }
    #expect(dialogue.core.poll() == nil && dialogue.core.peers.count == 0)
  }

  @Test("are not more than there is room for, nor are requests under way")
  func crowd() throws {
    var dialogue = try allocated()
    dialogue.isDeaf = true
    for number in 0..<RelayClientLimits.peers {
      _ = dialogue.core.route(to: AllocationCoreTests.peer(1, port: UInt16(number + 1)), at: dialogue.now)
    }
    #expect(dialogue.core.route(to: peer, at: dialogue.now) == .nowhere)
    #expect(dialogue.core.requests.count == RelayClientLimits.requests)
    dialogue.isDeaf = false
    dialogue.run()
    dialogue.pass(.seconds(3))
    #expect(dialogue.relay.allocations.values.first?.channels.count == RelayClientLimits.peers)
  }
}
