import WarrenOptions
import WarrenTerminal

/// What every command takes that goes on for a while.
enum LogWords {
  static let verbose = Option.counted("verbose", short: "v", "tell more of what happens; twice for all of it")
  static let format = Option("log-format", .choice("FORMAT"), "how it is told", default: LogFormat.text)

  static let all: [any DeclaredOption] = [verbose, format]

  static func log(on terminal: Terminal, _ words: ParsedWords) -> Log {
    let levels: [LogLevel] = [.notice, .info, .debug]
    return Log(on: terminal, level: levels[min(words[verbose], 2)], format: words[format])
  }
}
