import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What a program tells of what it does, on standard error, a line each.
///
///     log.warning("no answer", ["server": .text(name), "after_ms": .number(500)])
package struct Log: Sendable {
  package typealias Fields = KeyValuePairs<String, JSONValue>

  private let terminal: Terminal
  /// What matters less than this is left out.
  package let level: LogLevel
  private let format: LogFormat
  private let timeSince1970: @Sendable () -> Duration

  package init(
    on terminal: Terminal, level: LogLevel = .notice, format: LogFormat = .text,
    timeSince1970: @escaping @Sendable () -> Duration = systemTime
  ) {
    (self.terminal, self.level, self.format, self.timeSince1970) = (terminal, level, format, timeSince1970)
  }

  package func error(_ message: String, _ fields: Fields = [:]) { say(.error, message, fields) }
  package func warning(_ message: String, _ fields: Fields = [:]) { say(.warning, message, fields) }
  package func notice(_ message: String, _ fields: Fields = [:]) { say(.notice, message, fields) }
  package func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
    if level >= .info { say(.info, message(), fields()) }
  }
  package func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
    if level >= .debug { say(.debug, message(), fields()) }
  }

  private func say(_ level: LogLevel, _ message: String, _ fields: Fields) {
    guard level <= self.level else { return }
    let line = LogLine(
      level: level, message: message, fields: fields.map { ($0.key, $0.value) },
      timeSince1970: timeSince1970())
    switch format {
    case .text: terminal.talk(line.text(onScreen: terminal.isTerminal(.talk)))
    case .json: terminal.talk(StyledText(line.json.harmlessText))
    }
  }
}

/// What this computer's clock says.
package func systemTime() -> Duration {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
}
