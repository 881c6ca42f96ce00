#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How well each rule explains the ports that new mappings got.
struct PortRuleFit {
  let draws: [PortFit.Draw]
  /// Seconds from the first sample to the last.
  let end: Double

  init(_ draws: [PortFit.Draw], end: Double) {
    self.draws = draws
    self.end = end
  }

  /// Every rule that may be, with the logarithm of its prior and of the likelihood of the draws.
  func scored() -> [(rule: PortRule, score: Double)] {
    offsets() + PortCounterFit(draws, end: end).scored() + ranges() + blocks()
  }

  // MARK: Preserved, or nearly

  private func offsets() -> [(PortRule, Double)] {
    var found = [(PortRule.offset(0), log(0.3) + score { $0.port == $0.local })]
    // One that happens to fit one draw would be found for any NAT.
    var seen: [Int] = [0]
    for draw in draws {
      let offset = Int(draw.port &- draw.local)
      guard !seen.contains(offset) else { continue }
      seen.append(offset)
      guard draws.filter({ $0.port &- $0.local == UInt16(offset) }).count > 1 else { continue }
      let prior = log(0.02) - log(65_535)
      found.append((.offset(offset), prior + score { $0.port &- $0.local == UInt16(offset) }))
    }
    return found
  }

  private func score(_ explains: (PortFit.Draw) -> Bool) -> Double {
    draws.reduce(0) { $0 + (explains($1) ? PortFit.plain : PortFit.stray) }
  }

  // MARK: Any of a range

  private func ranges() -> [(PortRule, Double)] {
    let priors: [(PortRange, Double)] = [
      (.unreserved, 0.2), (.linux, 0.08), (.dynamic, 0.05), (.all, 0.01),
    ]
    return priors.flatMap { range, prior in
      [
        (PortRule.range(range, keepsParity: false), log(prior) + score(of: range)),
        (PortRule.range(range, keepsParity: true), log(prior / 10) + score(of: range, keepsParity: true)),
      ]
    }
  }

  /// Blocks that a carrier may have given to this customer (RFC 7422): of a power of two, counted from port 0
  /// or from 1024. All are equally likely, so a block's prior is its share of the ports.
  private func blocks() -> [(PortRule, Double)] {
    let ports = draws.map(\.port).sorted()
    guard ports.count > 1 else { return [] }
    let middle = Int(ports[ports.count / 2])
    var found: [(PortRule, Double)] = []
    for size in [128, 256, 512, 1024, 2048, 4096] {
      for first in size > 1024 ? [0, 1024] : [0] where middle >= first {
        let lower = first + (middle - first) / size * size
        guard lower + size <= 65_536 else { continue }
        let block = PortRange(UInt16(max(1, lower))...UInt16(lower + size - 1))
        let prior = log(0.1 / 8) + log(Double(size) / 64_512)
        found.append((.range(block, keepsParity: false), prior + score(of: block)))
      }
    }
    return found
  }

  /// Nothing strays from a range but from a block that is full: were it likelier, ten of twelve ports that lie in
  /// half of what is possible by chance would pass for a range with two strays.
  private static let strayFromRange = log(1e-4) - log(65_535)

  private func score(of range: PortRange, keepsParity: Bool = false) -> Double {
    let fitting = -log(Double(range.count) / (keepsParity ? 2 : 1))
    return draws.reduce(0) {
      let fits = range.contains($1.port) && (!keepsParity || $1.port % 2 == $1.local % 2)
      return $0 + (fits ? fitting : Self.strayFromRange)
    }
  }
}
