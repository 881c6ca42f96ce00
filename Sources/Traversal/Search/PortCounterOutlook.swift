import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where a counter will be: past our own mappings, and past as many of others as their rate lets one expect.
///
/// The rate is a gamma distribution, so their number is a negative binomial one: broad after few samples, and
/// never exact. That puts the nearest ports first and leans forward with rate times time.
struct PortCounterOutlook {
  /// How much of the weight is spread evenly, since models err.
  private static let tail = 0.03

  private let counter: PortCounter
  private let own: Int
  private let seconds: Double

  init(_ counter: PortCounter, _ outlook: PortOutlook) {
    self.counter = counter
    own = max(0, min(outlook.ownMappings, 65_535))
    seconds = max(0, min(outlook.elapsed, SearchLimits.duration).seconds) + Double(counter.age) / 1000
  }

  /// Puts so many ports of the counter into `points`, with their parts of a weight.
  func append(_ window: Int, weight: Double, to points: inout [WeightedPort]) {
    let count = min(window, counter.range.count)
    let shape = counter.shape
    let stay = counter.seconds / (counter.seconds + seconds)
    let expected = own + Int(min(shape / counter.seconds * seconds, 65_535))
    let first = max(0, expected - count / 3)
    // The logarithm of the probability of so many foreign mappings, from none on.
    var logarithm = shape * log(stay)
    for foreign in 0..<max(0, first - own) { logarithm += growth(after: foreign, shape, stay) }
    for place in first..<first + count {
      var probability = Self.tail / Double(count)
      if place >= own {
        probability += (1 - Self.tail) * exp(logarithm)
        logarithm += growth(after: place - own, shape, stay)
      } else if own - place < 32 {
        // Some of our own never became mappings.
        probability += Self.tail / Double(1 << (own - place))
      }
      let port = counter.range.port(counter.step * (place + 1), from: counter.latest)
      points.append(WeightedPort(port: port, weight: weight * probability))
    }
  }

  private func growth(after foreign: Int, _ shape: Double, _ stay: Double) -> Double {
    // None come in no time.
    guard stay < 1 else { return -1000 }
    return log((1 - stay) * (shape + Double(foreign)) / Double(foreign + 1))
  }
}
