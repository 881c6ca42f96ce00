/// For how long a registration counts.
public struct RegistryTerms: Hashable, Sendable {
  /// How long it lasts unless it is renewed.
  public var lifetime: Duration
  /// How long a name stays its owner's when it has gone.
  public var nameLifetime: Duration

  /// Terms.
  public init(lifetime: Duration = .seconds(30), nameLifetime: Duration = .seconds(30 * 86_400)) {
    self.lifetime = lifetime
    self.nameLifetime = nameLifetime
  }
}
