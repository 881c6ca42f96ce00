import WarrenMachine

extension NATCore {
  /// Finds out where a packet goes, and rewrites it on the way.
  mutating func pass(
    _ packet: inout Packet, from side: NATSide, at now: Instant, into output: inout [NATOutput]
  ) throws(NATDropReason) -> NATSide {
    guard packet.destination.ip.canBeRouted, packet.source.ip.canBeRouted else { throw .unroutable }
    if configuration.blocksUDP, packet.transport == .udp { throw .blocked }
    switch side {
    case .inside where FamilyTranslation.prefix.contains(packet.destination.ip): throw .unroutable
    case .inside: return try passFromInside(&packet, at: now, into: &output)
    case .outside: return try passFromOutside(&packet, at: now, into: &output)
    }
  }

  private mutating func passFromInside(
    _ packet: inout Packet, at now: Instant, into output: inout [NATOutput]
  ) throws(NATDropReason) -> NATSide {
    let destination = packet.destination.ip
    guard inside.isEmpty || isInside(packet.source.ip) else { throw .foreignSource }
    if outside.contains(destination) {
      guard translates(destination), !packet.isEchoRequest else {
        throw receiveForItself(packet, from: .inside, at: now, into: &output)
      }
      return try hairpin(&packet, at: now, into: &output)
    }
    if isInside(destination), !(hasAddressConflict && configuration.handlesAddressConflict) {
      guard !inside.contains(where: { $0[1] == destination }) else {
        throw receiveForItself(packet, from: .inside, at: now, into: &output)
      }
      try lowerHopLimit(of: &packet, from: .inside, into: &output)
      return .inside
    }
    if let ports = configuration.tcpPorts, packet.transport == .tcp, !ports.contains(packet.destination.port)
    {
      throw .blockedPort
    }
    try captivity.divert(&packet)
    try lowerHopLimit(of: &packet, from: .inside, into: &output)
    try translateOutbound(&packet, at: now)
    return .outside
  }

  /// From one inside host to the mapping of another, or to its own (RFC 4787, 6).
  private mutating func hairpin(
    _ packet: inout Packet, at now: Instant, into output: inout [NATOutput]
  ) throws(NATDropReason) -> NATSide {
    guard configuration.hairpinning != .off else {
      // It is for the box itself, then.
      refuse(packet, from: .inside, at: now, into: &output)
      throw .hairpinningOff
    }
    let original = packet
    try lowerHopLimit(of: &packet, from: .inside, into: &output)
    try translateOutbound(&packet, at: now)
    try translateInbound(&packet, arrivedAs: original, from: .inside, at: now, into: &output)
    if configuration.hairpinning == .internalSource { packet.source = original.source }
    return .inside
  }

  private mutating func passFromOutside(
    _ packet: inout Packet, at now: Instant, into output: inout [NATOutput]
  ) throws(NATDropReason) -> NATSide {
    let destination = packet.destination.ip
    if outside.contains(destination) {
      guard translates(destination), !packet.isEchoRequest else {
        throw receiveForItself(packet, from: .outside, at: now, into: &output)
      }
    } else {
      guard isInside(destination), !translates(destination) else { throw .unroutable }
    }
    try translateInbound(&packet, arrivedAs: nil, from: .outside, at: now, into: &output)
    try captivity.disguise(&packet)
    return .inside
  }

  /// As every router does (RFC 1812, 5.3.1), with a report from the address on the side it came from.
  mutating func lowerHopLimit(
    of packet: inout Packet, from side: NATSide, into output: inout [NATOutput]
  ) throws(NATDropReason) {
    guard configuration.lowersHopLimit else { return }
    guard packet.hopLimit > 1 else {
      reject(packet, .hopLimitExceeded, toward: side, into: &output)
      throw .hopLimitExceeded
    }
    packet.hopLimit -= 1
  }

  /// Sends back that a packet did not arrive.
  mutating func reject(
    _ packet: Packet, _ reason: DeliveryFailure.Reason, toward side: NATSide, into output: inout [NATOutput]
  ) {
    guard let reporter = address(on: side, packet.source.ip.family),
      let report = packet.failure(reason, reportedBy: reporter)
    else { return }
    output.append(.forward(report, toward: side))
  }

  func isInside(_ address: IPAddress) -> Bool {
    for prefix in inside where prefix.contains(address) { return true }
    return false
  }

  /// Whether addresses of this family are translated.
  @inline(__always)
  func translates(_ address: IPAddress) -> Bool { configuration.translates && address.family == .v4 }
}

// MARK: Packets for the box itself

extension NATCore {
  /// Answers a packet for one of its own addresses.
  ///
  /// - Returns: what to say of the packet.
  mutating func receiveForItself(
    _ packet: Packet, from side: NATSide, at now: Instant, into output: inout [NATOutput]
  ) -> NATDropReason {
    switch packet.content {
    case .icmp(.echoRequest(let sequence, let payload)):
      var reply = Packet(
        from: packet.destination, to: packet.source, .icmp(.echoReply(sequence: sequence, payload)))
      reply.number = packet.number
      output.append(.forward(reply, toward: side))
      return .forRouter
    case .icmp(.error): return .unknownFlow
    case .icmp: return .unsolicited
    case .udp(let request) where side == .inside && packet.destination.port == PortMappingServer.port:
      guard let answer = servePortMapping(request, from: packet.source, at: now) else { fallthrough }
      output.append(
        .forward(Packet(from: packet.destination, to: packet.source, .udp(answer)), toward: .inside))
      return .forRouter
    case .udp, .tcp:
      if side == .outside { takeForItsOwn(packet, at: now) }
      refuse(packet, from: side, at: now, into: &output)
      return .unsolicited
    }
  }

  /// Lets a stranger's flow take its port, as Linux does with whatever its input chain accepts: the entry is
  /// made although nothing listens, and an inside socket's flow to the same remote end must then move.
  private mutating func takeForItsOwn(_ packet: Packet, at now: Instant) {
    guard configuration.unsolicited == .accept, configuration.overloadsPorts, translates(packet.source.ip)
    else { return }
    let transport = packet.transport
    let expiry = now.after(transport == .tcp ? NATCore.ownResetLifetime : times.udpUnreplied)
    let key = FlowKey(transport, packet.destination, packet.source.seen(by: configuration.mapping))
    if let slot = table.mapping(outside: key) {
      table.prolongMapping(slot, until: expiry)
    } else if table.mappings.count < configuration.mappingLimit ?? .max {
      let own = Mapping(insideKey: key, outsideKey: key, host: -1, expiry: expiry)
      noteUse(of: table.insert(own), isNew: true)
    }
  }

  /// How long Linux remembers a connection that it has reset itself: 10 s.
  private static var ownResetLifetime: Int64 { 10_000_000_000 }

  /// Answers what nobody inside has asked for, as the configuration has it.
  mutating func refuse(
    _ packet: Packet, from side: NATSide, at now: Instant, into output: inout [NATOutput]
  ) {
    switch packet.content {
    case .udp:
      guard configuration.unsolicited != .drop else { return }
      reject(packet, .portUnreachable, toward: side, into: &output)
    case .tcp(let segment):
      guard segment.flags.contains(.syn), !segment.flags.contains(.ack) else { return }
      switch configuration.unsolicitedSYN {
      case .drop: break
      case .reset: output.append(.forward(packet.reset(segment), toward: side))
      case .rejectLater: if side == .outside { unansweredSYNs.insert(packet, at: now) }
      }
    case .icmp: break
    }
  }
}

extension Packet {
  var isEchoRequest: Bool {
    if case .icmp(.echoRequest) = content { true } else { false }
  }

  /// The reset that answers a SYN to a closed port (RFC 9293, 3.10.7.1).
  fileprivate func reset(_ segment: TCPSegment) -> Packet {
    let acknowledgement = segment.sequence &+ segment.length
    return Packet(
      from: destination, to: source,
      .tcp(TCPSegment([.rst, .ack], sequence: 0, acknowledgement: acknowledgement)))
  }
}

extension IPAddress {
  /// Whether routers pass packets with it on.
  fileprivate var canBeRouted: Bool { !(isMulticast || isLoopback || isLinkLocal || isUnspecified) }
}
