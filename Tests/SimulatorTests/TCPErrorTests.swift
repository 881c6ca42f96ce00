import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A TCP connection hears of errors")
struct TCPErrorTests {
  /// A report about a segment of Alice's with this number.
  static func report(
    _ reason: DeliveryFailure.Reason, sequence: UInt32, in dialogue: TCPDialogue
  ) -> ICMPError {
    let segment = TCPSegment(.syn, sequence: sequence)
    return ICMPError(
      reason, about: Packet(from: dialogue.alice.address, to: dialogue.bob.address, .tcp(segment)))
  }

  @Test(
    "and does not open when ICMP says that it cannot",
    arguments: [
      DeliveryFailure.Reason.portUnreachable, .unreachable, .prohibited, .hopLimitExceeded,
    ])
  func unreachable(reason: DeliveryFailure.Reason) {
    let dialogue = TCPDialogue()
    dialogue.loses = { _, _ in true }
    dialogue.connect(dialogue.alice)
    let report = Self.report(reason, sequence: 100, in: dialogue)
    dialogue.tell(dialogue.alice) { $0.received(report, at: $1) }
    let address = dialogue.bob.address
    #expect(
      dialogue.alice.phase
        == .failed(reason == .portUnreachable ? .connectionRefused(address) : .unreachable(address)))
    #expect(dialogue.alice.core!.isGone)
  }

  @Test(
    "but opens when the ICMP error quotes a number that is not on its way", arguments: [0, 99, 101, 5000])
  func forgedUnreachable(sequence: UInt32) {
    let dialogue = TCPDialogue()
    dialogue.bob.listens = true
    dialogue.connect(dialogue.alice)
    let report = Self.report(.unreachable, sequence: sequence, in: dialogue)
    dialogue.tell(dialogue.alice) { $0.received(report, at: $1) }
    dialogue.run()
    #expect(dialogue.alice.phase == .open)
  }

  @Test("but outlives ICMP errors once it is open")
  func softErrors() {
    let dialogue = TCPDialogue.open()
    dialogue.alice.toWrite = [1, 2, 3]
    dialogue.tell(dialogue.alice) { _, _ in }
    let report = Self.report(.unreachable, sequence: 101, in: dialogue)
    dialogue.tell(dialogue.alice) { $0.received(report, at: $1) }
    dialogue.run()
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob.received == [1, 2, 3])
  }

  @Test("but keeps its segments' size when a forged packet-too-big quotes nothing on its way")
  func forgedTooBig() {
    let dialogue = TCPDialogue.open()
    let report = Self.report(.tooLarge(mtu: 600), sequence: 101, in: dialogue)
    dialogue.tell(dialogue.alice) { $0.received(report, at: $1) }
    #expect(dialogue.alice.core!.congestion.segmentSize == 1460)
  }

  @Test("but opens when a reset acknowledges something else than its SYN")
  func forgedRefusal() {
    let dialogue = TCPDialogue()
    dialogue.bob.listens = true
    dialogue.connect(dialogue.alice)
    dialogue.forge(TCPSegment(.rst, sequence: 0), from: dialogue.bob)
    dialogue.forge(TCPSegment([.rst, .ack], sequence: 0, acknowledgement: 100), from: dialogue.bob)
    dialogue.forge(TCPSegment([.rst, .ack], sequence: 0, acknowledgement: 102), from: dialogue.bob)
    dialogue.run()
    #expect(dialogue.alice.phase == .open)
  }

  @Test("but stays open after forged resets; those in the window are asked about (RFC 5961, 3.2)")
  func forgedReset() {
    let dialogue = TCPDialogue.open()
    for sequence in [300, 302, 1000, 262_445, 262_446, 262_447, 1_000_000] as [UInt32] {
      dialogue.forge(TCPSegment(.rst, sequence: sequence), from: dialogue.bob)
      dialogue.run(for: .seconds(1))
    }
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.said.filter { $0 == "alice <SEQ=101><ACK=301><CTL=ACK>" }.count == 3)
    dialogue.forge(TCPSegment(.rst, sequence: 301), from: dialogue.bob)
    dialogue.run()
    #expect(dialogue.alice.phase == .failed(.connectionReset(dialogue.bob.address)))
  }

  @Test("but stays open after a forged SYN, which is asked about (RFC 5961, 4.2)", arguments: [0, 301, 400])
  func forgedSYN(sequence: UInt32) {
    let dialogue = TCPDialogue.open()
    dialogue.forge(TCPSegment(.syn, sequence: sequence), from: dialogue.bob)
    dialogue.run()
    #expect(dialogue.alice.phase == .open && dialogue.bob.phase == .open)
    #expect(dialogue.said.contains("alice <SEQ=101><ACK=301><CTL=ACK>"))
  }

  @Test("but takes no bytes that acknowledge what was never sent (RFC 5961, 5.2)")
  func forgedBytes() {
    let dialogue = TCPDialogue.open()
    let forged = TCPSegment(
      .ack, sequence: 301, acknowledgement: 5000, window: 9, payload: Payload([6, 6, 6]))
    dialogue.forge(forged, from: dialogue.bob)
    dialogue.run()
    #expect(dialogue.alice.received == [])
    dialogue.bob.toWrite = [1, 2, 3]
    dialogue.tell(dialogue.bob) { _, _ in }
    dialogue.run()
    #expect(dialogue.alice.received == [1, 2, 3])
  }

  @Test("and two sides that disagree do not answer each other forever")
  func noStorm() {
    let dialogue = TCPDialogue()
    for (side, peer) in [(dialogue.alice, 1), (dialogue.bob, 9_000_000)] as [(TCPDialogue.Side, UInt32)] {
      side.core = TCPCore(
        answering: TCPSegment(.syn, sequence: peer), from: dialogue.other(side).address,
        initialSequence: side.initialSequence)
      _ = side.core!.poll(at: dialogue.now)
      let answer = TCPSegment(.ack, sequence: peer + 1, acknowledgement: side.initialSequence + 1)
      side.core!.received(answer, at: dialogue.now)
      #expect(side.phase == .open)
    }
    dialogue.forge(TCPSegment(.ack, sequence: 77_000_000), from: dialogue.alice)
    dialogue.run(for: .seconds(10))
    #expect((2...50).contains(dialogue.segmentsSent))
  }

  @Test("and a stray segment is answered with a reset, a stray reset is not (RFC 9293, 3.10.7.1)")
  func strays() {
    #expect(
      TCPCore.answerToStray(TCPSegment(.syn, sequence: .max))
        == TCPSegment([.rst, .ack], sequence: 0, acknowledgement: 0))
    #expect(
      TCPCore.answerToStray(TCPSegment([.fin, .psh], sequence: 7, payload: Payload([1, 2])))
        == TCPSegment([.rst, .ack], sequence: 0, acknowledgement: 10))
    #expect(
      TCPCore.answerToStray(TCPSegment(.ack, sequence: 1, acknowledgement: 9))
        == TCPSegment(.rst, sequence: 9))
    #expect(TCPCore.answerToStray(TCPSegment([.rst, .ack], sequence: 1)) == nil)
  }
}
