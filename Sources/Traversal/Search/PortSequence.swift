import WarrenMachine

/// The ports that a NAT may have given to a new mapping, the likeliest first.
///
/// Single ports (a preserved one, the next few of a counter) and whole ranges are taken by falling weight; within
/// a range all ports are equally likely, and come in an order drawn from the generator. No pass has a port twice;
/// each is wider than the one before, and the last has every port there is. Two sides that have the same model,
/// outlook and generator have the same sequence.
public struct PortSequence: Sendable {
  private let rules: [PortModel.Weighted]
  private let addresses: [IPAddress]
  private let outlook: PortOutlook
  private var random: SeededChance
  private var points: [WeightedPort] = []
  private var nextPoint = 0
  private var walks: [RangeWalk] = []
  private var nextWalk = 0
  /// One bit for each port, set when it was handed out on this pass.
  private var seen = [UInt64](repeating: 0, count: 1024)
  /// Which pass this is, from 0.
  public private(set) var pass = 0

  /// The ports that a model expects, in an order that the generator decides where the model does not.
  public init(
    _ model: PortModel, _ outlook: PortOutlook = PortOutlook(), using random: inout some RandomNumberGenerator
  ) {
    rules = model.rules
    addresses = model.addresses
    self.outlook = outlook
    self.random = SeededChance(seed: random.next())
    begin()
  }

  /// The next port; nil when the last pass is over.
  public mutating func next() -> UInt16? {
    while true {
      guard let port = likeliest() else {
        guard pass + 1 < SearchLimits.passes else { return nil }
        pass += 1
        begin()
        continue
      }
      let bit = UInt64(1) << UInt64(port % 64)
      let word = Int(port / 64)
      guard port != 0, seen[word] & bit == 0 else { continue }
      seen[word] |= bit
      return port
    }
  }

  private mutating func likeliest() -> UInt16? {
    while nextWalk < walks.count {
      if nextPoint < points.count, points[nextPoint].weight >= walks[nextWalk].density { break }
      if let port = walks[nextWalk].next() { return port }
      nextWalk += 1
    }
    guard nextPoint < points.count else { return nil }
    nextPoint += 1
    return points[nextPoint - 1].port
  }

  // MARK: A pass

  private mutating func begin() {
    for word in seen.indices { seen[word] = 0 }
    points.removeAll(keepingCapacity: true)
    walks.removeAll(keepingCapacity: true)
    (nextPoint, nextWalk) = (0, 0)
    for weighted in rules {
      switch weighted.rule {
      case .offset(let offset):
        guard let local = outlook.localPort else { continue }
        points.append(
          WeightedPort(port: local &+ UInt16(truncatingIfNeeded: offset), weight: weighted.weight))
      case .counter(let counter):
        guard isSought(counter) else { continue }
        PortCounterOutlook(counter, outlook)
          .append(SearchLimits.firstWindow << (2 * pass), weight: weighted.weight, to: &points)
      case .range(let range, let keepsParity): walk(range, keepsParity, weighted.weight)
      }
    }
    if pass + 1 == SearchLimits.passes { walk(.all, false, 0) }
    // Ports break ties, so that the order of the rules does not.
    points.sort { ($1.weight, $0.port) < ($0.weight, $1.port) }
    walks.sort { ($1.density, $0.range.lower) < ($0.density, $1.range.lower) }
  }

  private func isSought(_ counter: PortCounter) -> Bool {
    guard let address = outlook.address, counter.address < addresses.count else { return true }
    return addresses[counter.address] == address
  }

  private mutating func walk(_ range: PortRange, _ keepsParity: Bool, _ weight: Double) {
    let parity = keepsParity && pass == 0 ? outlook.localPort.map { $0 % 2 } : nil
    walks.append(RangeWalk(range.widened(times: pass), parity: parity, weight: weight, using: &random))
  }
}

/// A port and how likely it is.
struct WeightedPort {
  var port: UInt16
  var weight: Double
}
