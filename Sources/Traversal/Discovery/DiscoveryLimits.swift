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
  /// Sockets whose ports are looked at: a NAT that gives each socket one port shows no more ports than these.
  public static let samplers = 8
  /// After how many seconds of silence a mapping is looked for, each with a socket of its own: the times that NATs are
  /// known to have lie between them (RFC 4787, REQ-5: at least 120 s; mobile networks 30 to 75 s).
  public static let silences = [5, 10, 17, 25, 35, 50, 70, 90, 110, 135, 170, 210, 270, 330, 420, 570, 660]
}
