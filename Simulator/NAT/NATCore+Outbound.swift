import WarrenMachine

extension NATCore {
  /// Rewrites a packet from inside, and remembers it.
  mutating func translateOutbound(_ packet: inout Packet, at now: Instant) throws(NATDropReason) {
    switch packet.content {
    case .icmp(.error(let error)): return try translateOutbound(error, in: &packet)
    case .icmp(.echoReply): throw .unsolicited
    case .tcp(let segment): try requireConnection(for: segment, packet)
    case .icmp, .udp: break
    }
    let transport = packet.transport
    let remote = packet.destination.remoteEnd(of: transport)
    let found = existingMapping(transport, inside: packet.source, remote: remote)
    let slot =
      if let found { found } else { try open(transport, inside: packet.source, remote: remote, at: now) }
    noteUse(of: slot, isNew: false)
    switch packet.content {
    case .tcp(let segment): noteOutbound(segment, of: slot, to: remote, at: now)
    case .udp, .icmp: noteOutbound(transport, of: slot, to: remote, at: now)
    }
    let outside = table.mappings.elements[slot].outside
    if configuration.rewritesPayload, packet.source.ip != outside.ip, packet.fragment == nil {
      packet.rewritePayload(packet.source, to: outside)
    }
    packet.source = outside
  }

  /// The mapping that packets of an inside socket to `remote` use.
  func existingMapping(_ transport: Transport, inside: SocketAddress, remote: SocketAddress) -> Int? {
    if let kept = keptMapping(transport, inside: inside, remote: remote) { return kept }
    return chosen(
      explicitMapping(transport, inside: inside),
      or: usualMapping(transport, inside: inside, remote: remote), transport, remote: remote)
  }

  /// The mapping of an inside socket that traffic towards `remote` has made.
  func usualMapping(_ transport: Transport, inside: SocketAddress, remote: SocketAddress) -> Int? {
    guard translates(inside.ip) else { return table.mapping(inside: FlowKey(transport, inside, .whatever)) }
    let usual = FlowKey(transport, inside, remote.seen(by: configuration.mapping))
    if let slot = table.mapping(inside: usual) { return slot }
    guard configuration.degradation != .never else { return nil }
    return table.mapping(inside: FlowKey(transport, inside, remote))
  }

  /// A segment in the middle of a connection that is not known opens nothing, unless such are adopted.
  private func requireConnection(for segment: TCPSegment, _ packet: Packet) throws(NATDropReason) {
    let begins = segment.flags.contains(.syn) && !segment.flags.contains(.ack)
    guard !begins, !(configuration.adoptsConnections && !segment.flags.contains(.rst)) else { return }
    guard let slot = existingMapping(.tcp, inside: packet.source, remote: packet.destination),
      table.filter(FilterKey(mapping: slot, remote: packet.destination)) != nil
    else { throw .noConnection }
  }

  private mutating func noteOutbound(
    _ transport: Transport, of slot: Int, to remote: SocketAddress, at now: Instant
  ) {
    let isAssured = table.noteMapping(slot, from: .inside, at: now)
    if configuration.refreshes.contains(.outbound) {
      let lifetime = times.mapping(transport, isAssured: isAssured, remote: remote)
      table.prolongMapping(slot, until: now.after(lifetime))
    }
    guard configuration.filtering != .endpointIndependent else { return }
    let key = FilterKey(mapping: slot, remote: remote.seen(by: configuration.filtering))
    if let filter = table.filter(key) {
      let isAssured = table.noteFilter(filter, from: .inside, at: now)
      guard configuration.refreshesFilter.contains(.outbound) else { return }
      let lifetime = times.filter(transport, isAssured: isAssured)
      table.prolongFilter(filter, until: now.after(lifetime))
    } else {
      let expiry = now.after(times.filter(transport, isAssured: false))
      _ = table.insert(Filter(key, expiry: expiry, conversation: Conversation(begunAt: now, times)))
    }
  }

  private mutating func noteOutbound(
    _ segment: TCPSegment, of slot: Int, to remote: SocketAddress, at now: Instant
  ) {
    if segment.flags.contains(.syn) {
      unansweredSYNs.remove(table.mappings.elements[slot].outside, remote)
    }
    let key = FilterKey(mapping: slot, remote: remote)
    if let filter = table.filter(key) {
      note(segment, of: filter, from: .inside, at: now)
    } else {
      let connection = TrackedConnection(segment.flags, from: .inside)
      let expiry = now.after(times.connection(connection))
      _ = table.insert(Filter(key, expiry: expiry, connection: connection))
    }
  }

  /// A segment of a known connection has passed.
  mutating func note(_ segment: TCPSegment, of filter: Int, from side: NATSide, at now: Instant) {
    guard let before = table.filters.elements[filter].connection else { return }
    if segment.flags.contains(.rst), configuration.forgetsResetConnections {
      // What is over at once still lets this segment out: it ends with the next look at the time.
      return table.update(.reset(wasEstablished: false), of: filter, until: now)
    }
    var connection = before
    connection.saw(segment.flags, from: side)
    guard connection.isAlive || connection != before else { return }
    table.update(connection, of: filter, until: now.after(times.connection(connection)))
  }
}

extension SocketAddress {
  /// The end of a flow as keys know it: ICMP queries have a number at one end only.
  @inline(__always)
  func remoteEnd(of transport: Transport) -> SocketAddress {
    transport == .icmp ? SocketAddress(ip, port: 0) : self
  }
}
