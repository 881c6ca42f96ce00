/// The limits of a registry, each with its reason.
public enum RegistryLimits {
  /// A name: what fits a line of a list, in any script.
  public static let nameBytes = 64
  /// Addresses of one peer: a few interfaces in both families, what they look like from outside, and relays. Others send to
  /// each of them: so there cannot be thousands.
  public static let addresses = 16
  /// A key with which two are brought together: a long sentence.
  public static let keyBytes = 256
  /// Registrations in one answer to a list: then it fits a message, whatever they are called.
  public static let page = 100
  /// How many owners are looked at for each that is listed: where few want to be seen, pages are short.
  public static let looksPerListed = 20
  /// A message: a hundred registrations of a name and a key, or four packets and a signal.
  public static let messageBytes = 32_768
  /// Packets that begin a connection: what is sent before anybody has answered.
  public static let flightPackets = 4
  /// A packet: what any network carries at most.
  public static let packetBytes = 1500
  /// What one side says to the other by way of the registry at once: as long as a hole puncher's signals can be.
  public static let signalBytes = 8192
  /// Why something was denied: a sentence.
  public static let reasonBytes = 256
  /// Keys that are let in unasked: more than a person enters by hand. Whoever has more decides by itself when asked.
  public static let allowedPeers = 64
  /// Addresses that the registry's STUN has seen, besides the one that it is talked to from: one of the other family, and that
  /// of another network.
  public static let attestedAddresses = 4
  /// Relayed addresses of a peer that the registry's STUN has seen: the one in use and a spare, and those of another network.
  public static let relayedAddresses = 4
  /// How long what STUN has seen is good for at least: four questions of a watch.
  public static let attestationPeriod: Duration = .seconds(60)
  /// For how long two are being introduced: what a person needs to answer, and punchers after that.
  public static let introductionPatience: Duration = .seconds(60)
  /// Introductions that are open at once: a second's worth at the rate that a core can do, and some.
  public static let introductions = 65_536
  /// Those of one caller.
  public static let introductionsOfPeer = 256
  /// What waits for a peer that does not read: some introductions with all that belongs to them.
  public static let unsentBytes = 262_144
  /// A name, a password, and what else a relay is told: STUN has no more room for it, and a name has less (RFC 8489, 14.3).
  public static let credentialBytes = 508
  /// For how long a peer may be relayed with what it was given, unless it is given more: that comes at half of it.
  public static let relayGrantLifetime: Duration = .seconds(3600)
  /// After how long without a word a peer is gone, or a registry: two renewals were lost then.
  public static let silence: Duration = .seconds(30)
  /// How often a peer says that it is there, as a part of its registration's lifetime.
  public static let renewalsPerLifetime = 3
  /// The first wait after a registry was lost, then twice that and so on.
  public static let firstPause: Duration = .milliseconds(250)
  /// The longest: then a registry that has been away for hours is found within it.
  public static let longestPause: Duration = .seconds(30)
  /// Those who connect over TCP and have not said who they are: each costs some 30 kB and a descriptor.
  public static let strangers = 256
  /// Those of one address: it does not keep the others out.
  public static let strangersOfAddress = 64
  /// How long a peer waits where somebody else has come with its key, so that two programs with one key are a nuisance to each
  /// other and to nobody else.
  public static let replacedPause: Duration = .seconds(60)
  /// How much earlier than TLS QUIC begins: a round trip and a lost packet.
  public static let headStart: Duration = .milliseconds(1200)
  /// How long a registry may take to answer.
  public static let answerPatience: Duration = .seconds(10)
  /// How long it may take from being connected until it welcomes somebody: three tries over a way of 0.8 s there and back. Then there is
  /// time for another call before whoever waits for ``answerPatience`` is told that it does not answer.
  public static let welcomePatience: Duration = .seconds(5)
  /// How often a registry is called that does not answer while somebody wants something of it: what is between may be open again, such as
  /// a network that has shown its page first.
  static let urgentPause: Duration = .seconds(1)
  /// How long to wait after a connection could not be accepted.
  static let acceptPause: Duration = .milliseconds(100)
}
