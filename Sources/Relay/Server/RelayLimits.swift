/// The limits of a relay's server, each with its reason.
public enum RelayLimits {
  /// How long an allocation lasts where nobody says otherwise, and at least (RFC 8656, 3.2).
  public static let lifetime: Duration = .seconds(600)
  /// How long one lasts at most without being refreshed (RFC 8656, 7.2).
  public static let longestLifetime: Duration = .seconds(3600)
  /// How long a permission lasts (RFC 8656, 9).
  public static let permissionLifetime: Duration = .seconds(300)
  /// How long a channel lasts (RFC 8656, 12).
  public static let channelLifetime: Duration = .seconds(600)
  /// How long a port is kept for whoever has its token (RFC 8656, 7.2).
  public static let reservationLifetime: Duration = .seconds(30)
  /// Ports kept so at once: each is a socket that nobody uses.
  public static let reservations = 64
  /// How long a nonce is good: an hour, as RFC 8656, 5, wants it at most.
  public static let nonceLifetime: Duration = .seconds(3600)
  /// Users whose keys are remembered, so that not each request costs a hash: some 500 bytes each.
  public static let cachedKeys = 1024
  /// Users that a file may list: some 200 bytes each.
  public static let users = 100_000
  /// Bytes a second of one allocation, unless it is said otherwise: three times what a film of the highest resolution takes, and
  /// less than a tenth of a line of 1 Gbit/s, so that nobody who is let in takes all of it.
  public static let bandwidth = 10_000_000
  /// Secrets that are good at once: an old one and a new one, and some in between.
  public static let sharedSecrets = 4
  /// Ports that are tried for a relayed address before there is none: with half of all in use one in two is free.
  public static let portChoices = 24
  /// What leaves from one socket in one batch before it has to leave: two calls of the largest size.
  public static let outboxBytes = 2 * 65_536
  /// Relayed sockets that one batch fills without sending in between: a batch has 16 runs.
  public static let outboxes = 16
  /// What the system keeps of what arrives at the server's own ports while it is busy: 10 ms at 3 Gbit/s.
  public static let listenerBytes = 4 << 20
  /// What waits for one client over TCP; what comes then is lost, as in any full queue. A quarter of a second at 8 Mbit/s.
  public static let streamBytes = 262_144
  /// How long who calls over TCP may have no allocation and say nothing.
  public static let callerPatience: Duration = .seconds(40)
  /// How long to wait after a caller could not be accepted: the system has no descriptor left.
  public static let acceptPause: Duration = .milliseconds(100)
  /// How long a connection with a peer may take to open, and then to be claimed: RFC 6062, 5.2 and 5.3, want no less.
  public static let claimPatience: Duration = .seconds(30)
  /// What is read at once from a connection that is joined with another: less than any budget has at once, and all that is
  /// held of a stream one way.
  public static let streamReadBytes = 32_768
  /// How long a stream waits at least that has used up its bandwidth: so many of them cost little while they wait.
  public static let pace: Duration = .milliseconds(2)
  /// By what an answer to a stranger is longer than the question, headers of IP and UDP and all, at most: it holds realm,
  /// nonce and algorithms, without which nobody could ask better, and no word more.
  public static let amplification = 2.5
}
