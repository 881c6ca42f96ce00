/// How much an examination takes.
enum DiagnosisLimits {
  /// STUN servers of a family that are asked one after the other, until one answers: each takes some seconds.
  static let servers = 3
  /// How long a comparison waits for all of them, and how often it asks.
  static let comparison: Duration = .milliseconds(300)
  static let questions = 3
  /// How long a page has time to be there, and how much of it is read.
  static let page: Duration = .seconds(5)
  static let pageBytes = 8 * 1024
}
