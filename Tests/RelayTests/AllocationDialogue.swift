import TestSupport
import Warren

@testable import WarrenRelay

/// A client's core and a relay's, and the time between them, without a network.
struct AllocationDialogue {
  static let client = SocketAddress(IPAddress(192, 0, 2, 1), port: 1000)
  static let relayed = SocketAddress(IPAddress(203, 0, 113, 5), port: 50_000)

  var core: AllocationCore
  var relay: ScriptedRelayCore
  var client = Self.client
  var now = Instant(nanoseconds: 1_000_000_000)
  var events: [AllocationCore.Event] = []
  /// What the client has sent.
  var sent = 0
  /// Whether its answers arrive.
  var isDeaf = false

  init(
    _ script: ScriptedRelayCore.Script = .init(), isReliable: Bool = false, password: String = "open sesame",
    challenge: RelayChallenge? = nil, _ change: (inout AllocationTerms) -> Void = { _ in }
  ) throws {
    var terms = AllocationTerms()
    change(&terms)
    core = try AllocationCore(
      terms, username: "alice", password: password, challenge: challenge, isReliable: isReliable,
      random: SeededRandom(7))
    relay = ScriptedRelayCore(script)
  }

  /// Begins, and goes on until nothing is to be said.
  mutating func begin() {
    core.begin(at: now)
    run()
  }

  mutating func run() {
    while let request = core.poll() {
      sent += 1
      let answer = relay.answer(request.span.bytes, from: client, at: now) { family in
        family == .v4 ? Self.relayed : SocketAddress(IPAddress(v6: 0x2001_0db8 << 32, 5), port: 50_001)
      }
      if let answer, !isDeaf { receive(answer) }
    }
    while let event = core.pollEvent() { events.append(event) }
  }

  mutating func receive(_ answer: [UInt8]) {
    guard let message = try? STUNMessage(answer.span.bytes) else { return }
    core.receive(message, at: now)
  }

  /// Lets so much time pass, and does what is due in it.
  mutating func pass(_ duration: Duration) {
    let end = now.advanced(by: duration)
    while let deadline = core.nextDeadline, deadline <= end {
      now = max(now, deadline)
      core.handleDeadline(at: now)
      run()
    }
    now = end
  }

  /// What has happened since this was asked last.
  mutating func takeEvents() -> [AllocationCore.Event] {
    defer { events = [] }
    return events
  }
}
