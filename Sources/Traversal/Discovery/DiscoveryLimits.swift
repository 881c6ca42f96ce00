import WarrenSTUN

/// The limits of finding out what a NAT does, each with its reason.
public enum DiscoveryLimits {
  /// When a probe is sent again, and when it counts as filtered: four that are lost in a row are one in ten thousand at
  /// 5 % each way, and all is known within three seconds.
  public static let patience = STUNRequestTimer.Patience(
    first: .milliseconds(150), transmissions: 4, last: 4)
  /// The same for the first question, whose silence means that UDP is blocked: a little longer.
  public static let firstPatience = STUNRequestTimer.Patience(
    first: .milliseconds(150), transmissions: 5, last: 8)
  /// How long a server that does not answer over UDP is given to accept a connection over TCP.
  public static let tcpPatience: Duration = .seconds(2)
  /// Sockets whose ports are looked at: a NAT that gives each socket one port shows no more ports than these, and that
  /// all of them keep their parity by chance happens once in a thousand times.
  public static let samplers = 10
  /// How long after the first answer a mapping is used once more before it rests: Linux takes a flow for a conversation,
  /// which lives longer, when there was an answer and two seconds have passed.
  public static let settling: Duration = .milliseconds(2500)
  /// After how many seconds of silence a mapping is looked for, each with a socket of its own: the times that NATs are
  /// known to have lie between them (RFC 4787, REQ-5: at least 120 s; mobile networks 30 to 75 s). None at all, twice in
  /// case one is lost, tells whether the server can look.
  public static let silences = [
    0, 0, 1, 2, 3, 5, 10, 17, 25, 35, 50, 70, 90, 110, 135, 170, 210, 270, 330, 420, 570, 660,
  ]
  /// Mappings that are gone, one after the other, before the rest is not waited for: a single one may have been lost.
  public static let deadRests = 2
  /// The same for whoever only wants to know how often something must be sent: few, and each a second shorter than one of the round
  /// times that people give a NAT, of which four fifths are then most of it. Nobody gains by being silent for longer than the
  /// last, which is near what RFC 4787 recommends (REQ-5).
  public static let unusedLives: [Duration] = [5, 9, 14, 19, 29, 44, 59, 89, 119, 179, 239, 299].map {
    .seconds($0)
  }
}
