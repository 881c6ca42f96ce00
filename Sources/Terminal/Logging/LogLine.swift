import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One line of a log. A core: it is given the time, and gives text.
struct LogLine {
  let level: LogLevel
  let message: String
  let fields: [(name: String, value: JSONValue)]
  let timeSince1970: Duration

  /// For a program.
  var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("time", .text(universalTime)), ("level", .text(level.rawValue)), ("message", .text(message)),
    ]
    if !fields.isEmpty { members.append(("fields", .object(fields.map { ($0.name, $0.value) }))) }
    return .object(members)
  }

  /// For a person: on a screen with the time of day, and elsewhere with the day as well.
  func text(onScreen: Bool) -> StyledText {
    var line: StyledText =
      "\(onScreen ? timeOfDay : universalTime, .quiet) \(level.rawValue.padded(to: 7), style)  \(message)"
    for field in fields { line += " \("\(field.name)=", .quiet)\(Self.shown(field.value))" }
    return line
  }

  private var style: Style? {
    switch level {
    case .error: .bad
    case .warning: .strong
    case .notice: nil
    case .info, .debug: .quiet
    }
  }

  /// A word as it is, and what would look like several in quotation marks.
  private static func shown(_ value: JSONValue) -> String {
    guard case .text(let text) = value else { return value.harmlessText }
    let isWord = !text.isEmpty && text.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && $0 != "=" }
    return isWord ? text : value.harmlessText
  }

  // MARK: Time

  /// RFC 3339, to the millisecond: `2026-11-22T03:02:10.123Z`.
  private var universalTime: String {
    var (seconds, day) = (wholeSeconds, tm())
    gmtime_r(&seconds, &day)
    let date = [day.tm_year + 1900, day.tm_mon + 1, day.tm_mday].map { Self.digits(Int($0), 2) }
    return date.joined(separator: "-") + "T" + clock(day) + "Z"
  }

  /// `09:05:07.123`, where this computer is.
  private var timeOfDay: String {
    var (seconds, day) = (wholeSeconds, tm())
    localtime_r(&seconds, &day)
    return clock(day)
  }

  private var wholeSeconds: time_t { time_t(timeSince1970.components.seconds) }

  private func clock(_ day: tm) -> String {
    let time = [day.tm_hour, day.tm_min, day.tm_sec].map { Self.digits(Int($0), 2) }.joined(separator: ":")
    return time + "." + Self.digits(Int(timeSince1970.components.attoseconds / 1_000_000_000_000_000), 3)
  }

  private static func digits(_ number: Int, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }
}
