import Warren
import WarrenSimulator

/// What is true of a machine behind NATs of known configurations, as far as the outside can see.
struct ExpectedReport {
  typealias Dependence = NATKind.Dependence

  var isTranslated = false
  var mapping: Dependence?
  var filtering = Dependence.endpointIndependent
  var allocation: NATKind.Allocation?
  var hairpins: Bool?
  /// nil where no mapping is there to die, or where its end cannot be seen.
  var lifetime: Duration?

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

    let keeps = box.keepsPort && box.portBlock == nil
    let mapping = Dependence(rawValue: box.mapping.rawValue)!
    // Where ports may be shared, each flow keeps its own, and looks the same to all: unless its address changes.
    let keepsAddress = box.pooling == .paired || addresses == 1
    self.mapping = keeps && box.overloadsPorts && keepsAddress ? .endpointIndependent : mapping
    if keeps, mapping == .endpointIndependent || box.overloadsPorts {
      allocation = .preserving
    } else if case .sequential(let step) = box.portChoice {
      allocation = .sequential(step: step)
    } else {
      allocation = .random(.all)
    }
    let isTold = self.mapping == .endpointIndependent || filtering == .endpointIndependent
    hairpins = isTold ? box.hairpinning != .off : nil
    // With several addresses the server cannot be asked to send to another of them: only the mapping is seen then,
    // and where the port is kept not even that.
    if !keepsAddress { lifetime = keeps ? nil : box.lifetimes.udp }
  }

  /// Several, the innermost first: each does its own to what comes from within.
  init(_ boxes: [NATConfiguration], addresses: Int = 1) {
    self.init()
    for (number, box) in boxes.enumerated() {
      add(ExpectedReport(box, addresses: number == boxes.count - 1 ? addresses : 1))
    }
  }

  private mutating func add(_ outer: ExpectedReport) {
    isTranslated = isTranslated || outer.isTranslated
    mapping = [mapping, outer.mapping].compactMap { $0 }.max { $0.rawValue < $1.rawValue }
    filtering = filtering.rawValue > outer.filtering.rawValue ? filtering : outer.filtering
    lifetime = [lifetime, outer.lifetime].compactMap { $0 }.min()
    if outer.isTranslated {
      if outer.allocation != .preserving || allocation == nil { allocation = outer.allocation }
      let isTold = mapping == .endpointIndependent || filtering == .endpointIndependent
      // Whoever is behind both has the outermost's address.
      hairpins = isTold ? outer.hairpins : nil
    }
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
    compare("hairpinning", report.hairpins, hairpins)
    switch (report.allocation, allocation) {
    // Which range it is cannot be known for sure.
    case (.random?, .random?): break
    default: compare("allocation", report.allocation, allocation)
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

extension NATConfiguration {
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
        $0.lifetimes.udpUnreplied = some(nil, nil, .seconds(4), .seconds(30))
        $0.lifetimes.filter = some(nil, nil, nil, .seconds(60))
      }
    }
    return draw()
  }
}
