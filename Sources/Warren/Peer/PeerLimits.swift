/// The limits of a peer, each with its reason.
public enum PeerLimits {
  /// After how long without an answer on any known way holes are punched: what two and a half round trips across the world
  /// take. Most pairs need no more than their first packets.
  public static let punchDelay: Duration = .milliseconds(300)
  /// How many of these are waited for where something has been heard: what a handshake takes by way of a satellite.
  public static let slowness = 6
  /// Dials that are worked on at once: more would only wait for each other, and take each other's delays for losses.
  public static let dials = 16
  /// An introduction that was answered later than this is answered with new packets: the old ones would make the way seem as
  /// long as the other side has thought.
  public static let freshness: Duration = .milliseconds(1500)
  /// How long a connection is held back while the other side's own, which has the right of way, may still come.
  public static let crossing: Duration = .seconds(2)
  /// What leaves with the last packets of a handshake has come so long after: what comes later was said since.
  public static let lastFlight: Duration = .milliseconds(100)
  /// A connection that is older does not come from dialling at the same time: who comes again has been started anew.
  public static let young: Duration = .seconds(5)
  /// For how long a puncher goes on looking for something better once there is a connection.
  public static let improving: Duration = .seconds(5)
  /// Relays that are known: those of a registry, at all of its addresses, and of the one before.
  public static let relays = 16
  /// For how long it does where a relay is on the way: what a search for a hidden port takes at most.
  public static let leavingRelay: Duration = .seconds(25)
  /// How long a search goes on after that, for those who have asked for every port to be tried: three times at 2,000 a second.
  public static let longestSearch: Duration = .seconds(120)
  /// How long an answer to the wish to mend a connection may take, before the other side's own wish comes first.
  public static let mendPatience: Duration = .milliseconds(500)
  /// How often it looks for other networks at most while nothing can be sent.
  public static let lookPause: Duration = .milliseconds(200)
  /// Relays' addresses that the other side of a connection may name, or at which the registry has seen it: two relays, at either of
  /// two addresses, and again elsewhere.
  public static let othersRelays = 8
  /// For how long relays are kept that nobody uses: who comes back soon has them.
  public static let keepingRelays: Duration = .seconds(30)
  /// How old a connection is before it gets a spare way: what is over soon needs none.
  public static let spareDelay: Duration = .seconds(2)
  /// Which part of the shortest life of a mapping that was seen is used, where mappings end although they are used: carriers draw
  /// it, between 50 and 75 s for example, and looking and opening the next way take some seconds.
  public static let usedLife = 0.6
  /// How often the next way is looked for at most.
  public static let renewPause: Duration = .seconds(20)
  /// How long a peer is connected before it finds out for how long unused mappings live: that takes some packets, and minutes.
  public static let measuringDelay: Duration = .seconds(60)
  /// Which part of the life of an unused mapping is used: one sign of life may be late, or be lost and said again.
  public static let unusedLife = 0.8
  /// How seldom a connection says at most that it is alive: what the longest life is worth that is looked for.
  public static let longestKeepAlive: Duration = .seconds(240)
  /// How often something better than a relay is looked for: the pause doubles, up to the last.
  public static let firstSearchPause: Duration = .seconds(15)
  public static let lastSearchPause: Duration = .seconds(960)
  /// Requests that wait for an answer: a person does not look through more.
  public static let waitingRequests = 64
  /// How often one that waits may ask in other words: by its name, by its key, by a secret, and once more.
  public static let introductionsOfOne = 4
  /// Addresses that the registry has seen the other side at while the two try to connect: all that a registration has, and
  /// again after a change of networks. Each is sent packets.
  public static let seenAddresses = 32
  /// Of these, at how many somebody else may answer: those that a peer has in private networks, and one that was another's before.
  public static let strangers = 8
  /// Words of introductions that are not known yet, or not any more: what a few of them have at once.
  public static let strays = 64
  /// Events that wait for a slow reader, who loses the oldest.
  public static let waitingEvents = 1024
  /// Connections that nobody has taken.
  public static let waitingConnections = 1024
  /// Connections that were handed out before they are proven.
  public static let earlyConnections = 256
  /// How long somebody who is not wanted by itself may wait for the registry's word that it was sent for, and how often that is
  /// looked for: the registry's way may be a satellite's, and its server busy.
  static let introducedLater: Duration = .seconds(1)
  static let introducedLook: Duration = .milliseconds(20)
  /// Good paths that are remembered.
  public static let rememberedPaths = 256
  /// Packets of the other side that have come to a socket before it was the connection's.
  public static let earlyPackets = 16
  /// How often a dial is tried again where the other side takes this one's last connection for alive.
  public static let retries = 3
  /// How long it waits before that.
  public static let retryPause: Duration = .milliseconds(500)
  /// How long a dial waits for somebody whom the registry has lost just now: who is there calls it again at once, and is let in within
  /// ``RegistryLimits/answerPatience`` or in vain. It asks after ``retryPause``, then twice that and so on up to this.
  public static let absence: Duration = RegistryLimits.answerPatience
  public static let longestRetryPause: Duration = .seconds(2)
  /// Pages of a registry's list that are read to find somebody: a registry of thousands is not read whole.
  public static let pages = 32
}
