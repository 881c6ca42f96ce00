import WarrenMachine

/// How much of everything a terminal is given, and why.
package enum TerminalLimits {
  // MARK: The size of a terminal

  /// How wide one is that does not say: what all have had since there were punched cards.
  package static let usualWidth = 80
  package static let usualHeight = 24
  /// The narrowest that something is laid out for: on a narrower one it is cut by the terminal.
  package static let leastWidth = 16

  // MARK: What is typed and shown

  /// The longest line from a pipe, in bytes; a longer one comes in pieces. What has no end must not fill the memory.
  package static let lineBytes = 1 << 20
  /// Lines that wait above a line that is edited while the terminal takes none (Ctrl-S): further results wait for room, and further
  /// talk is left out, which is said.
  package static let waitingLines = 1000
  /// Lines of history in memory and, when a program begins, in its file: a year of what one says now and then.
  package static let historyLines = 1000
  /// So much of a file of history is read, from its end: a thousand long lines.
  package static let historyBytes = 1 << 20
  /// Words that Tab shows; where there are more it says how many: a screen that is full helps nobody.
  package static let shownWords = 100

  /// What is read from standard input at once: more than a pipe holds, and little beside a stream's window.
  package static let pieceBytes = 262_144

  // MARK: Progress

  /// How often bars are drawn anew: ten times a second is smooth, and costs nothing.
  package static let redrawing: Duration = .milliseconds(100)
  /// How often a bar says a line where there is no terminal: a log stays readable.
  package static let reporting: Duration = .seconds(5)
  /// Over how long a rate is averaged: what is older hardly counts.
  package static let rateMemory: Duration = .seconds(3)
  /// The longest time left that is shown as one: what takes longer than 100 hours is not known so well.
  package static let longestTimeLeft: Duration = .seconds(360_000)
  /// The widest bar in columns: a wider one tells no more.
  package static let barColumns = 40
  /// A bar of fewer columns than this is left out.
  package static let leastBarColumns = 8
  /// How much of a line a name may have.
  package static let nameColumns = 28
}
