/// The limits of the simulator's TCP, each with its reason.
enum TCPLimits {
  /// What each direction buffers: Linux grows to megabytes, this holds 80 Mbit/s at 25 ms one way.
  static let bufferBytes = 256 * 1024
  /// The first timeout, before any round trip was measured (RFC 6298, 2.1).
  static let firstTimeout = Duration.seconds(1)
  /// The shortest timeout: Linux' `TCP_RTO_MIN`, not the whole second of RFC 6298.
  static let shortestTimeout = Duration.milliseconds(200)
  /// The longest timeout (RFC 6298, 2.5, wants at least this).
  static let longestTimeout = Duration.seconds(60)
  /// How often a SYN is repeated: Linux' `net.ipv4.tcp_syn_retries`; 127 s in all.
  static let openingRepeats = 6
  /// How often data is repeated before the connection is given up: about as long as RFC 9293, 3.8.3, wants.
  static let dataRepeats = 10
  /// How long the last ends are remembered: Linux' `TCP_TIMEWAIT_LEN`.
  static let timeWait = Duration.seconds(60)
  /// Duplicate acknowledgements that mean a loss (RFC 5681, 3.2).
  static let duplicatesOfLoss = 3
  /// Segments that may leave before the first acknowledgement (RFC 6928).
  static let initialSegments = 10
}
