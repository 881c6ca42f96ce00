/// The limits of QUIC, each with its reason.
public enum QUICLimits {
  /// A connection id of ours: enough that nobody guesses one (RFC 9000, 10.3.2 wants 32 bits of chance and more).
  public static let idBytes = 8
  /// The smallest datagram that may begin a connection (RFC 9000, 14.1).
  public static let smallestInitial = 1200
  /// The largest UDP payload that is tried: Ethernet's 1,500 less 40 of IPv6 and 8 of UDP header.
  public static let largestPacket = 1452
  /// What every path of QUIC carries (RFC 9000, 14).
  public static let surePacket = 1200
  /// For how many probe timeouts nothing of a stream is acknowledged where larger packets may be what vanishes: then the
  /// first probes are unanswered too.
  public static let stallTimeouts = 2
  /// For how long only packets are sent then that every path carries (RFC 8899, 5.1.1).
  public static let smallPacketsTime: Duration = .seconds(600)
  /// What a stream takes in before it has been sent: with more a writer waits. Four full runs of packets.
  public static let unsentBytes = 262_144
  /// What a stream sends before it is another's turn: a few packets, since each change costs a little.
  public static let turnBytes = 8_192
  /// What small messages are kept in until they are acknowledged.
  public static let smallChunk = 2048
  /// What everything else is.
  public static let largeChunk = 65_536
  /// Large chunks that are kept for the next stream: one connection's at 1 Gbit/s and 10 ms.
  public static let spareChunks = 32
  /// Over shorter ways packets are not paced: a timer that goes off some microseconds later costs more than it spares, and
  /// the queue of so short a way is no longer than the window.
  public static let leastPacedRoundTrip: Duration = .milliseconds(2)
  /// What may be under way before packets are paced: as much as a connection may begin with (RFC 9002, 7.7).
  public static let burst = 12_000
  /// How soon a deadline comes again that could not be dealt with (RFC 9002, 6.1.2 has the same grain).
  public static let leastDeadline: Duration = .milliseconds(1)
  /// Numbers of sockets that rest before one is given to another: more than a program gives up within a round trip.
  public static let restingChannels = 1024
  /// What a way is taken for at most that was found while the handshake went on (RFC 9002, 6.2.2): nobody knows when it opened.
  public static let unknownRoundTrip: Duration = .milliseconds(333)
  /// What is asked of the system for a socket's buffers: a turn of a busy loop at 1 Gbit/s and 30 ms.
  public static let socketBytes = 4_194_304
  /// How often an answer that does not come is asked for where there is not patience for ever, besides what the library does: some
  /// twenty times before it is over.
  public static let question: Duration = .seconds(2)
  /// For how long a server waits for the proof that a client is where its packets come from, before it begins anew where it cannot ask
  /// again.
  public static let proof: Duration = .seconds(1)
  /// For how long a server begins anew where it has asked in vain for packets of full size, and after what pause that is another matter:
  /// what lasts longer is no outage, but a path that does not carry them.
  public static let lostProofsTime: Duration = .seconds(60)
  public static let lostProofsPause: Duration = .seconds(10)
  /// How far the library's clock is put forward at most without an idle timeout.
  public static let longestSkip: Duration = .seconds(150)
  /// How often it is looked whether the way is taken for far longer than it is.
  public static let comparing: Duration = .seconds(1)
  /// What the longest way takes there and back, by a satellite and back, with its queues: longer is not waited for what may still come.
  public static let longestPatience: Duration = .seconds(1)
  /// Datagrams that wait for a slow reader: then the oldest goes, since the newest matters (RFC 9221, 5).
  public static let waitingDatagrams = 256
  /// Datagrams that wait to be sent.
  public static let unsentDatagrams = 256
  /// Connections whose handshake is not done: above it a client must prove its address first (RFC 9000, 8.1.2).
  public static let handshakesWithoutRetry = 64
  /// Connections whose handshake is not done, at most: each costs some 30 kB.
  public static let handshakes = 1024
  /// For how long a token of a retry is good: a few round trips.
  public static let tokenLifetime: Duration = .seconds(10)
  /// For how long a ticket is good for early data at most: what a peer's next visit may take. First messages are remembered
  /// for as long, and those that are not new are refused.
  public static let earlyWindow: Duration = .seconds(3600)
  /// Peers to whom there are tickets, about 1 kB each: then the oldest go.
  public static let peersWithTickets = 256
  /// Tickets to one peer: two come with each connection, so that one may end before its own have come.
  public static let ticketsOfPeer = 4
  /// For how many probe timeouts what is closed still answers (RFC 9000, 10.2).
  public static let closingTimeouts = 3
  /// Stateless resets a second at most: a flood of garbage must not become a flood of ours (RFC 9000, 10.3.3).
  public static let resetsPerSecond = 100
  /// The smallest datagram that is answered by a stateless reset, which must be smaller than what calls it forth and no
  /// smaller than 21 bytes (RFC 9000, 10.3).
  public static let smallestResetTrigger = 22
  /// The largest stateless reset: one that looks like any packet.
  public static let largestReset = 42
  /// Answers to what belongs to no connection that wait to be sent.
  public static let waitingAnswers = 64
  /// Ways on which a handshake is tried at once: what a peer has of addresses, and some.
  public static let ways = 24
  /// Packets of a handshake that are kept for ways that become known later: what either side sends at once.
  public static let flight = 3
  /// Paths of a client that a server tells apart at a time, and names of paths that it remembers: the library asks for longer
  /// than it uses one whether it leads anywhere, and of no more than it has connection ids for.
  public static let activePaths = 8
  public static let pathNames = 64
  /// Paths that a client has left and still listens on: as many as a server tells apart.
  public static let leftPaths = activePaths
  /// What a closing connection says at most of why.
  public static let reasonBytes = 256
}
