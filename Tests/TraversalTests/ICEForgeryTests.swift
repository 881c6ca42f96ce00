import TestSupport
import Testing
import Warren

@testable import WarrenTraversal

/// Mallory sees every packet and can send any, from any address; all she lacks is the passwords.
@Suite("An ICE agent takes nobody for the peer")
struct ICEForgeryTests {
  @Test("who does not hold the credentials, whatever is forged", arguments: 0..<50 as Range<UInt64>)
  func forged(seed: UInt64) {
    let lab = ICELaboratory(seed: seed)
    lab.open()
    // Bob is not there at all: whatever opens at Alice is Mallory.
    lab.passes = { _, to in to != ICELaboratory.address(1, 0) }
    lab.introduce()
    var random = SeededRandom(seed)
    let alice = ICELaboratory.address(0, 0)
    let bob = ICELaboratory.address(1, 0)
    for _ in 0..<300 {
      lab.run(for: .milliseconds(Int.random(in: 1...20, using: &random)))
      let id = TransactionID(using: &random)
      var writer = STUNMessageWriter()
      writer.begin(STUNClass.allCases.randomElement(using: &random)!, .binding, id)
      let (a, b) = (lab.sides[0].core.credentials, lab.sides[1].core.credentials)
      if Bool.random(using: &random) { writer.add(.username, "\(a.usernameFragment):\(b.usernameFragment)") }
      if Bool.random(using: &random) { writer.add(.priority, UInt32.max) }
      if Bool.random(using: &random) { writer.add(.useCandidate) }
      if Bool.random(using: &random) { writer.add(.xorMappedAddress, masked: alice) }
      if Bool.random(using: &random) { writer.add(.iceControlling, UInt64.max) }
      if Bool.random(using: &random) { writer.add(.roleConflict) }
      if Bool.random(using: &random) { writer.sign(with: STUNKey(password: "guess")) }
      if Bool.random(using: &random) { writer.addFingerprint() }
      let bytes = writer.copy
      lab.send(bytes, from: Bool.random(using: &random) ? bob : ICELaboratory.address(9, 9), to: alice)
    }
    #expect(lab.sides[0].events.allSatisfy { $0 == .failed })
    #expect(lab.sides[0].core.role == .controlling)
    #expect(lab.sides[0].core.counters.unsigned > 0)
  }

  @Test(
    "by answers to what it asked, forged by one who reads every check", arguments: 0..<20 as Range<UInt64>)
  func answered(seed: UInt64) {
    let lab = ICELaboratory(seed: seed)
    lab.open()
    lab.introduce()
    var seen = 0
    // Every check to Bob is answered by Mallory in Bob's name, with the right id and the wrong signature.
    lab.tap = { [unowned lab] flight in
      guard flight.to == 1, let check = try? STUNMessage(flight.bytes.span.bytes) else { return false }
      seen += 1
      for messageClass in [STUNClass.success, .failure] {
        for password in ["", "guess"] {
          var writer = STUNMessageWriter()
          writer.begin(messageClass, .binding, check.transactionID)
          if messageClass == .success {
            writer.add(.xorMappedAddress, masked: flight.source)
          } else {
            writer.add(.roleConflict)
          }
          if !password.isEmpty { writer.sign(with: STUNKey(password: password)) }
          writer.addFingerprint()
          let forged = writer.copy
          lab.deliver(
            .init(at: lab.now, number: 0, to: 0, socket: flight.source, source: flight.socket, bytes: forged))
        }
      }
      return false
    }
    lab.run(for: .seconds(3))
    #expect(seen > 3)
    #expect(lab.sides[0].events.isEmpty)
    #expect(lab.sides[0].core.role == .controlling)
    #expect(lab.sides[0].core.counters.unsigned >= 4 * seen)
  }

  @Test("by its own messages, sent back to it")
  func reflected() {
    let lab = ICELaboratory()
    lab.open()
    lab.introduce()
    lab.tap = { [unowned lab] flight in
      lab.deliver(
        .init(
          at: lab.now, number: 0, to: 1 - flight.to, socket: flight.source, source: flight.socket,
          bytes: flight.bytes))
      return false
    }
    lab.run(for: .seconds(3))
    #expect(lab.sides.allSatisfy { $0.events.isEmpty })
  }

  @Test("by an answer of the peer's that comes from elsewhere")
  func elsewhere() {
    let lab = ICELaboratory()
    lab.open()
    lab.introduce()
    let mallory = ICELaboratory.address(9, 9)
    lab.tap = { [unowned lab] flight in
      var moved = flight
      moved.source = mallory
      guard let message = try? STUNMessage(flight.bytes.span.bytes) else { return false }
      let isAnswer = message.messageClass == .success
      if isAnswer { lab.deliver(moved) }
      return !isAnswer
    }
    lab.run(for: .seconds(3))
    // A check that Mallory carries from another address is the peer's own word that it is reached there: that is
    // what relays do. An answer from where nothing was asked is nothing.
    #expect(lab.sides.allSatisfy { $0.events.isEmpty })
    #expect(lab.sides[0].core.counters.unasked > 0)
  }

  @Test("by an answer that somebody is faster with, from elsewhere: the peer's own counts")
  func overtaken() {
    let lab = ICELaboratory()
    lab.open()
    lab.introduce()
    lab.tap = { [unowned lab] flight in
      var moved = flight
      moved.source = ICELaboratory.address(9, 9)
      if let message = try? STUNMessage(flight.bytes.span.bytes), message.messageClass == .success {
        lab.deliver(moved)
      }
      return true
    }
    lab.run(for: .seconds(1))
    #expect(lab.sides[0].core.selected?.remote == ICELaboratory.address(1, 0))
    #expect(lab.sides[1].core.selected?.remote == ICELaboratory.address(0, 0))
    for side in lab.sides {
      #expect(!side.core.pairs.contains { $0.isOneWay }, "what works both ways is not one-way")
    }
  }

  @Test("and sends to no more addresses than the RFC allows, however many are named")
  func manyCandidates() {
    let lab = ICELaboratory()
    lab.open()
    let named = (0..<20_000).map { number in
      ICELaboratory.candidate(SocketAddress(IPAddress(v4: 0xC000_0200 + UInt32(number)), port: 80))
    }
    var reached: Set<SocketAddress> = []
    lab.passes = { _, to in
      reached.insert(to)
      return false
    }
    lab.introduce(to: 0, lab.description(of: 1, candidates: named))
    lab.run(for: .seconds(30))
    #expect(reached.count == ICELimits.remoteCandidates)
    #expect(lab.sides[0].core.counters.refusals[.tooMany] == 20_000 - ICELimits.remoteCandidates)
  }
}
