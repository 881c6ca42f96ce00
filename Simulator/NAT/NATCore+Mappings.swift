import WarrenMachine

extension NATCore {
  /// Makes the mapping of a new flow.
  mutating func open(
    _ transport: Transport, inside: SocketAddress, remote: SocketAddress, at now: Instant
  ) throws(NATDropReason) -> Int {
    guard !translates(inside.ip) || !ports.pool.isEmpty else { throw .unroutable }
    if newMappings?.take(at: now) == false { throw .rateLimited }
    if let limit = configuration.mappingLimit, table.mappings.count >= limit {
      try evict(oldest: recencyEnds, else: .tableFull)
    }
    let host = hosts.enter(inside.ip)
    // Counted before anything else, so that the host stays while its oldest mapping makes room.
    hosts.slots.elements[host].mappingCount += 1
    do throws(NATDropReason) {
      return try open(transport, inside: inside, remote: remote, host: host, at: now)
    } catch {
      leave(host)
      throw error
    }
  }

  private mutating func open(
    _ transport: Transport, inside: SocketAddress, remote: SocketAddress, host: Int, at now: Instant
  ) throws(NATDropReason) -> Int {
    if let limit = configuration.mappingLimitPerHost, hosts.slots.elements[host].mappingCount > limit {
      try evict(oldest: hosts.slots.elements[host].recency, else: .hostLimit)
    }
    let place = try place(for: inside, transport, remote, host: host)
    let lifetime = times.mapping(transport, isAssured: false, remote: remote)
    let latest = latestExpiry(transport, at: now)
    let slot = table.insert(
      Mapping(
        insideKey: place.inside, outsideKey: place.outside, host: host,
        expiry: min(now.after(lifetime), latest), latestExpiry: latest,
        conversation: Conversation(begunAt: now, times)))
    noteFlow(slot, of: inside, transport)
    noteUse(of: slot, isNew: true)
    return slot
  }

  /// Notes the latest flow of an inside socket, where others follow it.
  mutating func noteFlow(_ slot: Int, of inside: SocketAddress, _ transport: Transport) {
    guard configuration.repeatsPort else { return }
    flowOrder.append(slot, to: &socketFlows[FlowKey(transport, inside, .whatever), default: .init()])
  }

  mutating func leave(_ host: Int) {
    hosts.slots.elements[host].mappingCount -= 1
    ports.release(hosts.leaveIfIdle(host))
  }

  /// The keys of a new mapping.
  private mutating func place(
    for inside: SocketAddress, _ transport: Transport, _ remote: SocketAddress, host: Int
  ) throws(NATDropReason) -> (inside: FlowKey, outside: FlowKey) {
    guard translates(inside.ip) else {
      let key = FlowKey(transport, inside, .whatever)
      return (key, key)
    }
    let shared = configuration.overloadsPorts ? remote.seen(by: configuration.mapping) : .whatever
    let remote = remote.seen(by: mappingBehaviour(for: inside, transport))
    let request = NATPorts.Request(
      transport: transport, inside: inside, remote: shared, latest: latestPlace(of: inside, transport))
    let chosen = ports.choose(
      for: request, host: &hosts.slots.elements[host], among: table, random: &random)
    guard let chosen else { throw .portsExhausted }
    return (FlowKey(transport, inside, remote), request.key(chosen))
  }

  /// Where the latest flow of an inside socket is, where new ones follow it.
  private func latestPlace(of inside: SocketAddress, _ transport: Transport) -> SocketAddress? {
    guard configuration.repeatsPort, let flows = socketFlows[FlowKey(transport, inside, .whatever)] else {
      return nil
    }
    return table.mappings.elements[flows.newest].outside
  }

  /// How much of the remote end a new mapping depends on.
  private func mappingBehaviour(
    for inside: SocketAddress, _ transport: Transport
  ) -> NATConfiguration.Dependence {
    let degrades =
      switch configuration.degradation {
      case .never: false
      case .beyond(let mappings): table.mappings.count >= mappings
      case .onCollision:
        // Its own strict mappings count as well: once it has moved, it stays strict.
        ports.pool.allSatisfy { address in
          let kept = SocketAddress(address, port: inside.port)
          return table.mapping(outside: FlowKey(transport, kept, .whatever)) != nil
        }
      }
    return degrades ? .addressAndPortDependent : configuration.mapping
  }

  private mutating func latestExpiry(_ transport: Transport, at now: Instant) -> Instant {
    guard transport == .udp, let absolute = times.absolute else { return .distantFuture }
    let spread = Double(absolute.upperBound - absolute.lowerBound) * random.unit()
    return now.after(absolute.lowerBound + Int64(spread))
  }

  private mutating func evict(
    oldest ends: RecencyOrder.Ends, else reason: NATDropReason
  ) throws(NATDropReason) {
    guard configuration.whenFull == .evictLeastRecentlyUsed, ends.oldest >= 0 else { throw reason }
    remove(mapping: ends.oldest)
  }

  /// Removes a mapping and whatever hangs on it.
  mutating func remove(mapping slot: Int) {
    let connections = table.mappings.elements[slot].isExplicit ? table.connections(of: slot) : []
    let mapping = table.removeMapping(slot)
    if mapping.isExplicit {
      mappingNonces[mapping.insideKey] = nil
      for connection in connections { keep(connection, of: mapping) }
      return leave(mapping.host)
    }
    if keepsRecency { recency.remove(slot, from: &recencyEnds) }
    guard !mapping.isOwn else { return }
    if configuration.repeatsPort { forgetFlow(slot, of: mapping) }
    if keepsRecencyOfHosts {
      recencyOfHosts.remove(slot, from: &hosts.slots.elements[mapping.host].recency)
    }
    leave(mapping.host)
  }

  private mutating func forgetFlow(_ slot: Int, of mapping: Mapping) {
    let socket = FlowKey(mapping.transport, mapping.inside, .whatever)
    guard var flows = socketFlows[socket] else { return }
    flowOrder.remove(slot, from: &flows)
    socketFlows[socket] = flows.newest < 0 ? nil : flows
  }

  /// Removes a filter; a TCP mapping goes with its last connection.
  mutating func remove(filter slot: Int) {
    let owner = table.filters.elements[slot].key.mapping
    table.removeFilter(slot)
    let mapping = table.mappings.elements[owner]
    if mapping.transport == .tcp, !mapping.isExplicit, mapping.firstFilter < 0 { remove(mapping: owner) }
  }

  /// Notes which mapping was used last, where that decides who is evicted.
  @inline(__always)
  mutating func noteUse(of slot: Int, isNew: Bool) {
    guard configuration.whenFull == .evictLeastRecentlyUsed else { return }
    noteRecency(of: slot, isNew: isNew)
  }

  private mutating func noteRecency(of slot: Int, isNew: Bool) {
    guard !table.mappings.elements[slot].isExplicit else { return }
    let host = table.mappings.elements[slot].host
    if keepsRecency {
      if isNew { recency.append(slot, to: &recencyEnds) } else { recency.touch(slot, in: &recencyEnds) }
    }
    guard keepsRecencyOfHosts, host >= 0 else { return }
    if isNew {
      recencyOfHosts.append(slot, to: &hosts.slots.elements[host].recency)
    } else {
      recencyOfHosts.touch(slot, in: &hosts.slots.elements[host].recency)
    }
  }

  private var keepsRecency: Bool {
    configuration.whenFull == .evictLeastRecentlyUsed && configuration.mappingLimit != nil
  }

  private var keepsRecencyOfHosts: Bool {
    configuration.whenFull == .evictLeastRecentlyUsed && configuration.mappingLimitPerHost != nil
  }
}
