import Warren

extension Program {
  /// Of what an object says more.
  static let members = ["peer", "registry", "neighbour", "mesh", "hostile", "portal"]

  /// A word, or an object of one member whose own say more.
  init(_ value: ScenarioValue) throws {
    guard value.isObject else {
      self = try value.choice(
        "program",
        [
          ("peer", .peer()), ("registry", .registry()), ("relay", .relay), ("stun", .stun),
          ("echo", .echo), ("nothing", .nothing),
        ])
      return
    }
    let members = try value.members(Self.members)
    if let peer = members["peer"] {
      self = .peer(try PeerWishes(peer))
    } else if let mesh = members["mesh"] {
      self = .mesh(try mesh.text())
    } else if let hostile = members["hostile"] {
      self = .hostile(naming: try hostile.members(["names"]).needed("names").list().map { try $0.text() })
    } else if let portal = members["portal"] {
      self = .portal(of: try portal.members(["of"]).needed("of").text())
    } else if let neighbour = members["neighbour"] {
      let rate = try neighbour.members(["mappings-per-second"]).needed("mappings-per-second")
      self = .neighbour(perSecond: try rate.count(1...100_000))
    } else {
      let words = try members.needed("registry").members(["port", "relays"])
      self = .registry(
        port: try words["port"].map { UInt16(try $0.count(1...65_535)) } ?? RegistryAddress.port,
        relays: try words["relays"]?.flag() ?? true)
    }
  }
}

extension Program.PeerWishes {
  fileprivate init(_ value: ScenarioValue) throws {
    let members = try value.members(["admits", "paths", "search", "maps-ports", "relays", "port"])
    try members.apply("admits", to: &admits) { try $0.choice("answer") }
    try members.apply("paths", to: &paths) {
      try $0.choice("choice of paths", [("any", .any), ("direct", .direct), ("relayed", .relayed)])
    }
    try members.apply("maps-ports", to: &mapsPorts) { try $0.flag() }
    try members.apply("port", to: &port) { UInt16(try $0.count(1...65_535)) }
    try members.apply("relays", to: &relays) { try $0.list().map { try $0.text() } }
    try members.apply("search", to: &search) { $0.isNothing ? nil : try $0.choice("search") }
  }
}
