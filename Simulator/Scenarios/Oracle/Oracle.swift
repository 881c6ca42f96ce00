import Warren
import WarrenSimulator

/// Says of two machines on which kinds of ways they reach each other when the network is as it was drawn, and nothing is broken.
///
/// What it says of NATs is in `Fixtures/Matrix/places.txt`, cell by cell, and a test compares the two.
public struct Oracle: Sendable {
  private let sites: [String: OracleSite]
  private let relays: Bool
  private let scenario: Scenario

  /// An oracle for the machines of this scenario.
  public init(_ scenario: Scenario) {
    self.scenario = scenario
    sites = OracleSite.all(of: scenario.network)
    relays = scenario.machineNames.contains { name in
      switch scenario.program(of: name) {
      case .registry(_, let relays): relays
      case .relay: true
      default: false
      }
    }
  }

  /// Whether somebody may not hear what another says: on a bad link, or behind a box that forgets what is in use.
  var loses: Bool { sites.values.contains { $0.loss > 0 || OracleNAT($0.boxes[...]).isUnsteady } }

  /// Whether the link of one of these loses so much that a question is lost several times, and so is a sign of life.
  func loses(_ names: String...) -> Bool { names.contains { sites[$0]?.isLossy ?? false } }

  /// What is promised to two machines.
  public struct Promise: Hashable, Sendable {
    /// Whether they reach each other directly by UDP: for certain, perhaps, or never.
    public var direct: Chance
    /// The same by TCP.
    public var tcp: Chance
    /// Whether there is a relay for them.
    public var isRelayed: Bool

    /// How sure something is.
    public enum Chance: Int, Hashable, Sendable, Comparable {
      case never, perhaps, certain
      public static func < (one: Chance, other: Chance) -> Bool { one.rawValue < other.rawValue }
    }

    /// On which kinds of ways they may be in the end.
    public var kinds: Set<Path.Kind> {
      if direct == .certain { return [.direct] }
      var kinds: Set<Path.Kind> = isRelayed ? [.relayed] : []
      if direct == .perhaps { kinds.insert(.direct) }
      if tcp != .never { kinds.insert(.tcp) }
      return kinds
    }

    /// Whether they reach each other for certain.
    public var isCertain: Bool { direct == .certain || isRelayed || tcp == .certain }
  }

  /// What is promised to two machines.
  public func promise(_ one: String, _ other: String) -> Promise {
    guard var a = sites[one], var b = sites[other] else {
      return Promise(direct: .never, tcp: .never, isRelayed: false)
    }
    a.isOpened = asksRouters(one)
    b.isOpened = asksRouters(other)
    a.triesAll = triesAll(one)
    b.triesAll = triesAll(other)
    var promise = Promise(
      direct: chance(a, b, overUDP: true), tcp: chance(a, b, overUDP: false), isRelayed: relays)
    if a.isLossy || b.isLossy { promise.direct = min(promise.direct, .perhaps) }
    for name in [one, other] {
      guard case .peer(let wishes) = scenario.program(of: name) else { continue }
      switch wishes.paths {
      case .any: break
      case .direct: promise.isRelayed = false
      case .relayed: (promise.direct, promise.tcp) = (.never, .never)
      }
      if wishes.search == nil, promise.direct == .perhaps { promise.direct = .never }
    }
    return promise
  }

  private func chance(_ a: OracleSite, _ b: OracleSite, overUDP: Bool) -> Promise.Chance {
    let shared = a.shared(with: b)
    var (mine, others) = (a.boxes.dropLast(shared), b.boxes.dropLast(shared))
    let middle = shared > 0 ? a.boxes[a.boxes.count - shared] : nil
    if mine.isEmpty, others.isEmpty, !a.families.isDisjoint(with: b.families), middle?.isolates != true {
      return .certain
    }
    guard (mine + others).allSatisfy({ overUDP ? !$0.blocksUDP : $0.tcpPorts == nil }) else { return .never }
    // What is filtered and not translated is opened from both sides.
    if a.families.contains(.v6), b.families.contains(.v6) { return .certain }
    guard a.families.contains(.v4), b.families.contains(.v4) else { return .never }
    if let middle {
      // They know each other by the shared box' address: it has to turn their packets round.
      if middle.translates, middle.hairpinning == .off { return .never }
      // And what it does to them on the way out it does to both. Who has no box of their own is known within.
      if middle.translates, !mine.isEmpty, !others.isEmpty {
        (mine, others) = (a.boxes.dropLast(shared - 1), b.boxes.dropLast(shared - 1))
      }
    }
    var usual = chance(OracleNAT(mine), OracleNAT(others), overUDP: overUDP)
    // Of all pairs of ports there is one that leads through, or none, or two.
    if overUDP, a.triesAll, b.triesAll { usual = max(usual, .perhaps) }
    let opened = chance(
      OracleNAT(mine, isOpened: a.isOpened), OracleNAT(others, isOpened: b.isOpened), overUDP: overUDP)
    // A router that loses power forgets what it was asked for, and nobody notices for long.
    return opened > usual ? .perhaps : usual
  }

  private func triesAll(_ name: String) -> Bool {
    if case .peer(let wishes) = scenario.program(of: name) { wishes.search == .exhaustive } else { false }
  }

  private func asksRouters(_ name: String) -> Bool {
    if case .peer(let wishes) = scenario.program(of: name) { wishes.mapsPorts } else { false }
  }

  private func chance(_ a: OracleNAT, _ b: OracleNAT, overUDP: Bool) -> Promise.Chance {
    switch (a.hidesPorts, b.hidesPorts) {
    case (false, false): return a.isUnsteady || b.isUnsteady ? .perhaps : .certain
    case (true, true): return overUDP && a.mayMeet(b) ? .perhaps : .never
    case (true, false), (false, true):
      let open = a.hidesPorts ? b : a
      if !open.mindsPorts { return .certain }
      return overUDP ? .perhaps : .never
    }
  }
}
