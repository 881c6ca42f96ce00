import WarrenMachine

/// How far one transfer is, in words: a bar where there is a screen, a line now and then where there is none.
///
/// A core: it is given counts and the time, and gives texts.
package struct ProgressCore: Sendable {
  private let name: String
  private let total: UInt64?
  /// What was there already when this began: it has cost no time.
  private let begun: UInt64
  private let start: Instant
  private var rate: TransferRate
  package private(set) var done: UInt64
  /// The way that it takes, such as `direct`.
  package var path = ""

  /// - Parameters:
  ///   - total: how many bytes there will be; nil where nobody knows.
  ///   - done: how many are there, of a transfer that goes on.
  package init(name: String, total: UInt64?, done: UInt64 = 0, at now: Instant) {
    self.name = name.undisturbing
    (self.total, self.done, begun, start) = (total, done, done, now)
    rate = TransferRate(at: now)
  }

  /// So many bytes are there now.
  package mutating func update(done: UInt64, at now: Instant) {
    // What has turned out to be wrong comes again, and is no progress.
    rate.take(done > self.done ? done - self.done : 0, at: now)
    self.done = done
  }

  // MARK: Texts

  /// A line of no more than `width` columns. What there is no room for is left out: the bar first, the number last.
  package func bar(width: Int, at now: Instant) -> String {
    let width = max(width, TerminalLimits.leastWidth)
    let behind = [speed(at: now), timeLeft(at: now), path].filter { !$0.isEmpty }
    var numbers = amount
    for part in behind where numbers.columns + part.columns + 2 <= width / 2 { numbers += "  " + part }
    let name = name.shortened(
      to: min(TerminalLimits.nameColumns, max(1, width - numbers.columns - 2)))
    let room = width - name.columns - numbers.columns - 4
    let columns = min(TerminalLimits.barColumns, room - 2)
    guard let total, columns >= TerminalLimits.leastBarColumns else { return "\(name)  \(numbers)" }
    let filled = total == 0 ? columns : Int(Double(min(done, total)) / Double(total) * Double(columns))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: columns - filled)
    return "\(name)  [\(bar)]  \(numbers)"
  }

  /// What is said now and then where there is no screen.
  package func report(at now: Instant) -> String {
    let amounts = total.map { "\(Self.size(done)) of \(Self.size($0))" } ?? ""
    let parts = [amount, amounts, speed(at: now), timeLeft(at: now), path].filter { !$0.isEmpty }
    return "\(name)  \(parts.joined(separator: "  "))"
  }

  /// What is said at the end.
  package func ending(_ ending: ProgressEnding, at now: Instant) -> StyledText {
    let time = start.duration(to: now)
    switch ending {
    case .complete:
      let seconds = Double(time.wholeNanoseconds) / 1e9
      let rate =
        seconds > 0 ? ", \(Self.size(UInt64((Double(done - min(begun, done)) / seconds).rounded())))/s" : ""
      let way = path.isEmpty ? "" : ", \(path)"
      return "\(name)  \("done", .good)  \(Self.size(done)) in \(Self.time(time))\(rate)\(way)"
    case .failed(let reason):
      return "\(name)  \("failed", .bad) after \(Self.size(done)): \(reason)"
    }
  }

  /// `42 %`; the bytes where nobody knows how many there will be.
  private var amount: String {
    guard let total else { return Self.size(done) }
    // Rounded down: only what is there is all.
    let percent = total == 0 ? 100 : Int(Double(min(done, total)) / Double(total) * 100)
    let shown = done < total ? min(99, percent) : 100
    return String(repeating: " ", count: shown < 10 ? 2 : shown < 100 ? 1 : 0) + "\(shown) %"
  }

  private func speed(at now: Instant) -> String {
    Self.size(UInt64(min(rate.bytesPerSecond(at: now), 1e18).rounded())) + "/s"
  }

  /// `1:05 left`, once it is known.
  private func timeLeft(at now: Instant) -> String {
    let rate = rate.bytesPerSecond(at: now)
    guard let total, total > done, rate >= 1 else { return "" }
    let seconds = Double(total - done) / rate
    let longest = TerminalLimits.longestTimeLeft
    guard seconds < Double(longest.wholeNanoseconds) / 1e9 else { return "" }
    return Self.time(.seconds(max(1, seconds.rounded()))) + " left"
  }

  // MARK: Numbers

  /// `1.2 MB`: three digits at most, of powers of a thousand.
  package static func size(_ bytes: UInt64) -> String {
    guard bytes >= 1000 else { return "\(bytes) B" }
    var (tenths, unit) = (bytes / 100, 0)
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
    while tenths >= 10_000, unit + 1 < units.count { (tenths, unit) = (tenths / 1000, unit + 1) }
    return tenths < 1000 ? "\(tenths / 10).\(tenths % 10) \(units[unit])" : "\(tenths / 10) \(units[unit])"
  }

  /// `0:42`, `1:00:03`.
  static func time(_ duration: Duration) -> String {
    let seconds = max(0, duration.wholeNanoseconds / 1_000_000_000)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
  }
}

/// How a transfer has ended.
package enum ProgressEnding: Hashable, Sendable {
  case complete
  case failed(String)
}
