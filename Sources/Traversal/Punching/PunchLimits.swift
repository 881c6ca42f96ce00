import WarrenSTUN

/// The limits of a hole puncher, each with its reason.
public enum PunchLimits {
  /// Dies behind our own NATs, of which there are at most three in practice, and before anybody else's.
  public static let primingHopLimit: UInt8 = 5
  /// STUN servers that are asked: the fastest of four answers soon enough, and more only cost packets.
  public static let stunServers = 4
  /// When a STUN server is asked again, and given up: 100 ms, then twice that and so on, 6.3 s in all.
  public static let stunPatience = STUNRequestTimer.Patience(
    first: .milliseconds(100), transmissions: 6, last: 32)
  /// How often a mapping is kept alive until there is a path: the shortest life that RFC 4787 allows is 120 s, and
  /// the shortest that is seen is 30 s.
  public static let keepAlive: Duration = .seconds(15)
  /// How many bytes may go to an address for each that its naming cost, until it has proven itself (RFC 9000, 8.1).
  public static let amplification = 3
  /// Bytes that a puncher sends to relays, at which anyone may say to be: some hundred checks for each of a few pairs.
  public static let relayedBytes = 262_144
  /// The longest signal: 64 candidates of at most 80 bytes each, and some kB for the rest.
  public static let signalBytes = 8192
  /// Options of an agent that a signal names: two are in use.
  public static let signalOptions = 8
  /// Addresses for which is remembered how much was sent to them: one for each candidate, and some.
  public static let rememberedAddresses = 128
  /// Addresses of the other side that are dialled over TCP: each costs a descriptor.
  public static let dials = 16
  /// The first wait after a dial that failed; then twice that and so on. A NAT that refuses the other side's SYN
  /// instead of dropping it makes the first dials fail at once.
  public static let firstRedial: Duration = .milliseconds(50)
  /// The longest wait between two dials to one address.
  public static let longestRedial: Duration = .seconds(1)
  /// How long the first dial may take, then twice that and so on: the system sends its SYN again after 1, 3 and 7 s, and
  /// with a new dial it leaves sooner.
  public static let dialPatience: Duration = .milliseconds(1200)
  /// What a dial sends at most to somebody who does not answer: three SYNs.
  public static let dialBytes = 180
  /// The longest that a dial may take.
  public static let longestDialPatience: Duration = .seconds(5)
  /// For how long the other side is dialled: by then it has long given up as well.
  public static let dialling: Duration = .seconds(15)
  /// How long a connection may take to prove whose it is.
  public static let proofPatience: Duration = .seconds(5)
  /// Connections that have not proven whose they are: anyone may open one.
  public static let unprovenConnections = 32
  /// The largest frame on a connection until it is proven: a check is some 100 bytes.
  public static let frameBytes = 1500
  /// How long a STUN server may take to answer over TCP.
  public static let stunOverTCP: Duration = .seconds(5)
  /// STUN servers that see each of the sampling sockets: three of them tell all there is to tell.
  public static let samplingServers = 3
  /// How long a sample's answer is waited for before it is asked for again, and then before it is done without.
  public static let samplePatience: Duration = .milliseconds(150)
  /// How often it may begin anew, on average: networks change more seldom, and each time costs some kB.
  public static let restartInterval: Duration = .seconds(2)
  /// How often it may do so at once, where networks come and go.
  public static let restartsAtOnce = 8
  /// Names that the other side has had: signals that are later than so many restarts are no longer on their way.
  public static let rememberedFragments = 64
  /// Signals that have overtaken the description that they belong to: all that a side says within a second.
  public static let overtakingSignals = 80
  /// Own addresses that the other side is told of: half of what it takes, so that others see this one, too.
  public static let hostAddresses = 32
  /// Search packets of a round that are followed by checks: where NATs let everything in, many come through that
  /// lead nowhere, before the one that does.
  public static let hints = 64
  /// Among reflexive candidates, where those that a gateway gave stand: after those that STUN servers see.
  public static let mappedPreference: UInt16 = 1000
  /// How long who was asked waits for the first check of who asked: by then its candidates have got there.
  public static let headStart: Duration = .milliseconds(300)
  /// After how long without a way a clash is suspected: checks that were lost three times in a row have been sent again.
  public static let clashPatience: Duration = .milliseconds(500)
  /// How long a fresh socket waits for the other side's first check: a signal, and a packet.
  public static let freshHeadStart: Duration = .seconds(2)
  /// How often a port that is counted by address is looked for: others' mappings seldom come between three packets.
  public static let pinAttempts = 4
  /// How often a STUN server is asked for it each time, after 150, 300 and 600 ms.
  public static let pinTries = 4
  /// Of a counter, the next few ports that an opener sends to in turn: our own checks and others' mappings move it.
  public static let foreseenPorts = 4
  /// How long both sides must agree on a way before what else a search has found is closed: by then whatever they
  /// said of it has arrived.
  public static let retirement: Duration = .seconds(5)
  /// What a search's socket sends at once: a packet of 20 bytes.
  public static let searchOutboxBytes = 2048
  /// How long the listener rests when the system has no descriptor left.
  public static let acceptPause: Duration = .milliseconds(100)
  /// After how long a STUN server that has ended the connection is asked again over TCP.
  public static let stunPause: Duration = .seconds(5)
  /// Events that wait for a slow reader, who loses the oldest: what is now can be asked for.
  public static let waitingEvents = 256
  /// Datagrams of the other side that wait for a slow reader.
  public static let waitingDatagrams = 256
  /// Datagrams from where the other side has asked but not answered yet: what it sends within one round trip.
  public static let earlyDatagrams = 32
  /// Datagrams of one puncher that wait to be sent at once: a burst of checks is a tenth of it.
  public static let outboxBytes = 32_768
}
