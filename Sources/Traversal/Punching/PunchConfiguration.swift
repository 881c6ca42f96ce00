import WarrenMachine
import WarrenSTUN

/// How a hole puncher goes about it.
public struct PunchConfiguration: Sendable {
  /// What may be used to reach the other side.
  public var transports: Set<TransportProtocol> = [.udp]
  /// STUN servers, which say how the world sees this machine; all are asked at once.
  public var stunServers: [SocketAddress] = []
  /// Where the world sees the sockets that it is given, as far as that is known before anybody is asked.
  public var knownMappings: [SocketAddress] = []
  /// The families that are used.
  public var families: [IPAddress.Family] = [.v6, .v4]
  /// The local port; 0 lets the system choose.
  public var port: UInt16 = 0
  /// Who asks the gateways for outside ports, so that others can come in unasked; nil for nobody.
  public var portMapper: PortMapper?
  /// The interface whose traffic alone is used, by name.
  public var interface: String?
  /// What the other side is told of this machine's own addresses.
  public var privacy = Privacy.tellsAll
  /// Whether this machine's loopback addresses count: for two programs on one machine.
  public var usesLoopback = false
  /// Where packets may be sent to before anybody there has proven to be the peer.
  public var trust = Trust.peer
  /// The key that both sides hold, if they have agreed on one: their credentials then follow from it.
  public var pairingKey: PairingKey?
  /// How much a search for a hidden port may take; nil for none.
  public var search: SearchProfile? = .normal
  /// What lets one search through at a time; nil for a program that has but one puncher.
  public var searchGate: SearchGate?
  /// Relays at which the other side may be, whoever attests that.
  public var relays: [IPAddress] = []
  /// Whether nothing is used but the relays that it is given: nothing is sent straight to the other side.
  public var usesRelaysAlone = false
  /// Whether every port is searched where nothing else helps: 65,536 packets and more.
  public var searchesExhaustively = false
  /// Who may send to a mapping of the NATs before this machine, if that was found out; nil if not.
  public var filtering: NATKind.Dependence?
  /// How the NATs before this machine choose ports, if that was found out; else it is.
  public var portModel: PortModel?
  /// How the checks are done.
  public var ice = ICEConfiguration.eager
  /// The hop limit of the packet that opens our own NATs and dies before it reaches the other side's.
  public var primingHopLimit: UInt8 = PunchLimits.primingHopLimit

  /// What the other side is told of this machine's own addresses.
  public enum Privacy: Hashable, Sendable {
    /// Every address: two machines on one network then find each other without leaving it.
    case tellsAll
    /// None of a private network's, which say something about its owner's home or company.
    case hidesPrivate
    /// None at all: only what STUN servers and relays see.
    case hidesAll
  }

  /// Where packets may be sent to before anybody there has proven to be the peer.
  public enum Trust: Hashable, Sendable {
    /// To whatever the peer names: where its word came from a person, or from a peer that was authenticated.
    case peer
    /// To addresses that somebody trusted has seen the peer use, and to those of private networks, there with no more
    /// than three times the bytes that its word cost (RFC 9000, 8.1 has the same figure).
    case attested
  }

  /// The usual.
  public init() {}
}
