import WarrenMachine

/// ICMP errors: what they quote is translated as the quoted packet was, backwards (RFC 5508, 4).
///
/// They prolong nothing, open nothing, and are not asked where they come from (RFC 4787, REQ-12).
extension NATCore {
  /// An error about a packet that an inside host has sent.
  mutating func translateInbound(
    _ error: ICMPError, in packet: inout Packet, from side: NATSide, into output: inout [NATOutput]
  ) throws(NATDropReason) {
    guard configuration.translatesErrors else { throw .errorRefused }
    let offender = error.offender
    if configuration.errorsOnlyFromDestination, packet.source.ip != offender.destination.ip {
      throw .errorRefused
    }
    let remote = offender.destination.remoteEnd(of: offender.transport)
    guard offender.source.ip == packet.destination.ip,
      let slot = existingMapping(offender.transport, outside: offender.source, remote: remote),
      !table.mappings.elements[slot].isOwn
    else { throw .unknownFlow }
    if side == .outside { try lowerHopLimit(of: &packet, from: .outside, into: &output) }
    let inside = table.mappings.elements[slot].inside
    var error = error
    error.offender.source = inside
    packet.content = .icmp(.error(error))
    packet.destination = SocketAddress(inside.ip, port: 0)
    if configuration.errorsEndMappings, !table.mappings.elements[slot].isExplicit { remove(mapping: slot) }
  }

  /// An error about a packet that an inside host has received.
  mutating func translateOutbound(_ error: ICMPError, in packet: inout Packet) throws(NATDropReason) {
    guard configuration.translatesErrors else { throw .errorRefused }
    let offender = error.offender
    let remote = offender.source.remoteEnd(of: offender.transport)
    guard let slot = existingMapping(offender.transport, inside: offender.destination, remote: remote) else {
      throw .unknownFlow
    }
    let outside = table.mappings.elements[slot].outside
    var error = error
    error.offender.destination = outside
    packet.content = .icmp(.error(error))
    // Whichever inside host reports, the outside knows only this address.
    if translates(packet.source.ip) { packet.source = SocketAddress(outside.ip, port: 0) }
  }
}
