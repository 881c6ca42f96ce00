import WarrenMachine

/// Tells whose time may be over, without looking at the others: who is to be asked at a moment waits in that moment's place
/// on a wheel. Who is put off stays where it is, and is only asked too early once.
struct ExpiryWheel {
  private static let places = 128

  private let step: Duration
  private var waiting: [[Int]] = Array(repeating: [], count: places)
  /// Which of all moments is next: its place is what is left over from whole turns.
  private var next = 0
  private var nextAt: Instant

  /// - Parameter step: how much later than its time somebody may be asked.
  init(step: Duration, at now: Instant) {
    self.step = step
    nextAt = now.advanced(by: step)
  }

  /// Asks for somebody at this moment, or earlier where that is too far away.
  ///
  /// - Returns: the number of the moment.
  mutating func add(_ number: Int, at moment: Instant) -> Int {
    let steps = nextAt.duration(to: moment) / step
    // Those who are asked must be over.
    let ahead = steps <= 0 ? 0 : Int(min(steps.rounded(.up), Double(Self.places - 1)))
    waiting[(next + ahead) % Self.places].append(number)
    return next + ahead
  }

  /// The next moment and those who are to be asked then, as long as it has come.
  mutating func takeDue(at now: Instant) -> (moment: Int, numbers: [Int])? {
    guard nextAt <= now else { return nil }
    let moment = next
    let due = waiting[moment % Self.places]
    waiting[moment % Self.places] = []
    next += 1
    nextAt = nextAt.advanced(by: step)
    return (moment, due)
  }
}
