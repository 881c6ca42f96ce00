/// The limits of this room, each with its reason.
public enum STUNLimits {
  /// Attributes in one message: ICE and TURN have at most 15, and a datagram could hold 16,000 empty ones.
  public static let attributes = 64
  /// Bytes of a user name (RFC 8489, 14.3).
  public static let usernameBytes = 508
  /// Bytes of a realm, a nonce, a reason phrase and a software's name (RFC 8489, 14.8 to 14.14).
  public static let textBytes = 763
  /// A message on a stream, header and all: there its length could claim 64 KiB of memory from anyone.
  public static let messageOnStream = 4096
  /// What a reader of UDP must be able to take without fragments (RFC 8489, 6.1).
  public static let datagramV4 = 548
  /// Padding that a server adds when asked (RFC 5780, 7.6): enough for a fragment, and no more than was sent.
  public static let padding = 1500
  /// Callers over TCP at once: each holds a descriptor, of which a process has 1,024 by default.
  public static let callers = 512
  /// How long to wait after a caller could not be accepted.
  public static let acceptPause: Duration = .milliseconds(100)
  /// How long a caller over TCP may say nothing: the time a client keeps a connection open for a next question
  /// (RFC 8489, 6.2.3).
  public static let callerPatience: Duration = .seconds(40)
}
