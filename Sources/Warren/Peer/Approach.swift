import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenTraversal

/// One try to be connected with somebody, and all that was begun for it. Used on the machine's executor alone.
final class Approach: @unchecked Sendable {
  let side: LinkTable<AdoptedConnection>.Side
  /// Who was asked for, in words.
  let target: String
  let began: Instant
  /// Who the other is, once that is known.
  var peer: PeerID?
  var handshake: Handshake?
  /// What is said with the first packet.
  var greeting: Greeting?
  var introduction: UInt64?
  /// When it is tried again, where the registry is asked for who is meant.
  var redialling: Redialling?
  var puncher: HolePuncher?
  /// What runs for it.
  var tasks: [Task<Void, any Error>] = []
  /// The other side's signals that came before there was a puncher.
  var early: [PunchSignal] = []
  /// Addresses that the registry has seen.
  var seen: [SocketAddress] = []
  /// Relays at which the registry has seen the other side.
  var othersRelays: [IPAddress] = []
  /// Of these, where somebody else has answered.
  var strangers: [SocketAddress] = []
  /// Sockets of its puncher's that the endpoint has taken over, by their numbers there.
  var channels: [Int: UInt16] = [:]
  /// Addresses of relays that its puncher uses, by their numbers there.
  var relays: [Int: UInt16] = [:]
  /// Others of these, of punchers that are gone.
  var inherited: [UInt16] = []
  /// Packets that have come there before.
  var earlyPackets: [(number: Int, bytes: [UInt8], source: SocketAddress, local: IPAddress?)] = []
  /// The connection that it has become.
  weak var connection: AdoptedConnection?
  /// Who waits for a newer flight of the other side's.
  var flights = Queue<[[UInt8]]>()
  var flightWait: Wait<Void>?
  var hasNewFlight = false
  /// The connection for which it looks for a new way, and not for a handshake.
  weak var mended: AdoptedConnection?
  var isMending: Bool { mended != nil }
  /// What it looks for.
  var transport = TransportProtocol.udp
  /// Whether it begins from sockets of its own, as the mappings of the others will not live for long.
  var isFresh = false
  /// Whether a handshake is what it is for, and that is not done.
  var isOpen: Bool { connection == nil && !isMending }
  var isOver = false

  init(_ side: LinkTable<AdoptedConnection>.Side, _ target: String, _ peer: PeerID?, at now: Instant) {
    self.side = side
    self.target = target
    self.peer = peer
    began = now
  }

  /// A try that is about somebody whose key is known.
  convenience init(_ side: LinkTable<AdoptedConnection>.Side, with peer: PeerID, at now: Instant) {
    self.init(side, RegistryTarget.key(peer).words, peer, at: now)
  }

  /// The sockets of its puncher, which is gone or will be, are kept until this is over.
  func inherit() {
    inherited += channels.sorted { $0.key < $1.key }.map(\.value)
    channels = [:]
    relays = [:]
    earlyPackets = []
  }

  /// Hands over all sockets that its punchers have found.
  func takeSockets() -> [UInt16] {
    inherit()
    defer { inherited = [] }
    return inherited
  }
}

/// A connection that a peer has, and what it came from. Used on the machine's executor alone.
final class AdoptedConnection: @unchecked Sendable {
  let connection: Connection
  let peer: PeerID
  let approach: Approach?
  /// Whether this side has begun it: only it can change paths (RFC 9000, 9).
  let isClient: Bool
  let since: Instant
  /// Where it was adopted.
  let path: NetworkPath
  /// What looks after its ways.
  var paths: ConnectionPaths?
  /// What looks for new paths at present, by what they are to carry.
  var mending: [TransportProtocol: Approach] = [:]
  /// When it is looked for something better than a relay.
  var nextSearch: Instant?
  var searchPause = PeerLimits.firstSearchPause
  /// When the next way was opened before the one in use ends.
  var renewed: Instant?
  /// Whether it goes over a relay.
  var isRelayed: Bool { paths?.usedKind == .relayed }
  /// Whether something better may be found: where it goes by a relay, or over TCP, and not because somebody wants that.
  var isSecondBest: Bool {
    guard let paths, !paths.isWhereWanted else { return false }
    return paths.usedKind.map { $0 != .direct } ?? false
  }
  /// Relays' addresses at which the other side says that it can be reached.
  var othersRelays: [SocketAddress] = []
  /// Sockets that were found for it, by their numbers at the endpoint: they are open until it is over, or goes through others.
  var sockets: [UInt16] = []
  /// What sees to a spare way at present.
  var sparing: Task<Void, any Error>?

  init(
    _ connection: Connection, with peer: PeerID, over path: NetworkPath, _ approach: Approach?,
    isClient: Bool,
    since: Instant
  ) {
    self.connection = connection
    self.peer = peer
    self.path = path
    self.approach = approach
    self.isClient = isClient
    self.since = since
  }

  /// Something better is looked for soon: what was found of the network before says little of what it is like now.
  func searchSoon() { (nextSearch, searchPause) = (nil, PeerLimits.firstSearchPause) }

  /// The sockets that were found by this try are the connection's now.
  func inherit(_ approach: Approach) { sockets += approach.takeSockets() }
}
