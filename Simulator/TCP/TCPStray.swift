/// Segments without a connection.
extension TCPCore {
  /// Whether a segment asks a listener for a connection (RFC 9293, 3.10.7.2).
  package static func begins(_ segment: TCPSegment) -> Bool {
    segment.flags.contains(.syn) && segment.flags.isDisjoint(with: [.ack, .rst, .fin])
  }

  /// The reset for a segment that belongs to no connection; none for a reset (RFC 9293, 3.10.7.1).
  package static func answerToStray(_ segment: TCPSegment) -> TCPSegment? {
    if segment.flags.contains(.rst) { return nil }
    if segment.flags.contains(.ack) { return TCPSegment(.rst, sequence: segment.acknowledgement) }
    return TCPSegment([.rst, .ack], sequence: 0, acknowledgement: segment.sequence &+ segment.length)
  }

  /// Whether a SYN that reached this connection may begin a new one in its place: in TIME-WAIT, with a number
  /// beyond those of the old one (RFC 9293, 3.10.7.4).
  package func givesWay(to segment: TCPSegment) -> Bool {
    guard state == .timeWait, Self.begins(segment) else { return false }
    return receiving.sequence.position(of: segment.sequence, near: receiving.next) > receiving.next
  }
}
