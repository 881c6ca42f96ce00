/// A part of a list.
public struct RegistryPage: Hashable, Sendable {
  /// Where the next part begins.
  public struct Start: Hashable, Sendable {
    var place: Int

    /// From what was handed out as ``place``.
    public init(place: Int) { self.place = place }
  }

  /// Who is there.
  public var registrations: [Registration]
  /// Where to go on; nil at the end.
  public var next: Start?
}
