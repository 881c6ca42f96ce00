import Testing
import WarrenMachine

@testable import WarrenSimulator

/// Two cores and a line between them that loses, delays and doubles as it is told.
struct TCPDialogue {
  static let aliceAddress = SocketAddress(IPAddress(192, 0, 2, 1), port: 1)
  static let bobAddress = SocketAddress(IPAddress(192, 0, 2, 2), port: 2)

  enum Side { case alice, bob }

  var alice: TCPCore
  var bob: TCPCore?
  var now = Instant(nanoseconds: 0)
  /// What every segment is asked for: how often it arrives, and how late. Nothing: it is lost.
  var line: (Side, TCPSegment, inout SimulatorRandom) -> [Duration] = { _, _, _ in [.milliseconds(10)] }
  var random: SimulatorRandom
  var log: [(Side, TCPSegment)] = []
  private var inFlight: [(at: Instant, number: Int, to: Side, segment: TCPSegment)] = []
  private var sent = 0
  private let bobSequence: UInt32

  init(
    seed: UInt64 = 1, aliceSequence: UInt32 = 1000, bobSequence: UInt32 = 9000, bothCall: Bool = false
  ) {
    random = SimulatorRandom(seed: seed)
    self.bobSequence = bobSequence
    alice = TCPCore(
      opening: aliceSequence, maximumSegment: 1460, remote: TCPDialogue.bobAddress, at: now)
    if bothCall {
      bob = TCPCore(
        opening: bobSequence, maximumSegment: 1460, remote: TCPDialogue.aliceAddress, at: now)
    }
  }

  /// Sends what both have to send.
  mutating func pump() {
    while let segment = alice.poll(at: now) { put(segment, from: .alice) }
    while let segment = bob?.poll(at: now) { put(segment, from: .bob) }
  }

  private mutating func put(_ segment: TCPSegment, from side: Side) {
    log.append((side, segment))
    for delay in line(side, segment, &random) {
      sent += 1
      inFlight.append((now.advanced(by: delay), sent, side == .alice ? .bob : .alice, segment))
    }
  }

  /// Lets the next thing happen.
  ///
  /// - Returns: whether there was one.
  mutating func step() -> Bool {
    pump()
    let arrival = inFlight.min { ($0.at, $0.number) < ($1.at, $1.number) }
    let times = [arrival?.at, alice.nextDeadline, bob?.nextDeadline].compactMap { $0 }
    guard let next = times.min() else { return false }
    now = max(now, next)
    if let arrival, arrival.at <= now {
      inFlight.removeAll { $0.number == arrival.number }
      deliver(arrival.segment, to: arrival.to)
    } else {
      if let deadline = alice.nextDeadline, deadline <= now { alice.deadlinePassed(at: now) }
      if let deadline = bob?.nextDeadline, deadline <= now { bob?.deadlinePassed(at: now) }
    }
    return true
  }

  mutating func deliver(_ segment: TCPSegment, to side: Side) {
    switch side {
    case .alice: alice.received(segment, at: now)
    case .bob:
      if bob != nil {
        bob?.received(segment, at: now)
      } else if segment.flags == .syn {
        bob = TCPCore(
          answering: segment, with: bobSequence, maximumSegment: 1460, remote: TCPDialogue.aliceAddress,
          at: now)
      }
    }
  }

  mutating func run(until isDone: (TCPDialogue) -> Bool = { _ in false }, steps: Int = 200_000) {
    for _ in 0..<steps where !isDone(self) {
      if !step() { return }
    }
  }

  /// Opens the connection on both sides.
  mutating func open() {
    run { $0.alice.phase == .open && $0.bob?.phase == .open }
    pump()
  }
}

extension TCPCore {
  /// Reads all there is.
  mutating func readAll(at now: Instant) throws -> [UInt8] {
    var result: [UInt8] = []
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
    defer { memory.deallocate() }
    while true {
      var span = OutputRawSpan(buffer: memory, initializedCount: 0)
      let read = try self.read(into: &span)
      let count = span.finalize(for: memory)
      guard case .bytes = read else { return result }
      result += memory[..<count]
    }
  }
}

@Suite("Simulated TCP")
struct TCPCoreTests {
  @Test("opens with three segments")
  func threeWay() {
    var dialogue = TCPDialogue()
    dialogue.open()
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob?.phase == .open)
    #expect(dialogue.log.map(\.1.flags) == [.syn, [.syn, .ack], .ack])
    #expect(dialogue.now == Instant(nanoseconds: 30_000_000))
  }

  @Test("opens when both call at once")
  func simultaneousOpen() {
    var dialogue = TCPDialogue(bothCall: true)
    dialogue.open()
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob?.phase == .open)
    #expect(dialogue.log.prefix(4).map(\.1.flags) == [.syn, .syn, [.syn, .ack], [.syn, .ack]])
  }

  @Test("opens although the first segments are lost", arguments: 1...4)
  func lostOpening(lost: Int) {
    var dialogue = TCPDialogue()
    var left = lost
    dialogue.line = { _, _, _ in
      left -= 1
      return left >= 0 ? [] : [.milliseconds(10)]
    }
    dialogue.open()
    #expect(dialogue.alice.phase == .open)
    #expect(dialogue.bob?.phase == .open)
  }

  @Test("is refused where nothing listens")
  func refusal() throws {
    var dialogue = TCPDialogue()
    let polled = dialogue.alice.poll(at: dialogue.now)
    let syn = try #require(polled)
    let answer = try #require(TCPCore.answerToStray(syn))
    #expect(answer.flags == [.rst, .ack])
    #expect(answer.acknowledgement == syn.sequence &+ 1)
    dialogue.alice.received(answer, at: dialogue.now)
    #expect(dialogue.alice.phase == .failed(.connectionRefused(TCPDialogue.bobAddress)))
    #expect(dialogue.alice.isGone)
    #expect(TCPCore.answerToStray(answer) == nil)
  }

  @Test("gives up opening after 127 seconds of silence")
  func openingTimesOut() {
    var dialogue = TCPDialogue()
    dialogue.line = { _, _, _ in [] }
    dialogue.run()
    #expect(dialogue.alice.phase == .failed(.timedOut(TCPDialogue.bobAddress)))
    #expect(dialogue.log.count == 7)
    #expect(dialogue.now == Instant(nanoseconds: 127_000_000_000))
  }

  @Test(
    "carries a mebibyte exactly over a line that loses, reorders and doubles", arguments: UInt64(1)...20)
  func exactness(seed: UInt64) throws {
    // Numbers that wrap around in the middle of it.
    var dialogue = TCPDialogue(seed: seed, aliceSequence: .max - 300_000, bobSequence: .max - 5)
    dialogue.line = { _, _, random in
      if random.chance(0.1) { return [] }
      let late = Duration.milliseconds(10 + (random.chance(0.1) ? random.below(30) : 0))
      return random.chance(0.05) ? [late, late + .milliseconds(7)] : [late]
    }
    dialogue.open()
    let message = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    var written = 0
    var received: [UInt8] = []
    for _ in 0..<100_000 {
      if written < message.count {
        written += try dialogue.alice.write(
          message.span.bytes.extracting(droppingFirst: written), at: dialogue.now)
        if written == message.count { try dialogue.alice.finish(at: dialogue.now) }
      }
      guard dialogue.step() else { break }
      received += try dialogue.bob!.readAll(at: dialogue.now)
      if received.count == message.count { break }
    }
    #expect(received == message)
    dialogue.run { $0.bob!.isReadable }
    #expect(dialogue.bob!.isReadable, "the end was not heard")
    try dialogue.bob!.finish(at: dialogue.now)
    dialogue.run()
    #expect(dialogue.alice.isGone && dialogue.bob!.isGone)
  }

  @Test("lets one side finish while the other goes on")
  func halfClose() throws {
    var dialogue = TCPDialogue()
    dialogue.open()
    _ = try dialogue.alice.write(Array("hello".utf8).span.bytes, at: dialogue.now)
    try dialogue.alice.finish(at: dialogue.now)
    #expect(throws: NetworkError.finished) {
      try dialogue.alice.write(Array("more".utf8).span.bytes, at: dialogue.now)
    }
    dialogue.run { $0.bob!.isReadable && $0.log.count > 5 }
    #expect(try dialogue.bob!.readAll(at: dialogue.now) == Array("hello".utf8))
    _ = try dialogue.bob!.write(Array("goodbye".utf8).span.bytes, at: dialogue.now)
    try dialogue.bob!.finish(at: dialogue.now)
    dialogue.run { $0.alice.isLingering }
    #expect(try dialogue.alice.readAll(at: dialogue.now) == Array("goodbye".utf8))
    dialogue.run()
    #expect(dialogue.alice.isGone && dialogue.bob!.isGone)
  }

  @Test("ends when both finish at once")
  func simultaneousClose() throws {
    var dialogue = TCPDialogue()
    dialogue.open()
    try dialogue.alice.finish(at: dialogue.now)
    try dialogue.bob!.finish(at: dialogue.now)
    dialogue.run { $0.alice.isLingering && $0.bob!.isLingering }
    #expect(dialogue.alice.isLingering && dialogue.bob!.isLingering)
    dialogue.run()
    #expect(dialogue.alice.isGone && dialogue.bob!.isGone)
  }

  @Test("stops writing when nobody reads, and goes on when somebody does")
  func backPressure() throws {
    var dialogue = TCPDialogue()
    dialogue.open()
    let chunk = [UInt8](repeating: 1, count: 10_000)
    var written = 0
    for _ in 0..<2000 {
      written += try dialogue.alice.write(chunk.span.bytes, at: dialogue.now)
      _ = dialogue.step()
    }
    #expect(written == 2 * TCPLimits.bufferBytes)
    #expect(!dialogue.alice.isWritable)
    // It asks whether there is room, again and again, and never gives up.
    let asked = dialogue.log.count
    let later = dialogue.now.advanced(by: .seconds(1000))
    dialogue.run(until: { $0.now > later })
    #expect(dialogue.alice.phase == .open)
    #expect((10...60).contains(dialogue.log.count - asked))

    var read = 0
    for _ in 0..<5000 where read < written {
      read += try dialogue.bob!.readAll(at: dialogue.now).count
      _ = dialogue.step()
    }
    #expect(read == written)
    #expect(dialogue.alice.isWritable)
  }

  @Test("believes a reset only at the exact place in the stream")
  func forgedResets() {
    var dialogue = TCPDialogue()
    dialogue.open()
    let place = dialogue.log[0].1.sequence &+ 1
    for offset: UInt32 in [1, 1000, .max, 1 << 31] {
      dialogue.bob!.received(TCPSegment(.rst, sequence: place &+ offset), at: dialogue.now)
    }
    dialogue.run(steps: 20)
    #expect(dialogue.bob!.phase == .open)
    dialogue.bob!.received(TCPSegment(.rst, sequence: place), at: dialogue.now)
    #expect(dialogue.bob!.phase == .failed(.connectionReset(TCPDialogue.aliceAddress)))
  }

  @Test("believes an ICMP error only about what is on its way")
  func icmp() throws {
    var dialogue = TCPDialogue()
    let polled = dialogue.alice.poll(at: dialogue.now)
    let syn = try #require(polled)
    func error(_ sequence: UInt32, _ reason: DeliveryFailure.Reason) -> ICMPError {
      var segment = syn
      segment.sequence = sequence
      return ICMPError(
        reason,
        about: Packet(from: TCPDialogue.aliceAddress, to: TCPDialogue.bobAddress, .tcp(segment)))
    }
    dialogue.alice.received(error(syn.sequence &+ 77, .unreachable), at: dialogue.now)
    #expect(dialogue.alice.phase == .opening)
    dialogue.alice.received(error(syn.sequence, .unreachable), at: dialogue.now)
    #expect(dialogue.alice.phase == .failed(.unreachable(TCPDialogue.bobAddress)))

    var other = TCPDialogue()
    other.open()
    other.alice.received(error(1001, .unreachable), at: other.now)
    #expect(other.alice.phase == .open, "an established connection outlives a router's moods")
  }

  @Test("sends smaller segments when a link on the way wants them")
  func pathMTU() throws {
    var dialogue = TCPDialogue()
    dialogue.open()
    let bytes = [UInt8](repeating: 3, count: 20_000)
    _ = try dialogue.alice.write(bytes.span.bytes, at: dialogue.now)
    let polled = dialogue.alice.poll(at: dialogue.now)
    let large = try #require(polled)
    #expect(large.payload.count == 1460)
    dialogue.alice.received(
      ICMPError(
        .tooLarge(mtu: 1280),
        about: Packet(from: TCPDialogue.aliceAddress, to: TCPDialogue.bobAddress, .tcp(large))),
      at: dialogue.now)
    let before = dialogue.log.count
    dialogue.run()
    #expect(dialogue.log[before...].allSatisfy { $0.1.payload.count <= 1240 })
    #expect(try dialogue.bob!.readAll(at: dialogue.now) == bytes)
  }

  @Test("resets when what it was sent will never be read")
  func closeWithUnread() throws {
    var dialogue = TCPDialogue()
    dialogue.open()
    _ = try dialogue.alice.write(Array("hello".utf8).span.bytes, at: dialogue.now)
    dialogue.run { $0.bob!.isReadable }
    dialogue.bob!.close(at: dialogue.now)
    dialogue.run()
    #expect(dialogue.alice.phase == .failed(.connectionReset(TCPDialogue.bobAddress)))
  }

  @Test("keeps its promises whatever segments arrive", arguments: UInt64(1)...100)
  func fuzz(seed: UInt64) throws {
    var random = SimulatorRandom(seed: seed)
    var dialogue = TCPDialogue(seed: seed, bothCall: random.chance(0.3))
    var wasOpen = false
    for _ in 0..<2000 {
      switch random.below(8) {
      case 0: try? dialogue.alice.finish(at: dialogue.now)
      case 1: _ = try? dialogue.alice.readAll(at: dialogue.now)
      case 2:
        let bytes = [UInt8](repeating: 1, count: random.below(5000))
        _ = try? dialogue.alice.write(bytes.span.bytes, at: dialogue.now)
      case 3, 4: _ = dialogue.step()
      default:
        let near = dialogue.log.last.map { random.chance(0.5) ? $0.1.sequence : $0.1.acknowledgement } ?? 0
        let segment = TCPSegment(
          TCPSegment.Flags(rawValue: UInt8(random.below(32))),
          sequence: near &+ UInt32(random.below(5)) &- 2,
          acknowledgement: (dialogue.log.last?.1.acknowledgement ?? 0) &+ UInt32(random.below(5)) &- 2,
          window: UInt32(random.below(100_000)),
          payload: Payload([UInt8](repeating: 2, count: random.below(3000))))
        dialogue.alice.received(segment, at: dialogue.now)
      }
      dialogue.pump()
      if wasOpen { #expect(dialogue.alice.phase != .opening, "a connection never closes and opens again") }
      wasOpen = wasOpen || dialogue.alice.phase == .open
    }
  }
}
