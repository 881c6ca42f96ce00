import WarrenSTUN

/// How an ICE agent goes about its checks.
public struct ICEConfiguration: Hashable, Sendable {
  /// The least time between two new checks (Ta; RFC 8445, 14.2).
  public var pacing: Duration = .milliseconds(50)
  /// How many new checks may leave at once before they are paced.
  public var burst = 1
  /// When a check is sent again, and when it has failed.
  public var patience = STUNRequestTimer.Patience.standard
  /// Whether pairs of one foundation wait for the first of them (RFC 8445, 6.1.2.6).
  public var freezes = true
  /// Whether this side only answers (RFC 8445, 2.5).
  public var isLite = false
  /// How long the controlling side looks for a better pair after the first that works.
  public var nominatesAfter: Duration = .milliseconds(150)
  /// Whether a better pair that is found later is nominated too, and others are kept alive: among our own kind.
  public var keepsSearching = false
  /// How often the other side is asked whether it still wants to hear from us, on average (RFC 7675, 5.1).
  public var consentInterval: Duration = .seconds(5)
  /// For how long an answer to that is good.
  public var consentLifetime: Duration = .seconds(30)
  /// How often a pair that is not in use is kept open in the NATs on its way.
  public var keepAliveInterval: Duration = .seconds(15)
  /// How long it takes at least to give up, however hopeless it looks (RFC 8863, 4).
  public var givesUpAfter: Duration = .milliseconds(39_500)

  /// What any ICE agent expects.
  public static let standard = ICEConfiguration()

  /// Between two of our own kind: everything at once, again after 20, 40, 80 ms and so on for 4 seconds.
  public static let eager: ICEConfiguration = {
    var eager = ICEConfiguration()
    eager.pacing = .milliseconds(5)
    eager.burst = 12
    eager.patience = .init(first: .milliseconds(20), longest: .milliseconds(1280), transmissions: 8, last: 64)
    eager.freezes = false
    eager.nominatesAfter = .zero
    eager.keepsSearching = true
    return eager
  }()

  /// What any ICE agent expects.
  public init() {}
}
