import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A TCP connection carries bytes")
struct TCPDataTests {
  /// Where everything goes wrong at once: a tenth lost, some twice, and later ones before earlier ones.
  static func spoil(_ dialogue: TCPDialogue) {
    dialogue.loss = 0.1
    dialogue.duplication = 0.05
    dialogue.jitter = .milliseconds(10)
  }

  @Test("exactly, through loss, duplication and reordering", arguments: 1...20 as ClosedRange<UInt64>)
  func spoiltWay(seed: UInt64) {
    let dialogue = TCPDialogue.open(seed: seed, alice: .max - 5000, bob: .max, Self.spoil)
    dialogue.alice.toWrite = .random(1 << 20, seed: seed)
    dialogue.bob.toWrite = .random(1 << 17, seed: seed &+ 1)
    dialogue.alice.finishes = true
    dialogue.bob.finishes = true
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.tell(dialogue.bob) { _, _ in }
    dialogue.run(for: .seconds(600)) { dialogue.alice.hasEnded && dialogue.bob.hasEnded }
    dialogue.expectEverything(at: dialogue.bob)
    dialogue.expectEverything(at: dialogue.alice)
    dialogue.run()
    #expect(dialogue.alice.core!.isGone && dialogue.bob.core!.isGone)
    #expect(dialogue.alice.errors == [] && dialogue.bob.errors == [])
  }

  @Test("the same way for the same seed")
  func deterministic() {
    func run() -> [String] {
      let dialogue = TCPDialogue.open(seed: 42, Self.spoil)
      dialogue.alice.toWrite = .random(100_000, seed: 1)
      dialogue.tell(dialogue.alice) { _, _ in }
      dialogue.run(for: .seconds(60))
      return dialogue.said
    }
    let first = run()
    #expect(first.count > 100)
    #expect(first == run())
  }

  @Test("in slow start at first: 10 segments, then 20")
  func slowStart() {
    let dialogue = TCPDialogue.open()
    dialogue.alice.toWrite = .random(200_000, seed: 1)
    dialogue.tell(dialogue.alice) { _, _ in }
    #expect(dialogue.segmentsSent == 3 + 10)
    dialogue.run(for: .milliseconds(60))
    #expect(dialogue.said.filter { $0.hasPrefix("alice") }.count == 30)
    dialogue.run()
    dialogue.expectEverything(at: dialogue.bob)
  }

  @Test("and repairs one loss within a round trip, without waiting for the timer")
  func fastRetransmit() {
    let dialogue = TCPDialogue.open()
    var hasLost = false
    dialogue.loses = { [unowned dialogue] side, segment in
      guard side === dialogue.alice, segment.payload.count > 0, !hasLost else { return false }
      hasLost = true
      return true
    }
    let start = dialogue.now
    dialogue.alice.toWrite = .random(14_600, seed: 1)
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run { dialogue.bob.received.count == 14_600 }
    #expect(start.duration(to: dialogue.now) == .milliseconds(75))
    #expect(dialogue.said.filter { $0.hasPrefix("alice <SEQ=101>") }.count == 2)
    #expect(dialogue.said.filter { $0.hasPrefix("alice") }.count == 11, "nothing else was sent twice")
  }

  @Test("and sends again after the timer where no other segment tells of the loss")
  func timeout() {
    let dialogue = TCPDialogue.open()
    var losses = 2
    dialogue.loses = { [unowned dialogue] side, segment in
      guard side === dialogue.alice, segment.payload.count > 0, losses > 0 else { return false }
      losses -= 1
      return true
    }
    let start = dialogue.now
    dialogue.alice.toWrite = [1]
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run { dialogue.bob.received == [1] }
    // One round trip of 50 ms measured: the timeout is the shortest, 200 ms, and then twice that.
    #expect(start.duration(to: dialogue.now) == .milliseconds(200 + 400 + 25))
  }

  @Test("as fast as the reader reads: the writer stops at a closed window, and goes on")
  func backPressure() {
    let dialogue = TCPDialogue.open()
    let bytes = [UInt8].random(1_000_000, seed: 3)
    dialogue.bob.reads = false
    dialogue.alice.toWrite = bytes
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run(for: .seconds(30))
    #expect(dialogue.bob.core!.receiving.readable == 256 * 1024)
    #expect(dialogue.alice.written <= 512 * 1024)
    #expect(!dialogue.alice.core!.isWritable)
    let quiet = dialogue.segmentsSent
    dialogue.run(for: .seconds(600))
    #expect(dialogue.segmentsSent - quiet < 20, "probes become rare")
    #expect(dialogue.alice.phase == .open)

    dialogue.bob.reads = true
    dialogue.tell(dialogue.bob) { _, _ in }
    let resumed = dialogue.now
    dialogue.run { dialogue.bob.received.count == bytes.count }
    dialogue.expectEverything(at: dialogue.bob)
    #expect(resumed.duration(to: dialogue.now) < .seconds(2))
  }

  @Test("where the announcement that a window has opened is lost: a probe asks for it")
  func lostWindowUpdate() {
    let dialogue = TCPDialogue.open()
    dialogue.bob.reads = false
    dialogue.alice.toWrite = .random(300_000, seed: 3)
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run(for: .seconds(10))
    dialogue.loses = { [unowned dialogue] side, _ in side === dialogue.bob }
    dialogue.bob.reads = true
    dialogue.tell(dialogue.bob) { _, _ in }
    dialogue.loses = { _, _ in false }
    dialogue.run(for: .seconds(130)) { dialogue.bob.received.count == 300_000 }
    dialogue.expectEverything(at: dialogue.bob)
  }

  @Test("through a tiny window", arguments: [1, 3, 100, 1460, 1461])
  func tinyWindow(size: Int) {
    let dialogue = TCPDialogue.open { $0.bob.limits.receiveBuffer = size }
    dialogue.alice.toWrite = .random(min(size * 50, 20_000), seed: 5)
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run { dialogue.bob.received.count == dialogue.alice.toWrite.count }
    dialogue.expectEverything(at: dialogue.bob)
  }

  @Test("small writes at once, or together while something is on its way (Nagle)", arguments: [true, false])
  func smallWrites(sendsAtOnce: Bool) throws {
    let dialogue = TCPDialogue.open()
    dialogue.alice.core!.sendsAtOnce = sendsAtOnce
    for byte in 0..<10 as Range<UInt8> {
      try dialogue.tell(dialogue.alice) { core, now in _ = try core.write([byte].span.bytes, at: now) }
    }
    dialogue.run()
    #expect(dialogue.bob.received == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(dialogue.said.filter { $0.hasPrefix("alice") }.count == (sendsAtOnce ? 10 : 2))
  }

  @Test("until nobody acknowledges any more: timed out")
  func silence() {
    let dialogue = TCPDialogue.open()
    dialogue.loses = { _, _ in true }
    dialogue.alice.toWrite = [1]
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run()
    #expect(dialogue.alice.phase == .failed(.timedOut(dialogue.bob.address)))
    #expect(dialogue.segmentsSent == 3 + 1 + TCPLimits().retransmissions)
  }

  @Test("in smaller segments when a router says that they are too large")
  func packetTooBig() {
    let dialogue = TCPDialogue.open()
    var reports: [ICMPError] = []
    dialogue.loses = { [unowned dialogue] side, segment in
      guard side === dialogue.alice, segment.payload.count > 1240 else { return false }
      let packet = Packet(from: side.address, to: dialogue.bob.address, .tcp(segment))
      reports.append(ICMPError(.tooLarge(mtu: 1280), about: packet))
      return true
    }
    dialogue.alice.toWrite = .random(50_000, seed: 8)
    dialogue.tell(dialogue.alice) { _, _ in }
    let start = dialogue.now
    while let report = reports.popLast() { dialogue.tell(dialogue.alice) { $0.received(report, at: $1) } }
    dialogue.run { dialogue.bob.received.count == 50_000 }
    dialogue.expectEverything(at: dialogue.bob)
    #expect(start.duration(to: dialogue.now) < .milliseconds(200), "no timer was needed")
  }
}
