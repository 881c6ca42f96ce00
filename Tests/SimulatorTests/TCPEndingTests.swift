import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A TCP connection ends")
struct TCPEndingTests {
  @Test("one direction after the other, as in figure 12 of RFC 9293")
  func halfClose() throws {
    let dialogue = TCPDialogue.open()
    try dialogue.tell(dialogue.alice) { core, now in try core.finish(at: now) }
    dialogue.run(for: .seconds(1))
    #expect(dialogue.bob.hasEnded)
    #expect(dialogue.alice.state == .finWait2)
    #expect(dialogue.bob.state == .closeWait)

    dialogue.bob.toWrite = .random(400_000, seed: 1)
    dialogue.bob.finishes = true
    dialogue.tell(dialogue.bob) { _, _ in }
    dialogue.run { dialogue.alice.hasEnded }
    dialogue.expectEverything(at: dialogue.alice)
    #expect(dialogue.alice.state == .timeWait)
    dialogue.run(for: .seconds(1))
    #expect(dialogue.bob.core!.isGone)
    let before = dialogue.now
    dialogue.run()
    #expect(dialogue.alice.core!.isGone)
    #expect(before.duration(to: dialogue.now) > .seconds(58))
    #expect(dialogue.alice.phase == .open, "its program has not closed it")
    #expect(throws: NetworkError.finished) {
      try dialogue.tell(dialogue.alice) { core, now in try core.write(([1] as [UInt8]).span.bytes, at: now) }
    }
  }

  @Test("with the other side's direction first")
  func halfCloseByAnswerer() throws {
    let dialogue = TCPDialogue.open()
    dialogue.bob.finishes = true
    dialogue.tell(dialogue.bob) { _, _ in }
    dialogue.run { dialogue.alice.hasEnded }
    dialogue.alice.toWrite = [7, 8, 9]
    dialogue.alice.finishes = true
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run()
    #expect(dialogue.bob.received == [7, 8, 9])
    #expect(dialogue.bob.hasEnded)
    #expect(dialogue.alice.core!.isGone && dialogue.bob.core!.isGone)
  }

  @Test("when both finish at once, as in figure 13 of RFC 9293")
  func simultaneousClose() throws {
    let dialogue = TCPDialogue.open()
    try dialogue.tell(dialogue.alice) { core, now in try core.finish(at: now) }
    try dialogue.tell(dialogue.bob) { core, now in try core.finish(at: now) }
    #expect(
      dialogue.said == ["alice <SEQ=101><ACK=301><CTL=FIN,ACK>", "bob <SEQ=301><ACK=101><CTL=FIN,ACK>"])
    dialogue.run { dialogue.alice.state == .closing && dialogue.bob.state == .closing }
    dialogue.run(for: .milliseconds(30))
    #expect(dialogue.alice.state == .timeWait && dialogue.bob.state == .timeWait)
    #expect(dialogue.alice.hasEnded && dialogue.bob.hasEnded)
    dialogue.run()
    #expect(dialogue.alice.core!.isGone && dialogue.bob.core!.isGone)
  }

  @Test("with the last ACK lost: the FIN comes again, and TIME-WAIT begins again")
  func lostLastACK() {
    let dialogue = TCPDialogue.open()
    dialogue.alice.finishes = true
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run { dialogue.bob.hasEnded }
    dialogue.bob.finishes = true
    dialogue.tell(dialogue.bob) { _, _ in }
    var lost = 0
    dialogue.loses = { [unowned dialogue] side, segment in
      guard side === dialogue.alice, dialogue.alice.state == .timeWait, lost < 2 else { return false }
      lost += 1
      return true
    }
    dialogue.run { dialogue.bob.core!.isGone }
    #expect(lost == 2)
    let end = dialogue.now
    dialogue.run()
    #expect(end.duration(to: dialogue.now) > .seconds(59))
    #expect(dialogue.alice.errors == [] && dialogue.bob.errors == [])
  }

  @Test("at once by an abort: the other side reads what had arrived, then hears of the reset")
  func abort() {
    let dialogue = TCPDialogue.open()
    dialogue.bob.reads = false
    dialogue.alice.toWrite = [1, 2, 3]
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run(for: .seconds(1))
    dialogue.tell(dialogue.alice) { core, now in core.abort(at: now) }
    #expect(dialogue.said.last == "alice <SEQ=104><ACK=301><CTL=RST,ACK>")
    #expect(dialogue.alice.phase == .closed)
    #expect(dialogue.alice.core!.isGone)
    dialogue.run()
    #expect(dialogue.bob.phase == .failed(.connectionReset(dialogue.alice.address)))
    dialogue.bob.reads = true
    dialogue.tell(dialogue.bob) { _, _ in }
    #expect(dialogue.bob.received == [1, 2, 3])
    #expect(dialogue.bob.errors == [.connectionReset(dialogue.alice.address)])
  }

  @Test("in the middle of a stream by an abort, even when the reset overtakes bytes")
  func abortInTheMiddle() {
    let dialogue = TCPDialogue.open(seed: 3) { $0.jitter = .milliseconds(30) }
    dialogue.alice.toWrite = .random(500_000, seed: 1)
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run(for: .milliseconds(300))
    dialogue.tell(dialogue.alice) { core, now in core.abort(at: now) }
    dialogue.run()
    #expect(dialogue.bob.errors == [.connectionReset(dialogue.alice.address)])
    #expect(dialogue.bob.received == Array(dialogue.alice.toWrite.prefix(dialogue.bob.received.count)))
  }

  @Test("with a reset when it is closed before everything was read")
  func closedUnread() {
    let dialogue = TCPDialogue.open()
    dialogue.bob.reads = false
    dialogue.alice.toWrite = [1]
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run(for: .seconds(1))
    dialogue.tell(dialogue.bob) { core, now in core.close(at: now) }
    dialogue.run()
    #expect(dialogue.alice.errors == [.connectionReset(dialogue.bob.address)])
    #expect(dialogue.bob.phase == .closed)
  }

  @Test("with a reset when bytes arrive after it was closed")
  func bytesAfterClose() {
    let dialogue = TCPDialogue.open()
    dialogue.tell(dialogue.bob) { core, now in core.close(at: now) }
    dialogue.run { dialogue.alice.hasEnded }
    dialogue.alice.toWrite = [1]
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run()
    #expect(dialogue.bob.core!.isGone)
    #expect(dialogue.alice.phase == .failed(.connectionReset(dialogue.bob.address)))
  }

  @Test("after everything written has arrived when it is closed, through loss too", arguments: [0, 0.2])
  func closeDelivers(loss: Double) {
    let dialogue = TCPDialogue.open()
    dialogue.loss = loss
    dialogue.alice.toWrite = .random(200_000, seed: 1)
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.tell(dialogue.alice) { core, now in core.close(at: now) }
    #expect(dialogue.alice.phase == .closed)
    dialogue.bob.finishes = true
    dialogue.run()
    dialogue.expectEverything(at: dialogue.bob)
    #expect(dialogue.bob.hasEnded)
    #expect(dialogue.alice.core!.isGone)
  }

  @Test("after a while when it is closed and the other side never finishes")
  func finishWait() {
    let dialogue = TCPDialogue.open()
    dialogue.tell(dialogue.alice) { core, now in core.close(at: now) }
    dialogue.run { dialogue.alice.state == .finWait2 }
    let start = dialogue.now
    dialogue.run { dialogue.alice.core!.isGone }
    #expect(start.duration(to: dialogue.now) == .seconds(60))
    #expect(dialogue.bob.phase == .open)
  }

  @Test("for its program at once: everything throws after close")
  func closedForTheProgram() {
    let dialogue = TCPDialogue.open()
    dialogue.tell(dialogue.alice) { core, now in core.close(at: now) }
    #expect(throws: NetworkError.closed) {
      try dialogue.tell(dialogue.alice) { core, now in try core.write(([1] as [UInt8]).span.bytes, at: now) }
    }
    #expect(throws: NetworkError.closed) {
      try dialogue.tell(dialogue.alice) { core, now in try core.finish(at: now) }
    }
  }

  @Test("so that TIME-WAIT gives way to a newer SYN only")
  func givesWay() {
    let dialogue = TCPDialogue.open()
    dialogue.alice.finishes = true
    dialogue.bob.finishes = true
    dialogue.tell(dialogue.alice) { _, _ in }
    dialogue.run { dialogue.bob.hasEnded }
    dialogue.tell(dialogue.bob) { _, _ in }
    dialogue.run { dialogue.alice.state == .timeWait }
    #expect(dialogue.alice.core!.givesWay(to: TCPSegment(.syn, sequence: 1000)))
    #expect(!dialogue.alice.core!.givesWay(to: TCPSegment(.syn, sequence: 200)))
    #expect(!dialogue.alice.core!.givesWay(to: TCPSegment([.syn, .ack], sequence: 1000)))
  }
}
