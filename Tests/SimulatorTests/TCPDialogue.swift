import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

/// Two programs, their TCPs, and a way between them, in virtual time: what the tests of the TCP core talk
/// with.
final class TCPDialogue {
  /// One side: a program that writes, reads and finishes, and its core.
  final class Side {
    let name: String
    var initialSequence: UInt32
    var core: TCPCore?
    /// Whether a SYN is answered when there is no core.
    var listens = false
    /// Whether the program reads what arrives.
    var reads = true
    /// Whether the program finishes when it has written everything.
    var finishes = false
    var limits = TCPLimits()
    var toWrite: [UInt8] = [] { didSet { written = 0 } }
    private(set) var written = 0
    private(set) var received: [UInt8] = []
    private(set) var hasEnded = false
    private(set) var errors: [NetworkError] = []

    init(_ name: String, _ initialSequence: UInt32) {
      self.name = name
      self.initialSequence = initialSequence
    }

    var phase: TCPPhase? { core?.phase }
    var state: TCPCore.State? { core?.state }
    var address: SocketAddress { SocketAddress(IPAddress(192, 0, 2, name == "alice" ? 1 : 2), port: 4000) }

    fileprivate func runProgram(at now: Instant) {
      guard core != nil, errors.isEmpty else { return }
      do {
        if written < toWrite.count {
          let bytes = toWrite
          written += try core!.write(bytes.span.bytes.extracting(droppingFirst: written), at: now)
        }
        if finishes, written == toWrite.count, core!.phase == .open {
          finishes = false
          try core!.finish(at: now)
        }
        if reads { try read(at: now) }
      } catch {
        errors.append(error)
      }
    }

    private func read(at now: Instant) throws(NetworkError) {
      while !hasEnded, core!.isReadable {
        var result = TCPRead.nothingYet
        var failure: NetworkError?
        received += [UInt8](rawCapacity: 10_000) { span in
          do throws(NetworkError) { result = try core!.read(into: &span, at: now) } catch { failure = error }
        }
        if let failure { throw failure }
        if result == .ended { hasEnded = true }
      }
    }
  }

  private struct Flight {
    var arrival: Instant
    var order: Int
    var isFromAlice: Bool
    var segment: TCPSegment
  }

  let alice: Side
  let bob: Side
  private(set) var now = Instant(nanoseconds: 0)
  /// Everything that left, as RFC 9293 writes it.
  private(set) var said: [String] = []
  private(set) var segmentsSent = 0

  var delay = Duration.milliseconds(25)
  var jitter = Duration.zero
  var loss = 0.0
  var duplication = 0.0
  /// Decides which segments are lost besides those lost by chance.
  var loses: (Side, TCPSegment) -> Bool = { _, _ in false }

  private var random: SimulatorRandom
  private var flights: [Flight] = []
  private var order = 0

  init(seed: UInt64 = 1, alice: UInt32 = 100, bob: UInt32 = 300) {
    self.alice = Side("alice", alice)
    self.bob = Side("bob", bob)
    random = SimulatorRandom(seed: seed, stream: "way")
  }

  func connect(_ side: Side) {
    side.core = TCPCore(
      connectingTo: other(side).address, initialSequence: side.initialSequence, limits: side.limits)
    settle(side)
  }

  /// Alice connects to Bob, who listens, and both are open.
  static func open(
    seed: UInt64 = 1, alice: UInt32 = 100, bob: UInt32 = 300, _ prepare: (TCPDialogue) -> Void = { _ in }
  ) -> TCPDialogue {
    let dialogue = TCPDialogue(seed: seed, alice: alice, bob: bob)
    dialogue.bob.listens = true
    prepare(dialogue)
    dialogue.connect(dialogue.alice)
    dialogue.run { dialogue.alice.state == .established && dialogue.bob.state == .established }
    dialogue.said = []
    return dialogue
  }

  func other(_ side: Side) -> Side { side === alice ? bob : alice }

  /// Lets a program do something with its core.
  func tell<Result>(_ side: Side, _ action: (inout TCPCore, Instant) throws -> Result) rethrows -> Result {
    defer { settle(side) }
    return try action(&side.core!, now)
  }

  /// Puts a segment on the way, as if `side` had sent it.
  func forge(_ segment: TCPSegment, from side: Side) { send(segment, from: side) }

  /// Runs until `limit` has passed, without one until nothing can happen any more, or until `isDone`.
  func run(for limit: Duration? = nil, until isDone: () -> Bool = { false }) {
    let end = limit.map(now.advanced)
    while !isDone() {
      let deadlines = [alice, bob].compactMap { $0.core?.nextDeadline }
      let next = (deadlines + flights.map(\.arrival)).min()
      guard let next, next <= end ?? next else {
        now = end ?? now
        return
      }
      now = max(now, next)
      if let index = flights.firstIndex(where: { $0.arrival == next }) {
        arrive(flights.remove(at: index))
      } else {
        for side in [alice, bob] where side.core?.nextDeadline.map({ $0 <= now }) ?? false {
          side.core!.deadlinePassed(at: now)
          settle(side)
        }
      }
    }
  }

  /// Proves that a side received what the other wrote, exactly. (A failure shows no megabytes.)
  func expectEverything(at side: Side, sourceLocation: SourceLocation = #_sourceLocation) {
    let received = side.received.count
    let isExact = side.received == other(side).toWrite
    #expect(isExact, "\(received) of \(other(side).toWrite.count) bytes", sourceLocation: sourceLocation)
  }

  private func arrive(_ flight: Flight) {
    let side = flight.isFromAlice ? bob : alice
    let segment = flight.segment
    if side.core == nil, side.listens, TCPCore.begins(segment) {
      side.core = TCPCore(
        answering: segment, from: other(side).address, initialSequence: side.initialSequence,
        limits: side.limits)
    } else if side.core != nil {
      side.core!.received(segment, at: now)
    } else if let answer = TCPCore.answerToStray(segment) {
      send(answer, from: side)
    }
    settle(side)
  }

  /// Runs a side's program and sends what its core has to say, until there is nothing more of either.
  private func settle(_ side: Side) {
    for _ in 0..<2 {
      while let segment = side.core?.poll(at: now) { send(segment, from: side) }
      side.runProgram(at: now)
    }
    while let segment = side.core?.poll(at: now) { send(segment, from: side) }
  }

  private func send(_ segment: TCPSegment, from side: Side) {
    said.append("\(side.name) \(segment.text)")
    segmentsSent += 1
    if random.chance(loss) || loses(side, segment) { return }
    for _ in 0..<(random.chance(duplication) ? 2 : 1) {
      let extra = Duration.nanoseconds(Int64(random.unit() * Double(jitter.wholeNanoseconds)))
      flights.append(
        Flight(
          arrival: now.advanced(by: delay + extra), order: order, isFromAlice: side === alice,
          segment: segment))
      order += 1
    }
  }
}

extension TCPSegment {
  /// As RFC 9293 writes it: `<SEQ=100><ACK=301><CTL=SYN,ACK>`, and the bytes where there are some.
  var text: String {
    let names: [(Flags, String)] = [(.syn, "SYN"), (.fin, "FIN"), (.rst, "RST"), (.ack, "ACK")]
    let control = names.filter { flags.contains($0.0) }.map(\.1).joined(separator: ",")
    return "<SEQ=\(sequence)>" + (flags.contains(.ack) ? "<ACK=\(acknowledgement)>" : "")
      + (payload.count > 0 ? "<DATA=\(payload.count)>" : "") + "<CTL=\(control)>"
  }
}

extension [UInt8] {
  /// So many bytes drawn from a seed.
  static func random(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SimulatorRandom(seed: seed, stream: "bytes")
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }
}
