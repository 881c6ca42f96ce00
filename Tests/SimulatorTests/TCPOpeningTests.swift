import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A TCP connection opens")
struct TCPOpeningTests {
  @Test("with three segments, as in figure 6 of RFC 9293")
  func threeWayHandshake() {
    let dialogue = TCPDialogue()
    dialogue.bob.listens = true
    dialogue.connect(dialogue.alice)
    #expect(dialogue.alice.phase == .opening)
    dialogue.run()
    #expect(
      dialogue.said == [
        "alice <SEQ=100><CTL=SYN>",
        "bob <SEQ=300><ACK=101><CTL=SYN,ACK>",
        "alice <SEQ=101><ACK=301><CTL=ACK>",
      ])
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob.phase == .open)
    #expect(dialogue.now == Instant(nanoseconds: 75_000_000))
  }

  @Test("when both sides begin at once, as in figure 8 of RFC 9293")
  func simultaneousOpen() {
    let dialogue = TCPDialogue()
    dialogue.connect(dialogue.alice)
    dialogue.connect(dialogue.bob)
    dialogue.run()
    #expect(
      dialogue.said.prefix(4) == [
        "alice <SEQ=100><CTL=SYN>",
        "bob <SEQ=300><CTL=SYN>",
        "bob <SEQ=300><ACK=101><CTL=SYN,ACK>",
        "alice <SEQ=100><ACK=301><CTL=SYN,ACK>",
      ])
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob.phase == .open)
    #expect(dialogue.segmentsSent == 6, "an ACK from each ends it")
  }

  @Test(
    "when both sides begin at once and the first SYN is dropped, as a NAT does", arguments: [false, true])
  func simultaneousOpenThroughNAT(losesAnswerToo: Bool) {
    let dialogue = TCPDialogue()
    var lost = 0
    dialogue.loses = { [unowned dialogue] side, segment in
      let isDropped =
        side === dialogue.alice && segment.flags == .syn && lost == 0
        || losesAnswerToo && segment.flags == [.syn, .ack] && lost == 1
      if isDropped { lost += 1 }
      return isDropped
    }
    dialogue.connect(dialogue.alice)
    dialogue.run(for: .milliseconds(10))
    dialogue.connect(dialogue.bob)
    dialogue.alice.toWrite = [1, 2, 3]
    dialogue.bob.toWrite = [4, 5]
    dialogue.run(for: .seconds(10))
    #expect(lost == (losesAnswerToo ? 2 : 1))
    #expect(dialogue.bob.received == [1, 2, 3])
    #expect(dialogue.alice.received == [4, 5])
  }

  @Test("after old duplicate SYNs were reset, as in figure 9 of RFC 9293")
  func oldDuplicate() {
    let dialogue = TCPDialogue()
    dialogue.bob.listens = true
    dialogue.forge(TCPSegment(.syn, sequence: 90), from: dialogue.alice)
    dialogue.run(for: .milliseconds(20))
    dialogue.connect(dialogue.alice)
    dialogue.run(for: .milliseconds(40))
    // Bob answers the old one; Alice resets that; Bob has forgotten, and her next SYN finds him.
    #expect(dialogue.said.contains("alice <SEQ=91><CTL=RST>"))
    dialogue.run { dialogue.bob.core?.isGone ?? false }
    #expect(dialogue.bob.phase == .failed(.connectionReset(dialogue.alice.address)))
    dialogue.bob.core = nil
    dialogue.run(for: .seconds(5))
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob.phase == .open)
  }

  @Test("where the other side crashed and still holds half of the old one, as in figure 10 of RFC 9293")
  func halfOpen() {
    let dialogue = TCPDialogue.open()
    dialogue.alice.core = nil
    dialogue.alice.initialSequence = 400
    dialogue.connect(dialogue.alice)
    dialogue.run { dialogue.bob.core!.isGone }
    #expect(
      dialogue.said == [
        "alice <SEQ=400><CTL=SYN>",
        "bob <SEQ=301><ACK=101><CTL=ACK>",
        "alice <SEQ=101><CTL=RST>",
      ])
    #expect(dialogue.bob.phase == .failed(.connectionReset(dialogue.alice.address)))
    dialogue.bob.core = nil
    dialogue.run(for: .seconds(3))
    #expect(dialogue.alice.phase == .open)
  }

  @Test("not where nothing listens: refused after one round trip")
  func refused() {
    let dialogue = TCPDialogue()
    dialogue.connect(dialogue.alice)
    dialogue.run()
    #expect(dialogue.said == ["alice <SEQ=100><CTL=SYN>", "bob <SEQ=0><ACK=101><CTL=RST,ACK>"])
    #expect(dialogue.alice.phase == .failed(.connectionRefused(dialogue.bob.address)))
    #expect(dialogue.alice.errors == [.connectionRefused(dialogue.bob.address)])
    #expect(dialogue.alice.core!.isGone)
    #expect(dialogue.now == Instant(nanoseconds: 50_000_000))
  }

  @Test("after lost SYNs, sent again after 1, 2 and 4 seconds")
  func lostSYN() {
    let dialogue = TCPDialogue()
    var times: [Instant] = []
    dialogue.bob.listens = true
    dialogue.loses = { [unowned dialogue] _, segment in
      guard segment.flags == .syn else { return false }
      times.append(dialogue.now)
      return times.count <= 3
    }
    dialogue.connect(dialogue.alice)
    dialogue.run()
    #expect(times.map { $0.nanoseconds / 1_000_000_000 } == [0, 1, 3, 7])
    #expect(dialogue.alice.phase == .open)
  }

  @Test("after a lost SYN,ACK and a lost ACK")
  func lostAnswers() {
    let dialogue = TCPDialogue()
    var lost = 0
    dialogue.bob.listens = true
    dialogue.loses = { [unowned dialogue] side, segment in
      let isDropped =
        segment.flags == [.syn, .ack] && lost == 0
        || side === dialogue.alice && segment.flags == .ack && lost == 1
      if isDropped { lost += 1 }
      return isDropped
    }
    dialogue.connect(dialogue.alice)
    dialogue.run()
    #expect(lost == 2)
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob.phase == .open)
  }

  @Test("not when nobody answers: timed out after 127 seconds")
  func timedOut() {
    let dialogue = TCPDialogue()
    dialogue.loses = { _, _ in true }
    dialogue.connect(dialogue.alice)
    dialogue.run()
    #expect(dialogue.segmentsSent == 7)
    #expect(dialogue.now == Instant(nanoseconds: 127_000_000_000))
    #expect(dialogue.alice.phase == .failed(.timedOut(dialogue.bob.address)))
    #expect(dialogue.alice.core!.nextDeadline == nil)
  }

  @Test("with itself, where a socket connects to its own address")
  func withItself() {
    var core = TCPCore(connectingTo: .loopback(.v4, port: 9), initialSequence: 7)
    let now = Instant(nanoseconds: 0)
    while let segment = core.poll(at: now) { core.received(segment, at: now) }
    #expect(core.phase == .open)
  }

  @Test("and writes nothing before it is open, but keeps the wish to finish")
  func earlyFinish() throws {
    let dialogue = TCPDialogue()
    dialogue.bob.listens = true
    dialogue.connect(dialogue.alice)
    let written = try dialogue.tell(dialogue.alice) { core, now in
      try core.write(([1] as [UInt8]).span.bytes, at: now)
    }
    #expect(written == 0)
    #expect(!dialogue.alice.core!.isWritable)
    try dialogue.tell(dialogue.alice) { core, now in try core.finish(at: now) }
    dialogue.run(for: .seconds(1))
    #expect(dialogue.bob.hasEnded)
    #expect(dialogue.alice.state == .finWait2)
  }

  @Test("and is forgotten without a word when closed before an answer")
  func closedWhileOpening() {
    let dialogue = TCPDialogue()
    dialogue.connect(dialogue.alice)
    dialogue.tell(dialogue.alice) { core, now in core.close(at: now) }
    #expect(dialogue.alice.core!.isGone)
    #expect(dialogue.alice.phase == .closed)
    #expect(dialogue.segmentsSent == 1)
  }
}
