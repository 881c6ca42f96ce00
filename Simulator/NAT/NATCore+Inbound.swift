import WarrenMachine

extension NATCore {
  /// Rewrites a packet for a mapping, if it may pass.
  ///
  /// - Parameters:
  ///   - original: what it was before hairpinning, for reports to its sender; nil where it is that still.
  ///   - side: where its sender is.
  mutating func translateInbound(
    _ packet: inout Packet, arrivedAs original: Packet?, from side: NATSide, at now: Instant,
    into output: inout [NATOutput]
  ) throws(NATDropReason) {
    switch packet.content {
    case .icmp(.error(let error)):
      return try translateInbound(error, in: &packet, from: side, into: &output)
    case .icmp(.echoRequest): throw .filtered
    case .icmp(.echoReply), .udp, .tcp: break
    }
    let remote = packet.source.remoteEnd(of: packet.transport)
    guard let slot = existingMapping(packet.transport, outside: packet.destination, remote: remote),
      !table.mappings.elements[slot].isOwn
    else {
      guard translates(packet.destination.ip) else {
        refuse(original ?? packet, from: side, at: now, into: &output)
        throw .unsolicited
      }
      throw receiveForItself(original ?? packet, from: side, at: now, into: &output)
    }
    if side == .outside { try lowerHopLimit(of: &packet, from: .outside, into: &output) }
    guard admit(packet, from: remote, to: slot, at: now) else {
      refuse(original ?? packet, from: side, at: now, into: &output)
      throw .filtered
    }
    noteUse(of: slot, isNew: false)
    let inside = table.mappings.elements[slot].inside
    if configuration.rewritesPayload, packet.destination.ip != inside.ip, packet.fragment == nil {
      packet.rewritePayload(packet.destination, to: inside)
    }
    packet.destination = inside
  }

  /// The mapping to which packets of `remote` to an outside place go.
  func existingMapping(_ transport: Transport, outside: SocketAddress, remote: SocketAddress) -> Int? {
    if let kept = keptMapping(transport, outside: outside, remote: remote) { return kept }
    return chosen(
      explicitMapping(transport, outside: outside),
      or: table.mapping(outside: outsideKey(transport, outside, remote: remote)), transport, remote: remote)
  }

  /// Of the mapping that somebody inside has asked for and the one that traffic has made that which `remote` uses: a TCP connection
  /// that was there before the port was asked for stays where it is.
  @inline(__always)
  func chosen(
    _ explicit: Int?, or usual: @autoclosure () -> Int?, _ transport: Transport, remote: SocketAddress
  ) -> Int? {
    guard let explicit else { return usual() }
    guard transport == .tcp, table.filter(FilterKey(mapping: explicit, remote: remote)) == nil,
      let usual = usual(), table.filter(FilterKey(mapping: usual, remote: remote)) != nil
    else { return explicit }
    return usual
  }

  /// What a mapping is found by from outside.
  @inline(__always)
  func outsideKey(_ transport: Transport, _ outside: SocketAddress, remote: SocketAddress) -> FlowKey {
    guard configuration.overloadsPorts, translates(outside.ip) else {
      return FlowKey(transport, outside, .whatever)
    }
    return FlowKey(transport, outside, remote.seen(by: configuration.mapping))
  }

  /// Whether a packet from outside may pass to a mapping; if so, it is remembered.
  private mutating func admit(
    _ packet: Packet, from remote: SocketAddress, to slot: Int, at now: Instant
  ) -> Bool {
    if case .tcp(let segment) = packet.content { return admit(segment, from: remote, to: slot, at: now) }
    let transport = packet.transport
    // Whoever asks for an outside port asks for everyone who may come (RFC 6887, 11).
    if table.mappings.elements[slot].isExplicit { return true }
    if configuration.filtering != .endpointIndependent {
      let key = FilterKey(mapping: slot, remote: remote.seen(by: configuration.filtering))
      guard let filter = table.filter(key) else { return false }
      let isAssured = table.noteFilter(filter, from: .outside, at: now)
      if configuration.refreshesFilter.contains(.inbound) {
        table.prolongFilter(filter, until: now.after(times.filter(transport, isAssured: isAssured)))
      }
    }
    let isAssured = table.noteMapping(slot, from: .outside, at: now)
    if configuration.refreshes.contains(.inbound) {
      let lifetime = times.mapping(transport, isAssured: isAssured, remote: remote)
      table.prolongMapping(slot, until: now.after(lifetime))
    }
    return true
  }

  private mutating func admit(
    _ segment: TCPSegment, from remote: SocketAddress, to slot: Int, at now: Instant
  ) -> Bool {
    let begins = segment.flags.contains(.syn) && segment.flags.isDisjoint(with: [.ack, .rst])
    let isExplicit = table.mappings.elements[slot].isExplicit
    if begins, configuration.refusesInboundSYN, !isExplicit { return false }
    let key = FilterKey(mapping: slot, remote: remote)
    if let filter = table.filter(key) {
      note(segment, of: filter, from: .outside, at: now)
      return true
    }
    guard begins, isExplicit || maySend(remote, to: slot) else { return false }
    if isExplicit, isConnected(table.mappings.elements[slot].inside, with: remote) { return false }
    let connection = TrackedConnection(segment.flags, from: .outside)
    _ = table.insert(
      Filter(key, expiry: now.after(times.connection(connection)), connection: connection))
    return true
  }

  /// Whether an inside socket has a connection with `remote` through a mapping that traffic has made: a second one between the same
  /// two cannot be told from it inside.
  private func isConnected(_ inside: SocketAddress, with remote: SocketAddress) -> Bool {
    guard let usual = usualMapping(.tcp, inside: inside, remote: remote),
      let filter = table.filter(FilterKey(mapping: usual, remote: remote))
    else { return false }
    return table.filters.elements[filter].connection?.isEstablished ?? false
  }

  /// Whether `remote`, which has no connection with a mapping yet, may open one.
  private func maySend(_ remote: SocketAddress, to slot: Int) -> Bool {
    switch configuration.filtering {
    case .endpointIndependent: return true
    case .addressAndPortDependent: return false
    case .addressDependent:
      var filter = table.mappings.elements[slot].firstFilter
      while filter >= 0 {
        if table.filters.elements[filter].key.remote.ip == remote.ip { return true }
        filter = table.filters.elements[filter].next
      }
      return false
    }
  }
}
