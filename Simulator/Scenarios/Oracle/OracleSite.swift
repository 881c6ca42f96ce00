import Warren
import WarrenSimulator

/// What stands between a machine and the internet.
struct OracleSite: Sendable {
  var families: Set<IPAddress.Family>
  /// The innermost first, with their names: two that share one share all further out.
  var boxes: [NATConfiguration]
  var names: [String]
  /// Whether it asks its router for a port.
  var isOpened = false
  /// Whether it tries every port to find one that is hidden.
  var triesAll = false
  /// Which share of packets its links lose, or change.
  var loss = 0.0
  /// Whether so much is lost on its links that ways are taken for dead that are not.
  var isLossy: Bool { loss >= 0.05 }

  /// Those of all machines.
  static func all(of network: [Node]) -> [String: OracleSite] {
    var sites: [String: OracleSite] = [:]
    func add(_ node: Node, behind boxes: [(name: String, NATConfiguration)], losing loss: Double) {
      let loss = [loss, node.up?.share ?? 0, node.down?.share ?? 0].max()!
      switch node.kind {
      case .machine(let families):
        sites[node.name] = OracleSite(
          families: families, boxes: boxes.reversed().map(\.1), names: boxes.reversed().map(\.name),
          loss: loss)
      case .box(let configuration, _, _, let children):
        for child in children { add(child, behind: boxes + [(node.name, configuration)], losing: loss) }
      }
    }
    for node in network { add(node, behind: [], losing: 0) }
    return sites
  }

  /// How many boxes two have in common, which are the outermost.
  func shared(with other: OracleSite) -> Int {
    zip(names.reversed(), other.names.reversed()).prefix { $0 == $1 }.count
  }
}

extension LinkConfiguration {
  /// Which share of packets is lost or changed.
  fileprivate var share: Double {
    let inBursts =
      burstLoss.map { $0.loss * $0.begins / max($0.begins + $0.ends, .leastNormalMagnitude) } ?? 0
    return loss + inBursts + corruption
  }
}

/// What several boxes, one behind the other, are together for somebody who wants to come in.
struct OracleNAT {
  /// Whether the port that somebody is seen from tells nothing of the one that another will be seen from.
  var hidesPorts = false
  /// Whether its port is at least the same towards all ports of one other.
  var staysPut = true
  /// Whether that port is the next one: of a single box, as those that come after it hide it again.
  var countsPorts = false
  /// Whether only the very port is let in that something was sent to.
  var mindsPorts = false
  /// Whether what it does depends on who comes first, or when.
  var isUnsteady = false

  /// - Parameter isOpened: whether the innermost is asked for a port.
  init(_ boxes: ArraySlice<NATConfiguration>, isOpened: Bool = false) {
    for (place, box) in boxes.enumerated() {
      // Whoever is asked gives a port to which anyone may send.
      if isOpened, place == 0, !box.portMapping.protocols.isEmpty { continue }
      if box.filtering == .addressAndPortDependent { mindsPorts = true }
      guard box.translates else { continue }
      // A port that is kept and shared is known, whatever the mapping depends on.
      let isKept = box.keepsPort && box.overloadsPorts
      if box.mapping != .endpointIndependent, !isKept {
        hidesPorts = true
        if box.mapping == .addressAndPortDependent { staysPut = false }
      }
      if case .sequential = box.portChoice { countsPorts = boxes.count == 1 }
      isUnsteady =
        isUnsteady || box.unsolicited == .accept || box.degradation != .never || box.mappingLimit != nil
        || box.lifetimes.absolute != nil
    }
  }

  /// Of two that both hide their ports: whether there is a port to guess that stays where it is while it is looked for.
  func mayMeet(_ other: OracleNAT) -> Bool {
    if countsPorts && other.countsPorts { return true }
    if countsPorts && staysPut || other.countsPorts && other.staysPut { return true }
    return (staysPut || other.staysPut) && !(mindsPorts && other.mindsPorts)
  }
}
