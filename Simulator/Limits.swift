import WarrenMachine

/// The limits of this room, each with its reason.
public enum SimulatorLimits {
  /// Jobs in one instant: a program that needs more than this without time passing is in a loop.
  public static let jobsPerInstant = 5_000_000
  /// How long a run may last in its own time when nobody says otherwise: what waits for a day waits for ever.
  public static let longestRun: Duration = .seconds(24 * 3600)
  /// How long a run that has failed waits, in real time, for a job that left it to come back, so that its tasks
  /// end and nothing is left over: Swift's pool may be busy.
  public static let patienceForEscaped: Duration = .seconds(60)
  /// The same where no job is known to have left: one may sleep by the system's clock, or nobody will ever come.
  public static let patienceForStuck: Duration = .seconds(1)
  /// Routers between any two places on the internet: fewer than the usual 10 to 15, more than the hop limit of 5
  /// with which a primer starts.
  public static let internetRouters: UInt8 = 8
  /// Events that a trace keeps when nobody says otherwise: some 20 MB.
  public static let keptEvents = 100_000
  /// What a UDP socket's buffers hold: Linux' default (`net.core.rmem_default`).
  public static let udpBufferBytes = 212_992
  /// What Linux counts for a datagram in a buffer besides its bytes.
  public static let udpBufferOverhead = 576
  /// Connections that a listener holds before they are accepted: Linux' default (`net.core.somaxconn` is 4,096,
  /// libuv's and most programs' own wish is 128).
  public static let listenBacklog = 128
  /// How long a name takes to be looked up: a near resolver that has to ask once.
  public static let lookUpTime: Duration = .milliseconds(30)
  /// How long the parts of a datagram wait for each other: Linux' `net.ipv4.ipfrag_time`.
  public static let reassemblyTime: Duration = .seconds(30)
  /// Datagrams in parts that a machine keeps at once: their memory is an attacker's to fill.
  public static let reassemblies = 64
  /// The ports from which the system chooses: Linux' `net.ipv4.ip_local_port_range`.
  public static let ephemeralPorts: ClosedRange<UInt16> = 32_768...60_999
  /// How long it takes to find a gateway by UPnP: the multicast question, and the description over HTTP.
  public static let upnpDiscoveryTime: Duration = .milliseconds(280)
  /// How long the search for a gateway lasts where none answers.
  public static let upnpSearchTime: Duration = .milliseconds(1250)
  /// How long a gateway found by UPnP takes for one request: a small processor, and TCP for each.
  public static let upnpRequestTime: Duration = .milliseconds(40)
  /// How long a call to a disk takes, besides its bytes: a thread's turn, and the system's own memory.
  public static let fileCallTime: Duration = .microseconds(50)
  /// What a disk reads or writes in a second: a plain one without moving parts.
  public static let diskBytesPerSecond = 500_000_000
  /// What a text in a capture has in bytes: no name or reason is as long, and pcapng counts with 16 bits.
  static let captureText = 1_024
  /// When a simulation begins: the first second of 2026, in UTC.
  public static let epoch: Duration = .seconds(1_767_225_600)
}
