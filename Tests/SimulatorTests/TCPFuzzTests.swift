import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A TCP connection withstands")
struct TCPFuzzTests {
  /// How far a phase is: it never goes back.
  static func rank(_ phase: TCPPhase) -> Int {
    switch phase {
    case .opening: 0
    case .open: 1
    case .failed: 2
    case .closed: 3
    }
  }

  static let limits = {
    var limits = TCPLimits()
    limits.sendBuffer = 8000
    limits.receiveBuffer = 6000
    limits.sendLowWater = 100
    limits.earlyPieces = 20
    return limits
  }()

  /// A segment near what the core expects, with every flag at random.
  static func segment(near core: TCPCore, _ random: inout SimulatorRandom) -> TCPSegment {
    func number(near position: Int, of sequence: TCPSequence, _ random: inout SimulatorRandom) -> UInt32 {
      switch random.below(8) {
      case 0...3: sequence.number(at: position)
      case 4...6: sequence.number(at: position + random.below(8001) - 4000)
      default: UInt32(truncatingIfNeeded: random.next())
      }
    }
    // Resets and SYNs end most connections: they are rare, so that the rest is seen too.
    var flags = TCPSegment.Flags(rawValue: UInt8(random.below(32)))
    if !random.chance(0.05) { flags.remove(.rst) }
    if core.state != .synSent, !random.chance(0.1) { flags.remove(.syn) }
    if !random.chance(0.1) { flags.remove(.fin) }
    if !random.chance(0.1) { flags.insert(.ack) }
    let acknowledged =
      random.chance(0.5) ? core.sending.highest : core.sending.unacknowledged + random.below(3000)
    return TCPSegment(
      flags, sequence: number(near: core.receiving.next, of: core.receiving.sequence, &random),
      acknowledgement: number(near: acknowledged, of: core.sending.sequence, &random),
      window: random.chance(0.1) ? 0 : random.chance(0.05) ? .max : UInt32(random.below(20_000)),
      payload: random.chance(0.5)
        ? .empty : Payload([UInt8](repeating: 7, count: random.below(random.chance(0.1) ? 9000 : 1500))))
  }

  /// Does one thing at random.
  static func step(_ core: inout TCPCore, at now: inout Instant, _ random: inout SimulatorRandom) {
    switch random.below(100) {
    case 0...59: core.received(segment(near: core, &random), at: now)
    case 60...69: _ = try? core.write([UInt8](repeating: 1, count: random.below(5000)).span.bytes, at: now)
    case 70...79: _ = [UInt8](rawCapacity: random.below(4000)) { _ = try? core.read(into: &$0, at: now) }
    case 80...93:
      if let deadline = core.nextDeadline, random.chance(0.5) {
        now = max(now, deadline)
        core.deadlinePassed(at: now)
      } else {
        now = now.advanced(by: .milliseconds(random.below(300)))
      }
    case 94...96:
      let offender = TCPSegment(.ack, sequence: core.sending.sequence.number(at: random.below(5000)))
      let packet = Packet(from: core.remoteAddress, to: core.remoteAddress, .tcp(offender))
      let reasons: [DeliveryFailure.Reason] = [
        .portUnreachable, .prohibited, .tooLarge(mtu: random.below(2000)), .hopLimitExceeded,
      ]
      core.received(ICMPError(reasons[random.below(reasons.count)], about: packet), at: now)
    case 97: if random.chance(0.2) { try? core.finish(at: now) }
    case 98: if random.chance(0.1) { core.close(at: now) }
    default: if random.chance(0.05) { core.abort(at: now) }
    }
  }

  /// What holds whatever happens.
  static func check(_ core: TCPCore) {
    #expect(core.sending.bytes.count <= limits.sendBuffer)
    #expect(core.receiving.held <= limits.receiveBuffer)
    #expect(core.receiving.earlyCount <= limits.earlyPieces + 1)
    #expect(core.sending.unacknowledged <= core.sending.next)
    #expect(core.sending.next <= core.sending.highest)
    #expect(core.sending.highest <= core.sending.limit)
    #expect(core.state != .closed || core.nextDeadline == nil)
  }

  @Test("whatever segments, errors and calls come, in every state")
  func randomSegments() {
    var seen: Set<TCPCore.State> = []
    for seed in 1...400 as ClosedRange<UInt64> {
      var random = SimulatorRandom(seed: seed, stream: "fuzz")
      let remote = SocketAddress.loopback(.v4, port: 1)
      let initial = UInt32(truncatingIfNeeded: random.next())
      var core =
        seed % 2 == 0
        ? TCPCore(connectingTo: remote, initialSequence: initial, limits: Self.limits)
        : TCPCore(
          answering: TCPSegment(.syn, sequence: .max - UInt32(random.below(3000)), window: 5000),
          from: remote,
          initialSequence: initial, limits: Self.limits)
      var now = Instant(nanoseconds: 0)
      var rank = 0
      for _ in 0..<500 {
        Self.step(&core, at: &now, &random)
        // Now and then several things happen before anything is sent.
        if random.chance(0.9) {
          var sent = 0
          while let segment = core.poll(at: now) {
            sent += 1
            #expect(segment.payload.count <= 1460)
          }
          #expect(sent < 50)
        }
        Self.check(core)
        seen.insert(core.state)
        #expect(Self.rank(core.phase) >= rank, "seed \(seed)")
        rank = Self.rank(core.phase)
      }
    }
    #expect(seen.count == 10, "every state was put to the test")
  }
}
