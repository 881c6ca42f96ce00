import Warren
import WarrenSimulator

extension NATConfiguration {
  /// The NATs and firewalls that have a name in scenarios.
  public static let named: [(name: String, configuration: NATConfiguration)] = [
    ("full-cone", .fullCone), ("restricted", .restrictedCone), ("port-restricted", .portRestrictedCone),
    ("symmetric", .symmetric), ("sequential", .symmetricSequential), ("firewall", .firewall),
    ("udp-blocked", .udpBlocked), ("only-https", .onlyHTTPS), ("carrier", .carrierGrade),
    ("linux", .linuxMasquerade(input: .drop)), ("linux-reject", .linuxMasquerade(input: .reject)),
    ("linux-accept", .linuxMasquerade(input: .accept)),
  ]

  private static let dependences: [(String, Dependence)] = [
    ("endpoint-independent", .endpointIndependent), ("address-dependent", .addressDependent),
    ("address-and-port-dependent", .addressAndPortDependent),
  ]

  static let words = [
    "is", "mapping", "filtering", "keeps-port", "ports", "port-block", "pooling", "hairpinning",
    "unsolicited", "lifetime", "unreplied-lifetime", "absolute-lifetime", "tcp-lifetime", "refreshed-by",
    "mappings", "mappings-per-host", "when-full", "new-mappings-per-second", "blocks-udp", "tcp-ports",
    "port-mapping", "port-mapping-lifetime", "rewrites-payload", "fragments", "nat64", "isolates",
  ]

  /// A name, or an object that begins with one and changes something.
  init(_ value: ScenarioValue) throws {
    let names = Self.named.map { ($0.name, $0.configuration) }
    guard value.isObject else {
      self = try value.choice("NAT", names)
      return
    }
    let members = try value.members(Self.words)
    self = try members["is"]?.choice("NAT", names) ?? .portRestrictedCone
    try readMapping(members)
    try readLifetimes(members)
    try readLimits(members)
  }

  private mutating func readMapping(_ members: ScenarioMembers) throws {
    try members.apply("mapping", to: &mapping) { try $0.choice("mapping", Self.dependences) }
    try members.apply("filtering", to: &filtering) { try $0.choice("filtering", Self.dependences) }
    try members.apply("keeps-port", to: &keepsPort) { try $0.flag() }
    try members.apply("ports", to: &portChoice) {
      try $0.choice("choice of ports", [("random", .random), ("sequential", .sequential(step: 1))])
    }
    try members.apply("port-block", to: &portBlock) { PortBlock(size: try $0.count(1...65_536)) }
    try members.apply("pooling", to: &pooling) {
      try $0.choice("pooling", [("paired", .paired), ("arbitrary", .arbitrary)])
    }
    try members.apply("hairpinning", to: &hairpinning) {
      try $0.choice(
        "hairpinning", [("off", .off), ("external", .externalSource), ("internal", .internalSource)])
    }
    try members.apply("unsolicited", to: &unsolicited) {
      try $0.choice("answer", [("drop", .drop), ("reject", .reject), ("accept", .accept)])
    }
  }

  private mutating func readLifetimes(_ members: ScenarioMembers) throws {
    try members.apply("lifetime", to: &lifetimes.udp) { try $0.duration() }
    try members.apply("unreplied-lifetime", to: &lifetimes.udpUnreplied) { try $0.duration() }
    try members.apply("absolute-lifetime", to: &lifetimes.absolute) {
      let times = try $0.list()
      guard times.count == 2, try times[0].duration() <= times[1].duration() else {
        throw $0.error("it should be two times, the shorter first")
      }
      return try times[0].duration()...times[1].duration()
    }
    try members.apply("tcp-lifetime", to: &lifetimes.tcpEstablished) { try $0.duration() }
    try members.apply("refreshed-by", to: &refreshes) {
      try $0.choice(
        "direction", [("outbound", .outbound), ("inbound", .inbound), ("both", [.outbound, .inbound])])
    }
  }

  private mutating func readLimits(_ members: ScenarioMembers) throws {
    try members.apply("mappings", to: &mappingLimit) { try $0.count(1...1_000_000) }
    try members.apply("mappings-per-host", to: &mappingLimitPerHost) { try $0.count(1...65_536) }
    try members.apply("when-full", to: &whenFull) {
      try $0.choice("answer", [("drop", .dropNew), ("evict", .evictLeastRecentlyUsed)])
    }
    try members.apply("new-mappings-per-second", to: &newMappingsPerSecond) { try $0.count(1...1_000_000) }
    try members.apply("blocks-udp", to: &blocksUDP) { try $0.flag() }
    try members.apply("tcp-ports", to: &tcpPorts) {
      let ports = try $0.list()
      guard ports.count == 2, try ports[0].count(1...65_535) <= ports[1].count(1...65_535) else {
        throw $0.error("it should be two ports, the lower first")
      }
      return UInt16(try ports[0].count(1...65_535))...UInt16(try ports[1].count(1...65_535))
    }
    try members.apply("port-mapping", to: &portMapping.protocols) {
      var protocols: Set<PortMappingProtocol> = []
      for value in $0.oneOrMore {
        protocols.insert(
          try value.choice("protocol", [("pcp", .pcp), ("nat-pmp", .natPMP), ("upnp", .upnp)]))
      }
      return protocols
    }
    try members.apply("port-mapping-lifetime", to: &portMapping.longestLifetime) { try $0.duration() }
    try members.apply("isolates", to: &isolates) { try $0.flag() }
    try members.apply("nat64", to: &translatesIPv6) { try $0.flag() }
    try members.apply("rewrites-payload", to: &rewritesPayload) { try $0.flag() }
    try members.apply("fragments", to: &fragments) {
      try $0.choice(
        "answer", [("none", .none), ("in-order", .inOrder), ("any", .outOfOrder(limit: 64))])
    }
  }
}
