import WarrenCrypto
import WarrenMachine

/// A member, and what is known of it.
struct MemberEntry {
  var record: MemberRecord
  var state: Member.State
  /// Since when it is in this state.
  var since: Instant
  var suspicion: Suspicion?
  var isLinked = false
  /// When something came from it last.
  var heard: Instant?
  var roundTrip: Duration?
  /// Since when it was compared with how often.
  var compared: (at: Instant, times: Int)?
  var probe: Probe?

  /// A question whose answer is awaited.
  struct Probe {
    /// It is answered under either number.
    var numbers: [UInt32] = []
    var since: Instant
    var next: Instant
    var times = 0
  }

  init(_ record: MemberRecord, _ state: Member.State, at now: Instant) {
    self.record = record
    self.state = state
    since = now
  }

  var isThere: Bool { state.isThere }

  var member: Member { Member(record.id, name: record.name, addresses: record.addresses, state) }

  /// How long an answer may take.
  var answerTime: Duration {
    roundTrip.map { max($0 * 2, MeshLimits.shortestAnswer) } ?? MeshLimits.unknownAnswer
  }

  mutating func measured(_ time: Duration) {
    roundTrip = min(roundTrip.map { ($0 * 3 + time) / 4 } ?? time, MeshLimits.patience / 2)
  }
}
