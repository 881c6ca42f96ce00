import Warren
import WarrenSimulator

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
  /// A node of the mesh of this name, which finds the others by the registry.
  case mesh(String)
  /// An echo, over UDP and TCP, at port 7.
  case echo
  /// A peer who says that the addresses of these machines are its own.
  case hostile(naming: [String])
  /// What the box of this name answers those behind it in the place of everybody else, until they are let through.
  case portal(of: String)
  /// What somebody has written.
  case own(OwnProgram)
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

  var isPeer: Bool {
    switch self {
    case .peer, .hostile: true
    default: false
    }
  }

  /// Whether it is one of those for whose sake the others are there.
  var isEnd: Bool { if case .mesh = self { true } else { isPeer } }

  /// What somebody has written: it runs until it returns, or its machine's program is ended.
  public static func running(
    _ name: String, _ body: @escaping @Sendable (SimulatedMachine) async throws -> Void
  ) -> Program { .own(OwnProgram(name: name, body: body)) }

  /// What somebody has written. Two of one name are the same.
  public struct OwnProgram: Hashable, Sendable {
    /// What it is called.
    public var name: String
    let body: @Sendable (SimulatedMachine) async throws -> Void

    public static func == (one: OwnProgram, other: OwnProgram) -> Bool { one.name == other.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  }

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
