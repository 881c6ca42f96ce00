import WarrenMachine

/// What a few samples say about the ports of a NAT: rules with weights, and when a new mapping is made at all.
///
/// The weights are a mixture after Bayes: each rule's prior times the likelihood of the samples under it. So one
/// mechanism serves prediction and search alike: ``PortSequence`` gives the likeliest port first.
public struct PortModel: Hashable, Sendable {
  /// A rule and its share of 65,535.
  public struct Weighted: Hashable, Sendable {
    /// How ports are chosen.
    public var rule: PortRule
    /// Its weight, in parts of 65,535.
    public var share: UInt16

    /// The weight, from 0 to 1.
    public var weight: Double { Double(share) / 65_535 }
  }

  /// When a socket's packets get another outside port.
  public internal(set) var mapping: NATKind.Dependence
  /// The outside addresses that were seen, the most frequent first.
  public internal(set) var addresses: [IPAddress]
  /// How ports are chosen, the likeliest rule first; there is at least one.
  public internal(set) var rules: [Weighted]
  /// How likely ``kind(filtering:)`` is, from 0 to 1 in parts of 65,535.
  var certainty: UInt16

  /// The model that fits these samples best; nil if there are none.
  public init?(fitting samples: [PortSample]) {
    guard var fit = PortFit(samples.prefix(SearchLimits.samples)) else { return nil }
    self = fit.model()
  }

  /// What is known before anything was seen: any port.
  public init() {
    self.init(mapping: .addressAndPortDependent, range: .unreserved)
  }

  /// A NAT that takes any port of a range.
  public init(mapping: NATKind.Dependence, range: PortRange) {
    self.init(
      mapping: mapping, addresses: [],
      rules: [Weighted(rule: .range(range, keepsParity: false), share: .max)], certainty: 0)
  }

  init(mapping: NATKind.Dependence, addresses: [IPAddress], rules: [Weighted], certainty: UInt16) {
    self.mapping = mapping
    self.addresses = addresses
    self.rules = rules
    self.certainty = certainty
  }

  /// How likely it is that ``kind(filtering:)`` is right, from 0 to 1.
  public var confidence: Double { Double(certainty) / 65_535 }

  /// What kind of NAT this is. Filtering cannot be seen in samples: it has to be found out otherwise.
  ///
  /// A NAT that preserves ports shows one outside port for each socket whatever its mapping depends on.
  public func kind(filtering: NATKind.Dependence = .addressAndPortDependent) -> NATKind {
    NATKind(mapping: mapping, filtering: filtering, allocation: rules[0].rule.allocation)
  }
}

extension PortModel: CustomStringConvertible {
  /// The kind in words, and how certain it is: `…, each 1 above the one before; 12 others a second; 98 % certain`.
  public var description: String {
    let ports = NATKind(mapping: mapping, allocation: rules[0].rule.allocation).description
      .split(separator: ";")[0]
    var text = String(ports)
    if case .counter(let counter) = rules[0].rule {
      text += "; others open \(Int(counter.foreignRate.rounded())) a second"
    }
    return text + "; \(Int((confidence * 100).rounded())) % certain"
  }
}
