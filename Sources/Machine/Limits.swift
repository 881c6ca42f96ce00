/// The limits of this room, each with its reason.
public enum MachineLimits {
  /// The largest UDP payload over IPv4: 65,535 less 20 bytes of IP and 8 of UDP header.
  public static let largestDatagram = 65_507
  /// Equal datagrams that one call may carry: Linux refuses more segments than this (`UDP_MAX_SEGMENTS`).
  public static let segmentsPerRun = 64
  /// What an outbox holds when nobody says otherwise: four calls' worth of a full run.
  public static let outboxBytes = 4 * 65_536
  /// What an asynchronous read takes at most when nobody says otherwise: one TCP window's usual share.
  public static let readBytes = 65_536
  /// How often the system may choose a port that is not free for all that it is for: one in two is taken only where thousands are.
  public static let portChoices = 10
  /// The longest name of a file: what Linux and nearly all file systems have (`NAME_MAX`).
  public static let nameBytes = 255
}
