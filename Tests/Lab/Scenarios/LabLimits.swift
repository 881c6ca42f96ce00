/// The limits of the lab, each with its reason.
enum LabLimits {
  /// What real time may add to what a scenario expects: debug builds compute handshakes, and others use the computer too.
  static let slack: Duration = .seconds(1)
  /// How often somebody who talks says something: often enough to see silence, and rarely enough for many at once.
  static let interval: Duration = .milliseconds(100)
  /// How long two talk of whom it is to be seen how they go in the end: who has a relay alone looks for more after 16 seconds.
  static let matrixTalk: Duration = .seconds(22)
  /// How often it is looked what programs have printed.
  static let look: Duration = .milliseconds(20)
  /// How long a program may take to begin: a debug build, beside as many others.
  static let beginning: Duration = .seconds(20)
  /// How long the last answers may take: as long as a connection waits for a way.
  static let lastWords: Duration = .seconds(15)
}
