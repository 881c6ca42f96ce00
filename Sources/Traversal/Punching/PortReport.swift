import WarrenMachine

/// What one side tells of the NATs before it, so that both can foresee where it will be.
public struct PortReport: Hashable, Sendable {
  /// How the outermost NAT that chooses ports does so.
  public var model: PortModel
  /// Who may send to a mapping; nil where that is not known, as mostly.
  public var filtering: NATKind.Dependence?
  /// How long before this was told the last sample was taken.
  public var sampleAge: Duration
  /// Which report this is: after a search that found nothing, both sides look once more.
  public var round: UInt8

  /// The port towards the one who is told, where the model could only foresee it but it was found out. Then it is known,
  /// as if it were the same for all.
  public var pinned: UInt16?
  /// Whether this side would search every port, where nothing else helps; both must.
  public var permitsExhaustive: Bool

  /// A report.
  public init(
    model: PortModel, filtering: NATKind.Dependence? = nil, sampleAge: Duration = .zero, round: UInt8 = 0,
    pinned: UInt16? = nil, permitsExhaustive: Bool = false
  ) {
    self.permitsExhaustive = permitsExhaustive
    self.pinned = pinned
    self.round = round
    self.model = model
    self.filtering = filtering
    self.sampleAge = sampleAge
  }

  /// What kind of NAT that is; a filter that is not known is taken to be strict.
  public var kind: NATKind { kind(filtering: filtering ?? .addressAndPortDependent) }

  /// What kind it would be if it let in more than is known of it; nil where its filter is known.
  var hopefulKind: NATKind? { filtering == nil ? kind(filtering: .addressDependent) : nil }

  private func kind(filtering: NATKind.Dependence) -> NATKind {
    var kind = model.kind(filtering: filtering)
    if pinned != nil { kind.mapping = .endpointIndependent }
    return kind
  }

  /// Whether each packet to another port leaves from another outside port, which can be foreseen.
  var moves: Bool {
    guard case .sequential = kind.allocation else { return false }
    return kind.mapping == .addressAndPortDependent
  }

  /// The counter that a foreseen port comes from.
  var counter: PortCounter? {
    for weighted in model.rules {
      if case .counter(let counter) = weighted.rule { return counter }
    }
    return nil
  }
}
