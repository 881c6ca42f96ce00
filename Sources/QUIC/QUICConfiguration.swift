import WarrenCrypto

/// How connections are to be.
public struct QUICConfiguration: Sendable {
  /// The protocols that are spoken over them, the most wanted first (ALPN).
  public var protocols: [String]
  /// Who may connect: asked before any stream exists.
  public var accepts: @Sendable (PeerID) -> Bool = { _ in true }
  /// After how long without a word from the other side a connection is over; the shorter of both sides' counts.
  public var idleTimeout: Duration = .seconds(30)
  /// After how long without an answer to what was sent a connection is over; nil where that is not looked at. It lets
  /// ``idleTimeout`` be long, and signs of life rare, and still tells soon when the other side is gone.
  public var answerTimeout: Duration?
  /// How long a handshake may take.
  public var handshakeTimeout: Duration = .seconds(10)
  /// How often a silent connection says that it is alive; nil for never.
  public var keepAlive: Duration?
  /// What the round trip is taken to be before it is known (RFC 9002, 6.2.2).
  public var initialRoundTrip: Duration = .milliseconds(100)
  /// How many bytes of one stream may be under way at first, and at most where the way is long and the reader quick.
  public var streamWindow = 262_144
  public var largestStreamWindow = 16_777_216
  /// The same for all streams together.
  public var window = 1_048_576
  public var largestWindow = 25_165_824
  /// How many streams the other side may have open at once, of each kind.
  public var bidirectionalStreams = 256
  public var unidirectionalStreams = 256
  /// How many connections there may be before others are turned away: each costs some 80 kB, and what is under way on it.
  public var connections = 10_000
  /// Whether datagrams are taken (RFC 9221).
  public var takesDatagrams = true
  /// Whether a client that connects must always prove its address first, and not only under load.
  public var alwaysRetries = false
  /// Whether whoever comes back may send on streams with the first packet and need not wait for an answer (0-RTT): see
  /// ``QUICEndpoint/connect(to:expecting:name:early:)``. Whoever records that packet can send it again, elsewhere or later:
  /// only for where it is harmless that what streams ask for is done twice.
  public var permitsEarlyData = false
  /// What only this endpoint knows, and still knows after a restart: by it the other sides believe it that it has forgotten
  /// them (RFC 9000, 10.3.2). Nil for one of its own, with which it can say so only as long as it runs.
  public var resetSecret: [UInt8]?
  /// What is told of each connection as qlog, if anything.
  public var qlog: QLog?
  /// What is told of the secrets of each connection: lines of an `SSLKEYLOGFILE`, without their ends.
  ///
  /// - Warning: whoever has them reads everything that the two say to each other. Only for looking at one's own connections.
  public var keyLog: (@Sendable (String) -> Void)?

  /// Who takes the qlog of a connection, piece by piece, if anybody does. Asked for each connection, by the name that both sides have for
  /// it, and whether this one is its client.
  public typealias QLog = @Sendable (_ connection: String, _ isClient: Bool) -> (@Sendable ([UInt8]) -> Void)?

  /// Connections that speak these protocols.
  public init(protocols: [String]) { self.protocols = protocols }
}
