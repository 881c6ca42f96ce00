/// What a datagram's header says of congestion (RFC 3168, 5).
public enum ECN: UInt8, Hashable, Sendable {
  /// The sender does not understand marks.
  case notCapable = 0
  /// The sender understands marks, and asks for the low-latency queue (RFC 9331).
  case capable1 = 1
  /// The sender understands marks.
  case capable0 = 2
  /// A queue on the way was filling.
  case congestionExperienced = 3
}
