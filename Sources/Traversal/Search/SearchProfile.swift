/// How much a search may take of a network: rates, sockets, bytes and time.
public struct SearchProfile: Hashable, Sendable {
  /// Packets a second of the side that opens mappings.
  public let openRate: Int
  /// Packets a second of the side that probes ports.
  public let probeRate: Int
  /// Sockets that the opening side may have.
  public let sockets: Int
  /// Probes at most.
  public let probes: Int
  /// Bytes on the wire at most, of both sides together, with headers (``SearchLimits/packetBytes`` a packet).
  public let bytes: Int
  /// How long it may take.
  public let duration: Duration

  /// Limits of one's own; each is held to what ``SearchLimits`` allow.
  public init(openRate: Int, probeRate: Int, sockets: Int, probes: Int, bytes: Int, duration: Duration) {
    func held(_ value: Int, _ limit: Int) -> Int { max(1, min(value, limit)) }
    self.openRate = held(openRate, SearchLimits.rate)
    self.probeRate = held(probeRate, SearchLimits.rate)
    self.sockets = held(sockets, SearchLimits.sockets)
    self.bytes = held(bytes, 2 * SearchLimits.packets * SearchLimits.packetBytes)
    self.probes = held(probes, min(SearchLimits.packets, self.bytes / SearchLimits.packetBytes))
    self.duration = max(.zero, min(duration, SearchLimits.duration))
  }

  /// Hardly noticed by a home router: four seconds, 67 kB at most.
  public static let polite = SearchProfile(
    openRate: 100, probeRate: 250, sockets: 320, probes: 1000, bytes: 67_200, duration: .seconds(4))
  /// What suits most: two and a half seconds, of which half a second does mostly; 120 kB at most.
  public static let normal = SearchProfile(
    openRate: 200, probeRate: 1000, sockets: 320, probes: 2000, bytes: 120_000, duration: .milliseconds(2500))
  /// For networks that take it: a second and a half, of which a quarter does mostly.
  public static let fast = SearchProfile(
    openRate: 1000, probeRate: 2000, sockets: 512, probes: 2000, bytes: 144_000, duration: .milliseconds(1500)
  )
  /// Every port, for pairs that nothing else can connect: only for who asks for it.
  public static let exhaustive = SearchProfile(
    openRate: 2000, probeRate: 2000, sockets: 512, probes: 65_535, bytes: 131_070 * 48, duration: .seconds(60)
  )
}
