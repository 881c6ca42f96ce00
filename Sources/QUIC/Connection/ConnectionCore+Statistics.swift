import CQUIC
import WarrenMachine

extension ConnectionCore {
  /// How many datagrams, and how many bytes in them.
  public struct Traffic: Hashable, Sendable {
    public var datagrams = 0
    public var bytes = 0

    mutating func add(_ byteCount: Int) {
      datagrams += 1
      bytes += byteCount
    }
  }

  /// What is known of the way, and what has been sent over it.
  public struct Statistics: Hashable, Sendable {
    /// How long the way there and back took at last, at least, and on average.
    public var latestRoundTrip, leastRoundTrip, roundTrip: Duration
    /// How many bytes may be under way, and are.
    public var congestionWindow, bytesInFlight: Int
    /// The largest packet that the path carries, as far as it was tried.
    public var packetSize: Int
    /// What was sent and received since the beginning: UDP's payloads, with what is sent again and QUIC's own words.
    public var sent, received: Traffic
    /// Since when an answer is owed, if nothing has been heard since then.
    public var awaitedSince: Instant?
  }

  /// Whether it is known how long the way there and back is.
  var hasRoundTrip: Bool {
    var known = cquic_statistics()
    cquic_get_statistics(handle, &known)
    return known.latest_rtt > 0
  }

  /// What is known of the way, and what has been sent over it.
  public var statistics: Statistics {
    var known = cquic_statistics()
    cquic_get_statistics(handle, &known)
    func duration(_ value: UInt64) -> Duration { .nanoseconds(Int64(clamping: value)) }
    return Statistics(
      latestRoundTrip: duration(known.latest_rtt), leastRoundTrip: duration(known.least_rtt),
      roundTrip: duration(known.smoothed_rtt), congestionWindow: Int(clamping: known.congestion_window),
      bytesInFlight: Int(clamping: known.bytes_in_flight),
      packetSize: min(packetLimit, Int(clamping: known.packet_size)), sent: sent, received: received,
      awaitedSince: awaitedSince)
  }

  /// A secret that both sides have and nobody else, for this purpose (RFC 8446, 7.5); nil before both know each other.
  public func secret(for purpose: String) -> [UInt8]? {
    guard phase == .open else { return nil }
    var isThere = false
    let secret = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      isThere = cquic_export(handle, purpose, buffer.baseAddress, buffer.count) != 0
      count = isThere ? buffer.count : 0
    }
    return isThere ? secret : nil
  }
}
