import WarrenSTUN

/// The limits of a hole puncher, each with its reason.
public enum PunchLimits {
  /// Dies behind our own NATs, of which there are at most three in practice, and before anybody else's.
  public static let primingHopLimit: UInt8 = 5
  /// STUN servers that are asked: the fastest of four answers soon enough, and more only cost packets.
  public static let stunServers = 4
  /// When a STUN server is asked again, and given up: 100 ms, then twice that and so on, 6.3 s in all.
  public static let stunPatience = STUNRequestTimer.Patience(
    first: .milliseconds(100), transmissions: 6, last: 32)
  /// How often a mapping is kept alive until there is a path: the shortest life that RFC 4787 allows is 120 s, and
  /// the shortest that is seen is 30 s.
  public static let keepAlive: Duration = .seconds(15)
  /// How many bytes may go to an address for each that its naming cost, until it has proven itself (RFC 9000, 8.1).
  public static let amplification = 3
  /// What a signal counts for at least: the smallest packets that carry one are this large.
  public static let leastSignalBytes = 1200
  /// Addresses for which is remembered how much was sent to them: one for each candidate, and some.
  public static let rememberedAddresses = 128
  /// Datagrams of one puncher that wait to be sent at once: a burst of checks is a tenth of it.
  public static let outboxBytes = 32_768
}
