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

  // MARK: Between two

  /// How long one address is tried over TCP: what a system's own patience of minutes would keep from the next.
  static let dialling: Duration = .seconds(10)
  /// How long two descriptions are exchanged over TCP: a relay may have to be asked on either side.
  static let exchange: Duration = .seconds(30)
  /// How long a relay has for its answer before one goes on without it.
  static let relay: Duration = .seconds(8)
  /// How long a way is looked for from the moment that both descriptions are here: a person has to carry one to the other side.
  static let meeting: Duration = .seconds(600)
  /// The longest line that fits into one datagram on any way (RFC 8899, 5.1.2 has 1200 bytes as the least that works everywhere).
  static let datagramBytes = 1200
  /// The port of plain TCP where none is named.
  static let tcpPort: UInt16 = 8080
}
