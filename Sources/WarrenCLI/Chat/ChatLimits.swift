/// The limits of a chat, each with its reason.
enum ChatLimits {
  /// The longest message, in bytes of UTF-8: a page of a book has some 3 kB, and whoever sends more sends a file.
  static let textBytes = 65_536
  /// How long it may take until the side that has begun a connection says so on a stream: a few round trips across the world.
  static let greeting: Duration = .seconds(10)
  /// How long the other side has for hearing what was said last: who is slower has had what has come.
  static let farewell: Duration = .seconds(2)
  /// How often a silent conversation says that it is alive, and after how long without an answer the other side is taken for gone: soon
  /// enough that nobody talks to a wall.
  static let keepAlive: Duration = .seconds(5)
  static let silence: Duration = .seconds(12)
  /// How many of those who are there are shown: a person does not look through more.
  static let listed = 200
  /// How often the names that Tab knows are looked at anew.
  static let refreshing: Duration = .seconds(10)
  /// Who asks to talk and waits for an answer: as many as a peer has.
  static let requests = 64
  /// How many names are drawn for somebody who has none before it is said that all are taken.
  static let drawnNames = 8
}
