/// How often somebody may ask.
public struct RequestRate: Hashable, Sendable {
  /// In the long run.
  public var perSecond: Double
  /// Who has not asked for a while.
  public var atOnce: Double

  /// A rate.
  public init(perSecond: Double, atOnce: Double) {
    self.perSecond = perSecond
    self.atOnce = atOnce
  }
}
