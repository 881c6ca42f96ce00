import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Fits a ``PortModel``: the likelihood of the samples under each hypothesis, weighed with its prior.
///
/// A hypothesis says of what a mapping depends and how its port is chosen. Samples that must share a mapping must
/// show one port; the others are draws of new ports. What a hypothesis cannot explain is not impossible under it,
/// but a stray: the NAT had to move a port that was taken, or a mapping had expired.
struct PortFit {
  /// The port that a mapping got, when it was made.
  struct Draw {
    var local: UInt16
    var port: UInt16
    var address: Int
    /// Seconds after the first sample.
    var time: Double
  }

  /// A rule with the logarithm of prior and likelihood.
  struct Scored {
    var mapping: NATKind.Dependence
    var rule: PortRule
    var score: Double
  }

  /// How likely a sample is that nothing explains; any port would do for it.
  static let stray = log(0.03) - log(65_535)
  static let plain = log(0.97)

  let samples: [PortSample]
  let addresses: [IPAddress]
  let end: Double

  init?(_ samples: some Collection<PortSample>) {
    // Sorting by time is what makes samples that were handed over in another order count the same.
    let ordered = samples.enumerated().sorted { ($0.element.sent, $0.offset) < ($1.element.sent, $1.offset) }
      .map(\.element)
    guard let first = ordered.first else { return nil }
    self.samples = ordered
    addresses = Self.addresses(of: ordered)
    end = first.sent.duration(to: ordered[ordered.count - 1].sent).seconds
  }

  private static func addresses(of samples: [PortSample]) -> [IPAddress] {
    var seen: [(ip: IPAddress, count: Int)] = []
    for sample in samples {
      if let place = seen.firstIndex(where: { $0.ip == sample.outside.ip }) {
        seen[place].count += 1
      } else {
        seen.append((sample.outside.ip, 1))
      }
    }
    return seen.sorted { ($1.count, $0.ip) < ($0.count, $1.ip) }
      .prefix(SearchLimits.outsideAddresses).map(\.ip)
  }

  /// The mixture of everything that may be.
  mutating func model() -> PortModel {
    var scored: [Scored] = []
    for mapping in NATKind.Dependence.allCases {
      let (draws, score) = draws(under: mapping)
      let prior = score + Self.prior(mapping)
      for (rule, score) in PortRuleFit(draws, end: end).scored() {
        scored.append(Scored(mapping: mapping, rule: rule, score: prior + score))
      }
    }
    return mixture(scored)
  }

  /// Home routers and Linux show one port to all; those that do not mostly look at the port as well.
  private static func prior(_ mapping: NATKind.Dependence) -> Double {
    switch mapping {
    case .endpointIndependent: log(0.6)
    case .addressDependent: log(0.1)
    case .addressAndPortDependent: log(0.3)
    }
  }

  // MARK: Mappings

  /// The mappings that the samples show if `mapping` is true, and how likely their samples agree as they do.
  private func draws(under mapping: NATKind.Dependence) -> ([Draw], Double) {
    var draws: [Draw] = []
    var score = 0.0
    for (place, sample) in samples.enumerated() {
      let isFirst = !samples[..<place].contains { share(mapping, $0, sample) }
      guard isFirst else { continue }
      let members = samples[place...].filter { share(mapping, $0, sample) }
      let outside = usual(members)
      let agreeing = members.filter { $0.outside == outside }.count
      score += Double(agreeing - 1) * Self.plain + Double(members.count - agreeing) * Self.stray
      draws.append(
        Draw(
          local: sample.localPort, port: outside.port,
          // What came from a third address is counted with nobody.
          address: addresses.firstIndex(of: outside.ip) ?? -1,
          time: samples[0].sent.duration(to: sample.sent).seconds))
    }
    return (draws, score)
  }

  private func share(_ mapping: NATKind.Dependence, _ one: PortSample, _ other: PortSample) -> Bool {
    guard one.localPort == other.localPort else { return false }
    return switch mapping {
    case .endpointIndependent: true
    case .addressDependent: one.remote.ip == other.remote.ip
    case .addressAndPortDependent: one.remote == other.remote
    }
  }

  /// What most of them show, the earliest of equals.
  private func usual(_ members: [PortSample]) -> SocketAddress {
    var best = members[0].outside
    var bestCount = 0
    for member in members {
      let count = members.filter { $0.outside == member.outside }.count
      if count > bestCount { (best, bestCount) = (member.outside, count) }
    }
    return best
  }

  // MARK: Weighing

  private func mixture(_ scored: [Scored]) -> PortModel {
    let best = scored.map(\.score).max() ?? 0
    func weight(_ one: Scored) -> Double { exp(one.score - best) }
    let total = scored.map(weight).reduce(0, +)
    let mapping = likeliest(scored, weight)
    let own = scored.filter { $0.mapping == mapping }
    let ownTotal = own.map(weight).reduce(0, +)
    var rules = own.enumerated().map { (place: $0.offset, rule: $0.element.rule, weight: weight($0.element)) }
    rules.sort { ($1.weight, $0.place) < ($0.weight, $1.place) }
    let kept = rules.prefix(SearchLimits.rules)
      .filter { $0.weight >= SearchLimits.leastShare * rules[0].weight }
      .map {
        PortModel.Weighted(rule: $0.rule, share: UInt16(max(1, ($0.weight / ownTotal * 65_535).rounded())))
      }
    let allocation = kept[0].rule.allocation
    let agreeing = own.filter { $0.rule.allocation == allocation }.map(weight).reduce(0, +)
    return PortModel(
      mapping: mapping, addresses: addresses, rules: kept,
      certainty: UInt16((agreeing / total * 65_535).rounded()))
  }

  private func likeliest(_ scored: [Scored], _ weight: (Scored) -> Double) -> NATKind.Dependence {
    var best = (mapping: NATKind.Dependence.endpointIndependent, weight: -1.0)
    for mapping in NATKind.Dependence.allCases {
      let sum = scored.filter { $0.mapping == mapping }.map(weight).reduce(0, +)
      if sum > best.weight { best = (mapping, sum) }
    }
    return best.mapping
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
