/// The limits of the registry's HTTP face, each with its reason.
public enum HTTPLimits {
  /// A request's head, line and fields: browsers send 1 to 2 KiB, and most servers take 8.
  public static let headBytes = 8192
  /// Fields of a head: browsers send some 20.
  public static let fields = 64
  /// A body: sixteen candidates and a name are 2 KiB, and whoever adds fields of its own has room for them.
  public static let bodyBytes = 65_536
  /// What is read at once: a request of the usual size and no more memory than that for each connection.
  static let readBytes = 16_384
  /// How long a request may take to arrive, head and body: two retransmissions of each packet of a slow line.
  public static let requestPatience: Duration = .seconds(10)
  /// How long a connection is kept open for a next question: twice as long as a registration lasts, so that who renews
  /// it has one connection.
  public static let idlePatience: Duration = .seconds(60)
  /// How long, and for how much more, what a client still sends is thrown away once it was told the last word: closing at
  /// once would reset the connection, and the word would be lost with it (RFC 9112, 9.6).
  static let farewell: Duration = .seconds(1)
  static let farewellBytes = 1 << 20
  /// Connections at once: each holds a descriptor, of which a process has 1,024 by default, and others need some.
  public static let connections = 256
  /// Connections of one address: a browser has 6, and behind a NAT there are some more.
  public static let connectionsPerAddress = 16
  /// Requests of one address, in a second and at once: a house of clients of which each asks every 5 s for all the others.
  public static let requestsPerSecond = 20.0
  public static let burst = 100.0
  /// Peers in one answer to `/peers`: clients send something to each of them, every 5 s.
  public static let listed = 500
}
