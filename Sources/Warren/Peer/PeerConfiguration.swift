import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenRelay
import WarrenTraversal

extension Peer {
  /// How a peer is to be.
  public struct Configuration: Sendable {
    /// What makes it the one it is; nil draws a new key, which is gone with the peer.
    public var key: PrivateKey?
    /// What it is called at the registry; nil where its key is enough.
    public var name: String?
    /// Where others ask for it, and it for others; nil for none: then it is reached by its addresses alone.
    public var registry: RegistryAddress?
    /// Whether those who ask the registry for a list see it.
    public var isListed = true
    /// Who may connect.
    public var policy = Policy.ask
    /// The local port; 0 lets the system choose.
    public var port: UInt16 = 0
    /// The families that are used.
    public var families: [IPAddress.Family] = [.v6, .v4]
    /// What is spoken over connections, the most wanted first (ALPN).
    public var protocols = ["warren/1"]
    /// Whether those who have met before may say something with their first packet: see ``Peer/connect(to:at:saying:)``. Whoever
    /// records that packet can send it again: what is said early must do no harm when it is heard twice.
    public var permitsEarlyData = false
    /// STUN servers besides the registry. With two and more, a NAT's way of choosing ports can be told.
    public var stunServers: [SocketAddress] = []
    /// Whether this machine's loopback addresses count: for two programs on one machine.
    public var usesLoopback = false
    /// Which ways are used.
    public var paths = Paths.any
    /// Relays besides the registry's.
    public var relays: [RelayServerAddress] = []
    /// How other relays are found, such as those of a domain; nil for none. They are tried after ``relays`` and the registry's.
    public var relayDiscovery: RelayDiscovery?
    /// Whether the routers before this machine are asked for a port (by PCP, NAT-PMP and UPnP) where connecting is not done at once:
    /// whoever reaches the router then reaches this peer, also where it hides ports otherwise.
    public var mapsPorts = false
    /// How much a search for a hidden port may take; nil for none.
    public var search: SearchProfile? = .normal
    /// How long connecting may take, the other side's consent not among it.
    public var patience: Duration = .seconds(30)
    /// After how long without an answer a connection is over; and where ``keepAlive`` is not shorter, without a word.
    public var idleTimeout: Duration = .seconds(45)
    /// How often a silent connection says that it is alive, until it is known for how long the NATs before this machine keep an unused
    /// mapping: then as seldom as these permit. It is found out when there has been a connection for a minute.
    public var keepAlive: Duration = .seconds(15)
    /// How often it looks whether this machine's addresses have changed.
    public var networkCheck: Duration = .seconds(2)
    /// What is told of each connection over QUIC as qlog, if anything: also of that with the registry.
    public var qlog: QUICConfiguration.QLog?
    /// What is told of the secrets of connections, and of that with the registry: lines of an `SSLKEYLOGFILE`, without their ends.
    ///
    /// - Warning: whoever has them reads everything that this peer and others say to each other. Only for looking at one's own connections.
    public var keyLog: (@Sendable (String) -> Void)?

    /// The usual.
    public init() {}

    /// Whether silent connections are to stay.
    var keepsAlive: Bool { keepAlive > .zero && keepAlive < idleTimeout }
  }

  /// Which ways may be used.
  public enum Paths: Hashable, Sendable {
    /// Whatever leads to the other side: a relay's where nothing direct does, and until something does.
    case any
    /// None by a relay.
    case direct
    /// None but by a relay: nothing is sent straight to the other side.
    case relayed

    /// Of what kinds they may be.
    var kinds: Set<Path.Kind> {
      switch self {
      case .any: [.direct, .tcp, .relayed]
      case .direct: [.direct, .tcp]
      case .relayed: [.relayed]
      }
    }
  }

  /// Who may connect.
  public enum Policy: Sendable {
    /// Whoever ``Peer/requests`` is answered with ``ConnectionRequest/accept()``.
    case ask
    /// Everyone who has a key.
    case everyone
    /// Nobody.
    case nobody
    /// Those who have these keys.
    case only([PeerID])
    /// Those for whom this says yes.
    case decide(@Sendable (PeerID, RegistryName?) async -> Bool)

    /// What the registry may answer in this peer's name.
    var consent: Consent {
      switch self {
      case .ask, .decide: .ask
      case .everyone: .everyone
      case .nobody: .nobody
      case .only(let peers): peers.count <= RegistryLimits.allowedPeers ? .only(peers) : .ask
      }
    }

    /// What can be said at once of somebody; nil where somebody else is to be asked.
    func verdict(on peer: PeerID) -> Bool? {
      switch self {
      case .ask, .decide: nil
      case .everyone: true
      case .nobody: false
      case .only(let peers): peers.contains(peer)
      }
    }
  }
}
