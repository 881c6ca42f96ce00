/// What has come and gone at a relay's server.
public struct RelayCounters: Hashable, Sendable {
  /// Allocations that were made, and those that have ended.
  public var made = 0
  public var ended = 0
  /// Requests that were answered with success, and with which kind of refusal.
  public var successes = 0
  public var refusals = 0
  /// Of the latter: those of strangers, with the challenge that each client gets once.
  public var unauthenticated = 0
  public var staleNonces = 0
  /// Of somebody else's allocation.
  public var wrongUsers = 0
  /// There were too many allocations of a user, of an address, in all, or no port for one.
  public var overUserQuota = 0
  public var overAddressQuota = 0
  public var overTotal = 0
  public var portless = 0
  /// Peers that must not be relayed to, and clients that are the relay itself.
  public var forbiddenPeers = 0
  public var loops = 0
  /// What was no message, or not for a server, or from nobody who can be answered.
  public var ignored = 0
  /// What was asked about one's own address alone.
  public var bindings = 0

  /// Datagrams from clients to peers, and their bytes.
  public var toPeers = 0
  public var bytesToPeers = 0
  /// Datagrams from peers to clients, and their bytes.
  public var toClients = 0
  public var bytesToClients = 0
  /// Datagrams that stayed within the server, from one allocation to another; they are counted above too.
  public var inside = 0
  /// Reports that a datagram has not reached its peer, of which clients were told.
  public var failures = 0
  /// Lost: no permission or channel, too much for the bandwidth, no room for a slow client or with the system.
  public var unpermitted = 0
  public var overBandwidth = 0
  public var unsent = 0

  /// TCP connections with peers: those that were opened for clients and those that could not be, those that came, those that
  /// a client has claimed and those that nobody did, and those that were one too many.
  public var connected = 0
  public var unconnected = 0
  public var arrived = 0
  public var claimed = 0
  public var unclaimed = 0
  public var overStreams = 0

  /// Nothing yet.
  public init() {}
}
