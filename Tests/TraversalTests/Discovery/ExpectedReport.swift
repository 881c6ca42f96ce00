import TestSupport
import Warren
import WarrenSimulator

/// What is true of a machine behind NATs of known configurations, as far as the outside can see.
struct ExpectedReport {
  typealias Dependence = NATKind.Dependence

  var isTranslated = false
  var mapping: Dependence?
  var filtering = Dependence.endpointIndependent
  /// All that may be said of the ports.
  var allocation: [NATKind.Allocation] = []
  /// All that may be said of hairpinning; nothing, where there is no NAT.
  var hairpins: [Bool?] = [nil]
  /// nil where no mapping is there to die, or where its end cannot be seen.
  var lifetime: Duration?
  private var keepsPort = true
  /// Whether those inside see each other's outside addresses.
  private var hidesSource = true

  /// No NAT.
  init() {}

  /// One box.
  init(_ box: NATConfiguration, addresses: Int = 1) {
    isTranslated = box.translates
    // Where ports are shared, a stranger's packet finds no mapping, whatever the filter would say.
    let shares = box.overloadsPorts && box.translates
    filtering = Dependence(rawValue: max(box.filtering.rawValue, shares ? box.mapping.rawValue : 0))!
    lifetime = Self.lifetime(of: box)
    guard box.translates else { return }

    let mapping = Dependence(rawValue: box.mapping.rawValue)!
    // A customer's block of ports is at one address.
    let keepsAddress = box.pooling == .paired || addresses == 1 || box.portBlock != nil
    keepsPort = box.keepsPort && box.portBlock == nil
    // Where ports may be shared, each flow keeps its own, and looks the same to all: unless its address changes.
    self.mapping = keepsPort && box.overloadsPorts && keepsAddress ? .endpointIndependent : mapping
    allocation = [box.chosen]
    if keepsPort, mapping == .endpointIndependent || box.overloadsPorts {
      allocation = [.preserving]
    } else if keepsPort, !keepsAddress {
      // A port is seldom taken at each of the addresses.
      allocation.append(.preserving)
    }
    hairpins = answers(ifOn: box.hairpinning != .off)
    hidesSource = box.hairpinning != .internalSource
    // With several addresses the server cannot be asked to send to another of them: only the mapping is seen then,
    // and where the port is kept not even that.
    if !keepsAddress { lifetime = keepsPort ? nil : box.lifetimes.udp }
  }

  /// Several, the innermost first: each does its own to what comes from within.
  init(_ boxes: [NATConfiguration], addresses: Int = 1) {
    self.init()
    for (number, box) in boxes.enumerated() {
      add(ExpectedReport(box, addresses: number == boxes.count - 1 ? addresses : 1))
    }
  }

  private mutating func add(_ outer: ExpectedReport) {
    let inner = self
    isTranslated = inner.isTranslated || outer.isTranslated
    mapping = [inner.mapping, outer.mapping].compactMap { $0 }.max { $0.rawValue < $1.rawValue }
    filtering = inner.filtering.rawValue > outer.filtering.rawValue ? inner.filtering : outer.filtering
    lifetime = [inner.lifetime, outer.lifetime].compactMap { $0 }.min()
    guard outer.isTranslated else { return }
    if outer.allocation == [.preserving], inner.isTranslated {
      allocation = inner.allocation
    } else {
      // What keeps the first port of each has two ways, and only one of them can be named.
      let isMixed = outer.keepsPort && inner.isTranslated && inner.allocation != [.preserving]
      allocation = outer.allocation + (isMixed ? inner.allocation : [])
    }
    keepsPort = keepsPort && outer.keepsPort
    // Whoever is behind both has the outermost's address. If it does not hide who sends, the inner one sees packets
    // from its own address, which nobody within has sent to.
    let isHeard = outer.hidesSource || !inner.isTranslated || inner.filtering == .endpointIndependent
    hairpins = answers(ifOn: outer.hairpins.contains(true) && isHeard)
  }

  /// If each socket has another port towards the other, neither may answer, hairpinning or not.
  private func answers(ifOn isOn: Bool) -> [Bool?] {
    let isTold = mapping == .endpointIndependent || filtering == .endpointIndependent
    return isTold ? [isOn] : isOn ? [nil, true] : [nil]
  }

  /// How long a socket that was answered may be silent and still be sent to by whom it asked.
  private static func lifetime(of box: NATConfiguration) -> Duration {
    let times = box.lifetimes
    var all = [times.udp]
    if box.filtering != .endpointIndependent, let filter = times.filter { all.append(filter) }
    return all.min()!
  }

  /// In what a report differs, in words; nothing where it is right.
  func differences(from report: NATReport, measuresLifetime: Bool) -> [String] {
    var found: [String] = []
    func compare<Value: Equatable>(_ what: String, _ seen: Value, _ truth: Value) {
      if seen != truth { found.append("\(what) is \(truth), not \(seen)") }
    }
    compare("translation", report.isTranslated, isTranslated)
    compare("mapping", report.mapping, mapping)
    compare("filtering", report.filtering, filtering)
    if !hairpins.contains(report.hairpins) {
      found.append("hairpinning is one of \(hairpins), not \(String(describing: report.hairpins))")
    }
    if !(allocation.isEmpty && report.allocation == nil
      || allocation.contains { $0.isLike(report.allocation) })
    {
      found.append("allocation is one of \(allocation), not \(String(describing: report.allocation))")
    }
    if measuresLifetime {
      if let lifetime, let seen = report.lifetime {
        if lifetime < seen.atLeast || seen.lessThan.map({ $0 < lifetime }) ?? false {
          found.append("lifetime is \(lifetime), not \(seen)")
        }
      } else {
        compare("whether the lifetime is known", report.lifetime != nil, lifetime != nil)
      }
    }
    return found
  }
}

extension NATKind.Allocation {
  /// Whether it is the same, but for the range, which nobody can be sure of.
  fileprivate func isLike(_ other: NATKind.Allocation?) -> Bool {
    if case (.random, .random?) = (self, other) { true } else { self == other }
  }
}

extension NATConfiguration {
  /// How ports are chosen that are not kept.
  fileprivate var chosen: NATKind.Allocation {
    if case .sequential(let step) = portChoice { .sequential(step: step) } else { .random(.all) }
  }

  /// A NAT of any kind that can be told from others, drawn from a seed.
  static func drawn(_ seed: UInt64) -> NATConfiguration {
    var random = SeededRandom(seed)
    func some<Value>(_ values: Value...) -> Value { values.randomElement(using: &random)! }
    func draw() -> NATConfiguration {
      .changed {
        $0.mapping = Dependence.allCases.randomElement(using: &random)!
        $0.filtering = Dependence.allCases.randomElement(using: &random)!
        $0.hairpinning = some(.off, .externalSource, .internalSource)
        $0.keepsPort = some(true, false)
        $0.overloadsPorts = some(true, false, false)
        $0.portChoice = some(
          .random, .random, .sequential(step: 1), .sequential(step: 2), .sequential(step: 3),
          .sequential(step: 7))
        $0.keepsPortClass = some(true, false)
        // One that counts and keeps parity at once goes by ones and twos.
        $0.keepsParity = $0.portChoice == .random && some(true, false)
        $0.keepsContiguity = $0.portChoice == .random && some(true, false, false)
        if !$0.keepsPort, !$0.overloadsPorts {
          $0.portBlock = some(nil, nil, PortBlock(size: 512), PortBlock(size: 1024, perHost: 2))
        }
        $0.pooling = some(.paired, .paired, .arbitrary)
        $0.unsolicited = some(.drop, .reject, .accept)
        $0.refreshes = some([.outbound, .inbound], [.outbound])
        $0.refreshesFilter = some([.outbound, .inbound], [.outbound])
        $0.lifetimes.udp = .seconds(Int.random(in: 3...900, using: &random))
        $0.lifetimes.udpUnreplied = some(nil, nil, .seconds(3), max(.seconds(3), $0.lifetimes.udp / 2))
        $0.lifetimes.filter = some(nil, nil, nil, .seconds(60))
      }
    }
    return draw()
  }
}
