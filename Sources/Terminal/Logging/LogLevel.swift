/// How much something matters to whoever reads a log; the first matters most.
package enum LogLevel: String, Hashable, Sendable, CaseIterable, Comparable {
  case error
  case warning
  case notice
  case info
  case debug

  package static func < (left: Self, right: Self) -> Bool {
    allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
  }
}

/// How a log is written: to be read by a person, or by a program.
package enum LogFormat: String, Hashable, Sendable, CaseIterable {
  case text
  case json
}
