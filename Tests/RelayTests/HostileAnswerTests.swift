import TestSupport
import Testing
import Warren

@testable import WarrenRelay

@Suite("A relay's client, when answers lie")
struct HostileAnswerTests {
  private typealias Script = ScriptedRelayCore.Script
  private static let modern: Script = {
    var script = Script()
    script.algorithms = [0, 2, 0, 0]
    script.noncePrefix = "obMatJos2gAAA"
    return script
  }()

  private static func isSuccess(_ bytes: [UInt8]) -> Bool { bytes[0] & 1 == 1 && bytes[1] & 0x10 == 0 }

  @Test("takes no success of which a single bit was changed")
  func changedBits() throws {
    for script in [Script(), Self.modern] {
      var sample = try AllocationDialogue(script)
      nonisolated(unsafe) var size = 0
      sample.relay.script.tamper = { bytes in
        if Self.isSuccess(bytes) { size = bytes.count }
        return bytes
      }
      sample.begin()
      #expect(sample.core.phase == .allocated && size > 60)
      for place in 0..<size {
        var dialogue = try AllocationDialogue(script)
        dialogue.relay.script.tamper = { bytes in
          guard Self.isSuccess(bytes) else { return bytes }
          var bytes = bytes
          bytes[place] ^= UInt8(1 << (place % 8))
          return bytes
        }
        dialogue.begin()
        // What no longer is a fingerprint stands behind the signature, and changes nothing.
        if place < size - 8 { #expect(dialogue.core.phase == .asking, "byte \(place)") }
        #expect(dialogue.core.relayedAddresses.allSatisfy { $0 == AllocationDialogue.relayed })
        dialogue.core.giveBack(at: dialogue.now)
      }
    }
  }

  @Test(
    "takes no success that is not signed, or more weakly than was asked, and says so when nothing else comes")
  func unproven() throws {
    let weaker = STUNKey(username: "alice", realm: "test", password: "open sesame")
    let strong = STUNKey(username: "alice", realm: "test", password: "open sesame", algorithm: .sha256)
    for key in [nil, weaker, strong] as [STUNKey?] {
      nonisolated(unsafe) let key = key
      for isReliable in [false, true] {
        var dialogue = try AllocationDialogue(Self.modern, isReliable: isReliable)
        dialogue.relay.script.tamper = { bytes in
          guard Self.isSuccess(bytes), let message = try? STUNMessage(bytes.span.bytes) else { return bytes }
          var writer = STUNMessageWriter()
          writer.begin(.success, message.method, message.transactionID)
          writer.add(.xorRelayedAddress, masked: SocketAddress(IPAddress(6, 6, 6, 6), port: 6))
          writer.add(.lifetime, UInt32(600))
          if let key { writer.sign(with: key, .sha1) }
          return writer.copy
        }
        dialogue.begin()
        if !isReliable {
          #expect(dialogue.core.phase == .asking)
          dialogue.pass(.seconds(40))
        }
        #expect(dialogue.takeEvents() == [.failed(RelayError(.badAnswer))])
        #expect(dialogue.core.relayedAddresses == [])
      }
    }
  }

  @Test("gives up, and back, what is signed and makes no sense", arguments: 0..<7)
  func nonsense(kind: Int) throws {
    let key = STUNKey(username: "alice", realm: "test", password: "open sesame")
    nonisolated(unsafe) let unchecked = key
    var dialogue = try AllocationDialogue { $0.family = .v4 }
    dialogue.relay.script.tamper = { bytes in
      guard Self.isSuccess(bytes), let message = try? STUNMessage(bytes.span.bytes),
        message.method == .allocate
      else { return bytes }
      var writer = STUNMessageWriter()
      writer.begin(.success, .allocate, message.transactionID)
      let good = SocketAddress(IPAddress(6, 6, 6, 6), port: 6)
      let addresses: [SocketAddress] =
        switch kind {
        case 0: []
        case 1: [SocketAddress(IPAddress(6, 6, 6, 6), port: 0)]
        case 2: [.any(.v4, port: 6)]
        case 3: [SocketAddress(IPAddress(224, 0, 0, 1), port: 6)]
        case 4: [.loopback(.v6, port: 6)]
        case 5: [good, good]
        default: [good]
        }
      for address in addresses { writer.add(.xorRelayedAddress, masked: address) }
      writer.add(.lifetime, UInt32(kind == 6 ? 0 : 600))
      writer.sign(with: unchecked)
      return writer.copy
    }
    dialogue.begin()
    #expect(dialogue.takeEvents().map(AllocationCoreTests.code) == [.badAnswer])
    #expect(dialogue.relay.allocations.isEmpty && dialogue.core.phase == .ended)
  }

  @Test("is moved by no message that answers nothing, however it is dressed")
  func strange() throws {
    var dialogue = try AllocationDialogue()
    dialogue.begin()
    _ = dialogue.core.route(to: AllocationCoreTests.peer(1), at: dialogue.now)
    dialogue.run()
    _ = dialogue.takeEvents()
    // A refresh is under way, and its id is known to whoever attacks; its key is not.
    dialogue.isDeaf = true
    dialogue.core.check(at: dialogue.now)
    let polled = dialogue.core.poll()
    let request = try #require(polled)
    let id = try STUNMessage(request.span.bytes).transactionID
    let before = (dialogue.core.expiresAt, dialogue.core.relayedAddresses, dialogue.core.challenge)
    let other = STUNKey(username: "alice", realm: "test", password: "guess")
    var writer = STUNMessageWriter()
    for method in [STUNMethod.refresh, .allocate, .channelBind, .createPermission, .binding, .data] {
      for messageClass in STUNClass.allCases {
        for code in [
          nil, STUNErrorCode.allocationMismatch, .forbidden, .tryAlternate, .unknownAttribute, .badRequest,
        ] {
          for key in [nil, other] {
            writer.begin(messageClass, method, id)
            writer.add(.lifetime, UInt32(0))
            writer.add(.xorRelayedAddress, masked: SocketAddress(IPAddress(6, 6, 6, 6), port: 6))
            writer.add(.alternateServer, plain: SocketAddress(IPAddress(6, 6, 6, 6), port: 6))
            writer.add(.mobilityTicket, [1].span.bytes)
            if let code { writer.add(code) }
            if let key { writer.sign(with: key) }
            dialogue.receive(writer.copy)
          }
        }
      }
    }
    #expect(dialogue.core.poll() == nil && dialogue.core.pollEvent() == nil)
    #expect(dialogue.core.phase == .allocated && !dialogue.core.canMove)
    #expect(before == (dialogue.core.expiresAt, dialogue.core.relayedAddresses, dialogue.core.challenge))
    // The true answer comes after all.
    dialogue.isDeaf = false
    dialogue.pass(.seconds(1))
    #expect(dialogue.core.expiresAt > before.0)
  }

  @Test("is not sent round by challenges without end")
  func challenges() throws {
    nonisolated(unsafe) var count = 0
    var dialogue = try AllocationDialogue()
    dialogue.relay.script.tamper = { bytes in
      guard let message = try? STUNMessage(bytes.span.bytes) else { return bytes }
      count += 1
      var writer = STUNMessageWriter()
      writer.begin(.failure, message.method, message.transactionID)
      writer.add(count % 2 == 0 ? .staleNonce : .unauthenticated)
      writer.add(.realm, "realm \(count)")
      writer.add(.nonce, "nonce \(count)")
      return writer.copy
    }
    dialogue.begin()
    #expect(dialogue.takeEvents().map(AllocationCoreTests.code) == [.wrongPassword])
    #expect(dialogue.sent <= RelayClientLimits.renewals + 1)
  }

  @Test("keeps its allocation when bytes of chance are answers")
  func chance() throws {
    var dialogue = try AllocationDialogue()
    dialogue.begin()
    var random = SeededRandom(4)
    for _ in 0..<2000 {
      var bytes = random.bytes(20 + 4 * Int.random(in: 0..<30, using: &random))
      (bytes[0], bytes[1], bytes[2], bytes[3]) = (
        1, 4, UInt8((bytes.count - 20) >> 8), UInt8((bytes.count - 20) & 255)
      )
      (bytes[4], bytes[5], bytes[6], bytes[7]) = (0x21, 0x12, 0xA4, 0x42)
      dialogue.receive(bytes)
    }
    #expect(dialogue.core.phase == .allocated && dialogue.core.poll() == nil)
  }
}
