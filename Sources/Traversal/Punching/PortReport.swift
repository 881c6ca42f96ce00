import WarrenMachine

/// What one side tells of the NATs before it, so that both can foresee where it will be.
public struct PortReport: Hashable, Sendable {
  /// How the outermost NAT that chooses ports does so.
  public var model: PortModel
  /// Who may send to a mapping, as far as it is known; strict where it is not.
  public var filtering: NATKind.Dependence
  /// How long before this was told the last sample was taken.
  public var sampleAge: Duration

  /// A report.
  public init(
    model: PortModel, filtering: NATKind.Dependence = .addressAndPortDependent, sampleAge: Duration = .zero
  ) {
    self.model = model
    self.filtering = filtering
    self.sampleAge = sampleAge
  }

  /// What kind of NAT that is.
  public var kind: NATKind { model.kind(filtering: filtering) }
}
