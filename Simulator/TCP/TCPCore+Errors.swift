import WarrenMachine

// What routers and hosts report about segments of this connection (RFC 9293, 3.9.2.2; RFC 5927).
extension TCPCore {
  /// Takes an ICMP error that quotes a segment between the same two addresses and ports.
  package mutating func received(_ error: ICMPError, at now: Instant) {
    let quoted = sending.sequence.position(of: error.offender.sequence, near: sending.unacknowledged)
    // Who cannot quote what is on its way has not seen it (RFC 5927, 4.1).
    guard state != .closed, quoted >= sending.unacknowledged, quoted < sending.highest else { return }
    switch error.reason {
    case .tooLarge(let mtu): lowerSegmentSize(mtu: mtu)
    // An open connection outlives what may be over soon (RFC 5927, 5.2); an opening fails, as in Linux, where
    // a hop limit that ran out counts too.
    case .portUnreachable where state == .synSent: failed(.connectionRefused(remoteAddress))
    case .unreachable where state == .synSent, .prohibited where state == .synSent,
      .hopLimitExceeded where state == .synSent:
      failed(.unreachable(remoteAddress))
    case .portUnreachable, .unreachable, .prohibited, .hopLimitExceeded: break
    }
  }

  /// Sends in smaller segments what did not fit (RFC 1191, 6.3; RFC 8201, 5.4).
  private mutating func lowerSegmentSize(mtu: Int) {
    let family = remoteAddress.ip.family
    // Below these no honest router goes: Linux' smallest MTU for IPv4, RFC 8200's for IPv6.
    let smallest = family == .v4 ? 552 : 1280
    let size = Self.segmentSize(mtu: max(mtu, smallest), family: family)
    guard size < congestion.segmentSize else { return }
    congestion.segmentSize = size
    guard !isOpening else { return }
    sending.goBack()
    roundTrip.sendingAgain()
  }
}
