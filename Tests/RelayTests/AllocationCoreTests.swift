import TestSupport
import Testing
import Warren

@testable import WarrenRelay

@Suite("An allocation, as its client sees it")
struct AllocationCoreTests {
  typealias Script = ScriptedRelayCore.Script
  /// SHA-256 alone, and a nonce that says so (RFC 8489, 18.1: the leftmost of 24 bits).
  private static let modern: Script = {
    var script = Script()
    script.algorithms = [0, 2, 0, 0]
    script.noncePrefix = "obMatJos2gAAA"
    return script
  }()

  @Test("is asked for without a signature, then with the one that the server wants")
  func challenged() throws {
    for script in [Script(), Self.modern] {
      var dialogue = try AllocationDialogue(script)
      dialogue.begin()
      #expect(dialogue.takeEvents() == [.allocated])
      #expect(dialogue.relay.asked == [.allocate, .allocate])
      #expect(dialogue.core.relayedAddresses == [AllocationDialogue.relayed])
      #expect(dialogue.core.mappedAddress == AllocationDialogue.client)
      let names = try #require(dialogue.relay.attributes[.allocate])
      #expect(names.contains(STUNAttribute.passwordAlgorithm.rawValue) == (script.algorithms != nil))
    }
  }

  @Test("needs one round trip where the challenge is known, and each request after the first none besides")
  func known() throws {
    var dialogue = try AllocationDialogue(
      challenge: RelayChallenge(realm: "test", nonce: Array("nonce-0".utf8)))
    dialogue.begin()
    #expect(dialogue.relay.asked == [.allocate] && dialogue.core.phase == .allocated)
    _ = dialogue.core.route(to: Self.peer(1), at: dialogue.now)
    dialogue.run()
    #expect(dialogue.relay.asked == [.allocate, .channelBind])
  }

  @Test("names its user by a hash where the server knows that")
  func anonymous() throws {
    var script = Self.modern
    script.noncePrefix = "obMatJos2wAAA"
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    #expect(dialogue.core.phase == .allocated)
    let names = try #require(dialogue.relay.attributes[.allocate])
    #expect(
      names.contains(STUNAttribute.userhash.rawValue) && !names.contains(STUNAttribute.username.rawValue))
  }

  @Test(
    "is given up where the server's better ways were taken out on the way, or this side knows none of them")
  func downgraded() throws {
    var script = Self.modern
    script.algorithms = nil
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    #expect(dialogue.takeEvents() == [.failed(RelayError(.downgraded))])
    script.algorithms = [0, 9, 0, 0]
    dialogue = try AllocationDialogue(script)
    dialogue.begin()
    #expect(dialogue.takeEvents().first.map { Self.code(of: $0) } == .notUnderstood)
  }

  @Test("takes no weaker signature than it has used itself")
  func weaker() throws {
    var dialogue = try AllocationDialogue(Self.modern)
    dialogue.begin()
    let refreshed = dialogue.relay.asked.count
    dialogue.relay.script.algorithms = nil
    // Its answers are now signed as of old, and with another key.
    dialogue.pass(.seconds(481))
    #expect(dialogue.relay.asked.count > refreshed)
    #expect(dialogue.core.phase == .allocated || dialogue.takeEvents() != [])
    dialogue.pass(.seconds(40))
    #expect(dialogue.takeEvents() == [.lost(RelayError(.downgraded))] || dialogue.core.phase == .ended)
  }

  @Test("says that the password is wrong after two requests")
  func wrongPassword() throws {
    var dialogue = try AllocationDialogue(password: "open barley")
    dialogue.begin()
    #expect(dialogue.takeEvents().map(Self.code) == [.wrongPassword])
    #expect(dialogue.relay.asked.count == 2 && dialogue.core.phase == .ended)
  }

  @Test("takes a new nonce whenever the old one has ended, and does not do so for ever")
  func stale() throws {
    var script = Script()
    script.nonceUses = 1
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    dialogue.pass(.seconds(2000))
    #expect(dialogue.core.phase == .allocated && dialogue.takeEvents() == [.allocated])
    dialogue.relay.script.nonceUses = 0
    let before = dialogue.relay.asked.count
    dialogue.pass(.seconds(600))
    #expect(dialogue.takeEvents().map(Self.code) == [.wrongPassword])
    #expect(dialogue.relay.asked.count - before <= RelayClientLimits.renewals + 1)
  }

  @Test(
    "fails for what the server says",
    arguments: [
      (STUNErrorCode.allocationQuotaReached, RelayError.Code.quota), (.insufficientCapacity, .noRoom),
      (.addressFamilyNotSupported, .noSuchFamily), (.unsupportedTransport, .noUDP), (.forbidden, .forbidden),
      (.wrongCredentials, .wrongUser), (.unknownAttribute, .notUnderstood), (.serverError, .server(500)),
      (.allocationMismatch, .mismatch),
    ])
  func refused(code: STUNErrorCode, expected: RelayError.Code) throws {
    var script = Script()
    script.refusals[.allocate] = [code]
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    let events = dialogue.takeEvents()
    #expect(events.map(Self.code) == [expected])
    if case .failed(let error)? = events.first { #expect("\(error)".count > 20) }
    dialogue.pass(.seconds(30))
    #expect(dialogue.core.phase == .ended)
  }

  @Test("believes a refusal that is not signed only when nothing else comes")
  func unsigned() throws {
    var script = Script()
    script.refusals[.allocate] = [.insufficientCapacity]
    script.signs = false
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    #expect(dialogue.core.phase == .asking && dialogue.takeEvents() == [])
    dialogue.pass(.seconds(40))
    #expect(dialogue.takeEvents().map(Self.code) == [.noRoom])
    // Over TCP nothing else can come.
    dialogue = try AllocationDialogue(script, isReliable: true)
    dialogue.begin()
    #expect(dialogue.takeEvents().map(Self.code) == [.noRoom])
  }

  @Test("is sent to another server, where that is one")
  func redirected() throws {
    var script = Script()
    let other = SocketAddress(IPAddress(192, 0, 2, 77), port: 3478)
    script.alternate = other
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    #expect(dialogue.takeEvents() == [.redirected(to: other, domain: nil)])
    script.alternate = SocketAddress(.any(.v4), port: 0)
    dialogue = try AllocationDialogue(script)
    dialogue.begin()
    #expect(dialogue.takeEvents().map(Self.code) == [.server(300)])
  }

  @Test("asks without mobility where that is forbidden")
  func mobilityForbidden() throws {
    var script = Script()
    script.refusals[.allocate] = [STUNErrorCode(rawValue: 405)]
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    #expect(dialogue.core.phase == .allocated && !dialogue.core.canMove)
    let names = try #require(dialogue.relay.attributes[.allocate])
    #expect(!names.contains(STUNAttribute.mobilityTicket.rawValue))
  }

  @Test("has the family that was asked for, or both")
  func families() throws {
    var dialogue = try AllocationDialogue { $0.family = .v6 }
    dialogue.begin()
    #expect(dialogue.core.relayedAddresses.map(\.ip.family) == [.v6])
    dialogue = try AllocationDialogue { $0.wantsBothFamilies = true }
    dialogue.begin()
    #expect(dialogue.core.relayedAddresses.map(\.ip.family) == [.v4, .v6])
    var script = Script()
    script.families = [.v4]
    dialogue = try AllocationDialogue(script) { $0.wantsBothFamilies = true }
    dialogue.begin()
    #expect(dialogue.core.relayedAddresses.map(\.ip.family) == [.v4])
    dialogue = try AllocationDialogue(script) { $0.family = .v6 }
    dialogue.begin()
    #expect(dialogue.takeEvents().map(Self.code) == [.noSuchFamily])
  }

  @Test("is sent seven times over UDP and once over TCP, and then given up")
  func silence() throws {
    for isReliable in [false, true] {
      var script = Script()
      script.isSilent = true
      var dialogue = try AllocationDialogue(script, isReliable: isReliable)
      dialogue.begin()
      dialogue.pass(.milliseconds(39_400))
      #expect(dialogue.sent == (isReliable ? 1 : 7) && dialogue.takeEvents() == [])
      dialogue.pass(.milliseconds(200))
      #expect(dialogue.takeEvents() == [.failed(RelayError(.silent))])
    }
  }

  @Test("is renewed in good time, whatever its lifetime", arguments: [20, 60, 600, 3600] as [UInt32])
  func renewed(lifetime: UInt32) throws {
    var script = Script()
    script.lifetime = lifetime
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    for _ in 0..<100 {
      dialogue.pass(.seconds(Int64(lifetime) / 10))
      #expect(
        dialogue.relay.allocations[AllocationDialogue.client].map { $0.expiresAt > dialogue.now } == true)
    }
    #expect(dialogue.core.phase == .allocated)
    let refreshes = dialogue.relay.asked.count { $0 == .refresh }
    #expect((12...15).contains(refreshes))
  }

  @Test("is lost when nothing answers its renewal, or the server has forgotten it")
  func lost() throws {
    var dialogue = try AllocationDialogue()
    dialogue.begin()
    dialogue.relay.script.isSilent = true
    dialogue.pass(.seconds(600))
    #expect(dialogue.takeEvents() == [.allocated, .lost(RelayError(.silent))])
    dialogue = try AllocationDialogue()
    dialogue.begin()
    dialogue.relay.allocations = [:]
    dialogue.pass(.seconds(600))
    #expect(dialogue.takeEvents() == [.allocated, .lost(RelayError(.forgotten))])
    #expect(dialogue.core.nextDeadline == nil)
  }

  @Test("is given back, at once or as soon as it is there")
  func givenBack() throws {
    var dialogue = try AllocationDialogue()
    dialogue.begin()
    dialogue.core.giveBack(at: dialogue.now)
    dialogue.run()
    #expect(dialogue.relay.allocations.isEmpty && dialogue.core.phase == .ended)
    // The answer is still on its way when nobody wants it any more.
    dialogue = try AllocationDialogue(challenge: RelayChallenge(realm: "test", nonce: Array("nonce-0".utf8)))
    dialogue.isDeaf = true
    dialogue.begin()
    #expect(dialogue.relay.allocations.count == 1)
    dialogue.core.giveBack(at: dialogue.now)
    dialogue.isDeaf = false
    dialogue.pass(.seconds(6))
    #expect(
      dialogue.relay.allocations.isEmpty && dialogue.core.phase == .ended && dialogue.takeEvents() == [])
  }

  @Test("is given back where it is the one that a second request is told of")
  func heardTwice() throws {
    var script = Script()
    script.remembers = false
    script.nonceUses = 1
    var dialogue = try AllocationDialogue(
      script, challenge: RelayChallenge(realm: "test", nonce: Array("nonce-0".utf8)))
    dialogue.isDeaf = true
    dialogue.begin()
    #expect(dialogue.relay.allocations.count == 1)
    // The answer is lost, and the nonce ends before the request comes again.
    dialogue.isDeaf = false
    dialogue.pass(.seconds(10))
    #expect(dialogue.takeEvents().map(Self.code) == [.mismatch])
    #expect(dialogue.relay.allocations.isEmpty && dialogue.core.phase == .ended)
  }

  @Test("follows to a new address where the server can do that, with all its peers")
  func moved() throws {
    var script = Script()
    script.hasMobility = true
    var dialogue = try AllocationDialogue(script)
    dialogue.begin()
    _ = dialogue.core.route(to: Self.peer(1), at: dialogue.now)
    dialogue.run()
    _ = dialogue.takeEvents()
    for port in 2001...2003 as ClosedRange<UInt16> {
      dialogue.client = SocketAddress(IPAddress(198, 51, 100, 9), port: port)
      dialogue.core.moved(at: dialogue.now)
      dialogue.run()
      #expect(dialogue.takeEvents() == [.moved])
      #expect(Array(dialogue.relay.allocations.keys) == [dialogue.client])
      // The relay has not said where it sees this side now.
      #expect(dialogue.core.mappedAddress == nil && dialogue.relay.allocationCount == 1)
    }
    #expect(dialogue.core.route(to: Self.peer(1), at: dialogue.now) == .channel(0x4000))
  }

  @Test("is lost with a new address where the server cannot follow")
  func stays() throws {
    var dialogue = try AllocationDialogue()
    dialogue.begin()
    dialogue.client.port += 1
    dialogue.core.moved(at: dialogue.now)
    dialogue.run()
    #expect(dialogue.takeEvents() == [.allocated, .lost(RelayError(.moved))])
  }

  static func peer(_ number: UInt8, port: UInt16 = 7000) -> SocketAddress {
    SocketAddress(IPAddress(198, 51, 100, number), port: port)
  }

  static func code(of event: AllocationCore.Event) -> RelayError.Code? {
    switch event {
    case .failed(let error), .lost(let error), .refused(_, let error): error.code
    default: nil
    }
  }
}
