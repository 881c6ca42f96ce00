import Warren
import WarrenSimulator

/// A machine or NAT as a column of a drawing.
struct Lane: Hashable {
  var name: String
  /// What it is, in a word or two.
  var role: String
  var isBox: Bool

  /// All of a scenario: those who talk on both sides, behind their NATs, and all others in the middle.
  static func all(of scenario: Scenario) -> [Lane] {
    let talks = { (node: Node) in node.machineNames.contains { scenario.program(of: $0).isEnd } }
    let sides = scenario.network.filter(talks)
    let left = sides.prefix((sides.count + 1) / 2)
    return left.flatMap { $0.lanes(of: scenario, boxesFirst: false) }
      + scenario.network.filter { !talks($0) }.flatMap { $0.lanes(of: scenario, boxesFirst: true) }
      + sides.dropFirst(left.count).flatMap { $0.lanes(of: scenario, boxesFirst: true) }
  }
}

extension Node {
  fileprivate func lanes(of scenario: Scenario, boxesFirst: Bool) -> [Lane] {
    switch kind {
    case .machine: return [Lane(name: name, role: scenario.program(of: name).word, isBox: false)]
    case .box(let configuration, _, _, let children):
      let own = [Lane(name: name, role: configuration.word, isBox: true)]
      let behind = children.flatMap { $0.lanes(of: scenario, boxesFirst: boxesFirst) }
      return boxesFirst ? own + behind : behind + own
    }
  }
}

extension Program {
  /// What it is, in a word.
  var word: String {
    switch self {
    case .peer: "peer"
    case .registry(_, let relays): relays ? "registry, relay" : "registry"
    case .relay: "relay"
    case .stun: "STUN server"
    case .neighbour(let rate): "\(rate) mappings a second"
    case .mesh(let name): "node of \(name)"
    case .echo: "echo"
    case .hostile: "hostile peer"
    case .portal(let box): "portal of \(box)"
    case .own(let program): program.name
    case .nothing: "idle"
    }
  }
}

extension NATConfiguration {
  /// What it is, in a word or two.
  var word: String {
    if let (name, _) = Self.named.first(where: { $0.1 == self }) { return name }
    if tcpPorts != nil { return "few TCP ports alone" }
    if blocksUDP { return "blocks UDP" }
    if !translates { return "firewall" }
    guard mapping == .endpointIndependent else { return portChoice == .random ? "symmetric" : "sequential" }
    return switch filtering {
    case .endpointIndependent: "full-cone"
    case .addressDependent: "restricted"
    case .addressAndPortDependent: "port-restricted"
    }
  }

  /// What else there is to say of it.
  var peculiarities: [String] {
    let usual = NATConfiguration()
    var words: [String] = []
    if let portBlock { words.append("blocks of \(portBlock.size) ports") }
    if lifetimes.udp != usual.lifetimes.udp { words.append("forgets after \(lifetimes.udp.reading)") }
    if let times = lifetimes.absolute {
      words.append("mappings end after \(times.lowerBound.reading) to \(times.upperBound.reading)")
    }
    if hairpinning == .off { words.append("no hairpinning") }
    if isolates { words.append("keeps its machines apart") }
    if translatesIPv6 { words.append("NAT64") }
    if let mappingLimit { words.append("\(mappingLimit.reading) mappings") }
    if pooling != usual.pooling { words.append("arbitrary pooling") }
    if !portMapping.protocols.isEmpty { words.append("maps ports on request") }
    return words
  }
}
