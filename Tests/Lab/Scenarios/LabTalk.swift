import Glibc
import TestSupport
import Warren
import WarrenMachine

@testable import WarrenScenarios

/// One who calls another, as `warren peer --connect` tells of it: how it goes, so far.
final class LabTalk {
  let caller, called: String
  private let program: WarrenProgram
  private let length: Duration
  private let start: Duration
  private var lastWord = Duration.zero
  private var words = 0
  private var answers = 0
  private var lastAnswer: Duration?
  private(set) var silence = Duration.zero
  /// The kind of way of each answer, as the caller saw it.
  private(set) var lastKind: Path.Kind?
  private var isTold = false

  init(_ caller: String, _ called: String, for length: Duration, _ program: WarrenProgram) {
    (self.caller, self.called, self.length, self.program) = (caller, called, length, program)
    start = monotonicTime()
  }

  /// Says what is to be said by now, and hears what there is.
  func goOn() {
    let now = monotonicTime()
    let lines = program.out.split(separator: "\n")
    if lines.count > answers {
      answers = lines.count
      if let lastAnswer { silence = max(silence, now - lastAnswer) }
      lastAnswer = now
      lastKind = Self.kind(of: lines[lines.count - 1]) ?? lastKind
    }
    // A word is said when the one before has been answered, so that the way there and back may be long.
    guard !isTold, answers == words, lastWord + LabLimits.interval <= now else { return }
    lastWord = now
    if now - start >= length {
      program.endInput()
      isTold = true
    } else {
      program.type("word \(words)")
      words += 1
    }
  }

  /// Whether all has been said and heard, or nothing more is to come.
  var isOver: Bool {
    isTold || monotonicTime() - start > length + LabLimits.lastWords
  }

  /// How it went.
  var outcome: Outcome {
    let log = program.err.split(separator: "\n")
    let asked = log.first { $0.contains(" registered") }.flatMap { Self.time(of: $0) }
    var outcome = Outcome(caller: caller, called: called, silence: silence, isComplete: answers >= words)
    for line in log where line.contains("another path") || line.contains("  connected ") {
      guard let asked, let time = Self.time(of: line), let kind = Self.kind(in: line) else { continue }
      let since = time - asked
      if outcome.ways.isEmpty, let first = program.out.split(separator: "\n").first {
        outcome.answered = since + (Self.duration(of: first) ?? .zero)
      }
      if outcome.ways.last?.kind != kind { outcome.ways.append(Scenario.Way(kind: kind, since: since)) }
    }
    if answers == 0 { outcome.answered = nil }
    if let lastKind, outcome.ways.last?.kind != lastKind, answers >= words {
      outcome.ways.append(Scenario.Way(kind: lastKind, since: monotonicTime() - start))
    }
    outcome.failure = outcome.answered == nil ? "\(program.err.suffix(300))" : nil
    return outcome
  }

  struct Outcome: Sendable {
    var caller, called: String
    /// After which time the caller had heard of the other, since the registry knew it; nil where it has not.
    var answered: Duration?
    /// The ways that it took.
    var ways: [Scenario.Way] = []
    var silence: Duration
    /// Whether everything that was said was answered.
    var isComplete: Bool
    var failure: String?
  }

  // MARK: What is printed

  /// `12.345 ms direct: word 1`.
  private static func kind(of answer: Substring) -> Path.Kind? {
    answer.split(separator: " ").dropFirst(2).first.flatMap { Path.Kind(rawValue: String($0.dropLast())) }
  }

  private static func duration(of answer: Substring) -> Duration? {
    answer.split(separator: " ").first.flatMap { Double($0) }.map { .microseconds(Int64($0 * 1000)) }
  }

  /// `path=direct` and `path="direct, 203.0.113.1:1, 35 ms"`.
  private static func kind(in line: Substring) -> Path.Kind? {
    guard let place = line.range(of: "path=") else { return nil }
    let word = line[place.upperBound...].drop { $0 == "\"" }.prefix { $0.isLetter }
    return Path.Kind(rawValue: String(word))
  }

  /// `2026-11-22T03:02:10.123Z`: the time of day.
  private static func time(of line: Substring) -> Duration? {
    guard let clock = line.split(separator: " ").first?.split(separator: "T").last?.dropLast() else {
      return nil
    }
    let numbers = clock.split { $0 == ":" || $0 == "." }.compactMap { Int64($0) }
    guard numbers.count == 4 else { return nil }
    return .milliseconds(((numbers[0] * 60 + numbers[1]) * 60 + numbers[2]) * 1000 + numbers[3])
  }
}

extension Substring {
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
