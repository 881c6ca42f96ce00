import Warren

/// What runs on a machine.
public enum Program: Hashable, Sendable {
  /// A peer that others find by the machine's name.
  case peer(PeerWishes = PeerWishes())
  /// A registry, which relays as well unless it shall not.
  case registry(port: UInt16 = RegistryAddress.port, relays: Bool = true)
  /// A relay that all peers know.
  case relay
  /// A STUN server that all peers know.
  case stun
  /// Somebody who opens so many mappings a second in the NATs that it is behind.
  case neighbour(perSecond: Int)
  /// Nothing: a machine that is only there.
  case nothing

  /// What a machine of this name runs where nobody says so.
  init(usualFor machine: String) {
    switch machine {
    case "registry": self = .registry()
    case "relay": self = .relay
    case "stun": self = .stun
    default: self = .peer()
    }
  }

  var isPeer: Bool { if case .peer = self { true } else { false } }

  /// How a peer is.
  public struct PeerWishes: Hashable, Sendable {
    /// Whom it lets in.
    public var admits = Admission.everyone
    /// Which ways it uses.
    public var paths = Peer.Paths.any
    /// How it looks for ports that a NAT hides; nil for not at all.
    public var search: Search? = .normal

    /// Which relays it knows, by their machines; nil for all.
    public var relays: [String]?
    /// Whether it asks the routers before it for a port.
    public var mapsPorts = false
    /// At which port it is to be reached; 0 for any.
    public var port: UInt16 = 0

    /// The usual.
    public init() {}

    /// Changes the configuration of a peer.
    func apply(to configuration: inout Peer.Configuration) {
      configuration.policy = admits == .everyone ? .everyone : .nobody
      configuration.paths = paths
      configuration.search = search?.profile
      configuration.mapsPorts = mapsPorts
      configuration.port = port
    }
  }

  /// Whom a peer lets in.
  public enum Admission: String, Hashable, Sendable, CaseIterable {
    case everyone, nobody
  }

  /// How a peer looks for ports.
  public enum Search: String, Hashable, Sendable, CaseIterable {
    case polite, normal, fast, exhaustive

    var profile: SearchProfile {
      switch self {
      case .polite: .polite
      case .normal: .normal
      case .fast: .fast
      case .exhaustive: .exhaustive
      }
    }
  }
}
