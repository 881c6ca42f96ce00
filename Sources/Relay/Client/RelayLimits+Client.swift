import WarrenSTUN

/// The limits of a relay's client, each with its reason.
public enum RelayClientLimits {
  /// For how long an allocation is asked for: what a server gives unless told otherwise (RFC 8656, 3.2).
  public static let lifetime: Duration = .seconds(600)
  /// How long a permission lasts (RFC 8656, 9).
  public static let permissionLifetime: Duration = .seconds(300)
  /// How long a channel lasts (RFC 8656, 12).
  public static let channelLifetime: Duration = .seconds(600)
  /// How long the number of a channel that has ended is not given to another peer (RFC 8656, 12).
  public static let channelRest: Duration = .seconds(300)
  /// What lasts is renewed after this part of its time, less at most ``renewalJitter``: a request that is lost is still
  /// repeated in time, and clients that began together do not go on together.
  public static let renewalShare = 0.8
  /// See ``renewalShare``.
  public static let renewalJitter = 0.1
  /// Rounds of renewal without a datagram either way, after which a peer is let go.
  public static let idleRounds = 2

  /// Times that one thing is asked for anew, since the server wants another nonce: one for the first challenge, one for a
  /// nonce that has just ended, and another if that was at the wrong moment.
  public static let renewals = 4
  /// Five-tuples that are tried at one server (RFC 8656, 7.4).
  public static let fiveTuples = 3
  /// Servers that one sends to the next (RFC 8489, 10): there is no use for more than one or two.
  public static let redirections = 4
  /// Requests under way at once: what a server's socket surely has room for.
  public static let requests = 16
  /// Peers in one CreatePermission: with IPv6 addresses it stays a datagram that passes everywhere.
  public static let peersPerRequest = 16
  /// Peers of one allocation: ICE has some dozens of candidates, and a server's table is not to be filled.
  public static let peers = 1024
  /// Datagrams that wait for a peer's permission: a handshake's first flight, sent to each of some addresses.
  public static let heldPerPeer = 16
  /// Datagrams that wait for permissions altogether.
  public static let held = 256
  /// The largest datagram that can be relayed: what is left of one of 65,507 bytes when a Send indication is around it.
  public static let datagram = 65_400

  /// How patient a request over UDP is (RFC 8489, 6.2.1).
  public static let patience = STUNRequestTimer.Patience.standard
  /// How patient one over TCP is, which is sent once (RFC 8489, 6.2.2).
  public static let streamPatience = STUNRequestTimer.Patience(
    first: .milliseconds(39_500), transmissions: 1, last: 1)
  /// How long it is waited over TCP for anything from the relay where nothing comes of what is sent by way of it: what a segment takes
  /// that is sent again five times, the first time after 0.2 s.
  public static let doubt: Duration = .seconds(10)
  /// How patient giving back is: the socket is closed already, and the allocation ends in ten minutes by itself.
  public static let farewell = STUNRequestTimer.Patience(first: .milliseconds(500), transmissions: 4, last: 4)
  /// How long to wait for a server before the next is tried as well (RFC 8305, 5).
  public static let stagger: Duration = .milliseconds(250)
  /// How long a connection to a server and its TLS may take.
  public static let connecting: Duration = .seconds(15)

  /// Peers that a relay is asked to connect to at once: what a server's allocation has room for.
  public static let connects = 64
  /// Connections that have arrived and nobody has taken: each holds a descriptor here and two there.
  public static let arrivals = 64

  /// What waits to leave over TCP: with more, whoever sends is told to wait.
  public static let streamBytes = 256 * 1024
  /// What is read from TCP at once.
  public static let readBytes = 65_536
  /// What is handed on at once: some runs as the kernel joins them.
  public static let batchBytes = 4 * 65_536
  /// Runs that are handed on at once.
  public static let batchRuns = 64
}
