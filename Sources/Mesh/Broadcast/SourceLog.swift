import WarrenMachine

/// What one sender has said to all: what comes next, what is kept for others, and what each neighbour has of it.
struct SourceLog {
  /// A neighbour.
  struct Reader {
    enum Mode {
      /// As the sender's own connections suggest.
      case open
      /// It wants what comes.
      case eager
      /// Somebody else is quicker.
      case lazy
    }

    var mode = Mode.open
    /// What it is sent next.
    var cursor: UInt64
    /// What it has, up to here, as far as is known; and what it was told is here.
    var has: UInt64 = 1
    var told: UInt64 = 1
    /// Whether it waits for its turn to be sent something.
    var isReady = false
  }

  /// Who is asked for what is missing.
  struct Wish {
    /// When, and who was asked last.
    var at: Instant
    var asked: Int?
    /// Those who do not have it any more, and from where on they have what follows.
    var gone: [Int: UInt64] = [:]
    /// Until when somebody else may turn up that has it.
    var end: Instant?
  }

  private struct Kept {
    let message: BroadcastMessage
    let at: Instant
    /// Whether its signature was looked at.
    var isVerified: Bool
    /// How many bytes there were before it.
    let offset: Int
  }

  let source: BroadcastCore.Source
  private var kept: NumberedQueue<Kept>
  private(set) var keptBytes = 0
  /// The bytes of all that was ever kept here.
  private var total = 0
  /// What came before its turn.
  var ahead: [UInt64: BroadcastMessage] = [:]
  var aheadBytes = 0
  var readers: [Reader?] = []
  /// Whether its sender does without others' help.
  var isDirect = false
  var wish: Wish?
  /// What has begun to come, from whom, and until when it has time.
  var coming: (number: UInt64, slot: Int, until: Instant, end: Instant)?
  /// Whether nothing of it was delivered yet.
  var isUntouched = true
  /// Whom the last one came from that was in its turn: nobody else needs to send what comes.
  var parent: Int?
  /// How often it will still be told that there is something.
  var tellings = 0

  init(_ source: BroadcastCore.Source) {
    self.source = source
    kept = NumberedQueue()
  }

  /// What comes next: all before has been delivered, once.
  var next: UInt64 { kept.next }
  /// The first that is kept.
  var keptFrom: UInt64 { kept.first }
  /// Since when the oldest is kept.
  var oldest: Instant? { kept[kept.first]?.at }

  /// Whether there is more of it, as far as is known, than has come.
  var isMissingSomething: Bool { !ahead.isEmpty || readers.contains { ($0?.has ?? 0) > next } }

  subscript(number: UInt64) -> BroadcastMessage? { kept[number]?.message }

  mutating func append(_ message: BroadcastMessage, isVerified: Bool, at now: Instant) {
    kept.append(Kept(message: message, at: now, isVerified: isVerified, offset: total))
    total += message.cost
    keptBytes += message.cost
  }

  func isVerified(_ number: UInt64) -> Bool { kept[number]?.isVerified ?? false }

  mutating func verified(_ number: UInt64) { kept.change(number) { $0.isVerified = true } }

  /// Lets go of the oldest.
  mutating func dropFirst() { keptBytes -= kept.popFirst()?.message.cost ?? 0 }

  /// What was before is not for this one.
  mutating func begin(at number: UInt64) {
    kept.restart(at: number)
    keptBytes = 0
    ahead = ahead.filter { $0.key >= number }
    aheadBytes = ahead.values.reduce(0) { $0 + $1.cost }
  }

  mutating func takeAhead() -> BroadcastMessage? {
    guard let message = ahead.removeValue(forKey: next) else { return nil }
    aheadBytes -= message.cost
    return message
  }

  /// What a neighbour has not been sent, in bytes.
  func lag(of reader: Reader) -> Int {
    let number = max(reader.cursor, reader.has)
    return number >= next ? 0 : total - (kept[number]?.offset ?? 0)
  }

  /// Whether a neighbour is sent what comes as soon as it is there.
  func isEager(_ reader: Reader, isOwn: Bool) -> Bool {
    switch reader.mode {
    case .eager: true
    case .lazy: false
    case .open: isOwn || !isDirect
    }
  }
}
