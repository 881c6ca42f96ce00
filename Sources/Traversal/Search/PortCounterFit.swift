#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How well counters explain the ports that new mappings got, each outside address having its own.
///
/// A counter's draws, put in the order of the counter, should be in the order of time too, and what is missing
/// between them is others' mappings. Their number over a time is Poisson's with a rate that nobody knows, whose
/// prior is a gamma distribution: then the likelihood of all gaps together has a closed form.
struct PortCounterFit {
  /// What is left of a hypothesis for one address.
  private struct Fit {
    var score: Double
    var latest: UInt16
    var latestTime: Double
    var foreign = 0
    var observed = 0.0
    var strays: Int
  }

  let draws: [PortFit.Draw]
  let end: Double

  init(_ draws: [PortFit.Draw], end: Double) {
    self.draws = draws
    self.end = end
  }

  /// Counters that explain the draws, those of one step sharing its weight evenly among addresses.
  func scored() -> [(rule: PortRule, score: Double)] {
    var found: [(PortRule, Double)] = []
    for step in steps() {
      var best: (counters: [PortCounter], score: Double)?
      for range in [PortRange.unreserved, .linux, .dynamic, .all] {
        let prior = log(0.25) + Self.prior(step) + log(range == .unreserved ? 0.85 : 0.05)
        let (counters, score) = counters(step, range)
        // Ranges differ only where a counter begins anew: the best of them will do.
        if let counters, !counters.isEmpty, prior + score > best?.score ?? -.infinity {
          best = (counters, prior + score)
        }
      }
      guard let (counters, score) = best else { continue }
      let share = log(Double(counters.count))
      found += counters.map { (.counter($0), score - share) }
    }
    return found
  }

  /// Steps that lie between neighbours in time, and the usual ones.
  private func steps() -> [Int] {
    var steps = [1, 2, -1, -2]
    for (one, other) in zip(draws, draws.dropFirst()) where one.address == other.address {
      let distance = PortRange.unreserved.distance(from: max(one.port, 1024), to: max(other.port, 1024))
      for divisor in 1...3 where distance % divisor == 0 {
        let step = distance / divisor
        guard step != 0, abs(step) <= SearchLimits.largestStep, !steps.contains(step) else { continue }
        steps.append(step)
      }
    }
    return steps
  }

  private static func prior(_ step: Int) -> Double {
    switch step {
    case 1: log(0.6)
    case 2: log(0.15)
    case -1: log(0.08)
    default: log(0.17 / Double(2 * SearchLimits.largestStep))
    }
  }

  /// Each address' counter; nil where the step does not explain most of the draws.
  private func counters(_ step: Int, _ range: PortRange) -> ([PortCounter]?, Double) {
    var counters: [PortCounter] = []
    var score = Double(draws.filter { $0.address < 0 }.count) * PortFit.stray
    for address in 0..<SearchLimits.outsideAddresses {
      let own = draws.filter { $0.address == address }
      guard !own.isEmpty else { continue }
      let fit = fit(own, step, range)
      guard own.count == 1 || fit.strays * 2 < own.count else { return (nil, score) }
      score += fit.score
      counters.append(
        PortCounter(
          step: step, range: range, address: address, latest: fit.latest,
          age: min(65_535, max(0, Int(((end - fit.latestTime) * 1000).rounded()))),
          foreign: min(65_535, fit.foreign), observed: min(65_535, Int((fit.observed * 1000).rounded()))))
    }
    return (counters, score)
  }

  /// The best of a few tries to say which draw is surely the counter's: the first may be the stray.
  private func fit(_ own: [PortFit.Draw], _ step: Int, _ range: PortRange) -> Fit {
    var best = fit(own, step, range, anchor: own[0])
    for anchor in own.dropFirst().prefix(2) where best.strays > 0 {
      let other = fit(own, step, range, anchor: anchor)
      if other.score > best.score { best = other }
    }
    return best
  }

  private func fit(
    _ own: [PortFit.Draw], _ step: Int, _ range: PortRange, anchor: PortFit.Draw
  ) -> Fit {
    var places: [(place: Int, draw: PortFit.Draw)] = []
    for draw in own where range.contains(draw.port) && range.contains(anchor.port) {
      let distance = range.distance(from: anchor.port, to: draw.port)
      let place = distance / step
      guard place * step == distance, !places.contains(where: { $0.place == place }) else { continue }
      places.append((place, draw))
    }
    places.sort { $0.place < $1.place }
    // What lies further away than a busy NAT counts meanwhile has met the counter's step by chance.
    let reach = own.count + 32 + Int(SearchLimits.foreignRate * end)
    let middle = places.isEmpty ? 0 : places[places.count / 2].place
    places.removeAll { abs($0.place - middle) > reach }
    let strays = own.count - places.count
    guard let last = places.last else {
      return Fit(score: -.infinity, latest: anchor.port, latestTime: anchor.time, strays: own.count)
    }
    var fit = Fit(
      score: Double(strays) * PortFit.stray + Double(places.count) * PortFit.plain - log(Double(range.count)),
      latest: last.draw.port, latestTime: places.map(\.draw.time).max() ?? 0, strays: strays)
    for (one, other) in zip(places, places.dropFirst()) {
      weigh(other.place - one.place - 1, within: other.draw.time - one.draw.time, &fit)
    }
    fit.score += Self.likelihood(of: fit.foreign, within: fit.observed)
    return fit
  }

  /// So many ports between two draws so far apart.
  private func weigh(_ gap: Int, within seconds: Double, _ fit: inout Fit) {
    // Packets that overtook each other, or a mapping whose first sample was lost and that is older than it seems.
    if seconds < 0 { fit.score += log(0.02) }
    guard seconds > SearchLimits.burstSeconds else {
      // Nothing comes in between so soon but a sample that was lost, or once in thirty times a stranger's.
      fit.score += gap == 0 ? log(0.9) : log(0.1) + Double(gap) * log(0.5)
      return
    }
    fit.foreign += gap
    fit.observed += seconds
    fit.score += Double(gap) * log(seconds)
    for number in 1...max(1, gap) { fit.score -= log(Double(number)) }
  }

  /// What the Poisson probabilities of all gaps have in common, over all rates: Γ(a+n)/Γ(a) · bᵃ/(b+T)ᵃ⁺ⁿ.
  private static func likelihood(of foreign: Int, within seconds: Double) -> Double {
    let (shape, prior) = (PortCounter.priorShape, PortCounter.priorSeconds)
    var score = shape * log(prior) - (shape + Double(foreign)) * log(prior + seconds)
    for number in 0..<foreign { score += log(shape + Double(number)) }
    return score
  }
}
