import WarrenMachine

/// Outside ports that those inside have asked for: open to everyone, for as long as was agreed.
extension NATCore {
  /// Why an outside port is not given.
  enum MappingRefusal: Error {
    case notAuthorized, quota, taken, noPort
  }

  /// Opens an outside port for an inside socket, or prolongs what it has.
  ///
  /// - Parameters:
  ///   - suggested: the outside port that is wished for; 0 for any.
  ///   - insists: whether no other port will do, as with UPnP.
  mutating func openExplicitly(
    _ transport: Transport, inside: SocketAddress, suggested: UInt16, insists: Bool, for lifetime: Duration,
    at now: Instant
  ) throws(MappingRefusal) -> SocketAddress {
    guard !configuration.portMapping.refusesEveryone else { throw .notAuthorized }
    let end = now.after(min(lifetime, longestMappingLifetime).wholeNanoseconds)
    if let slot = explicitMapping(transport, inside: inside) {
      let outside = table.mappings.elements[slot].outside
      if !insists || outside.port == suggested {
        table.setEnd(of: slot, to: end)
        return outside
      }
      // One place for each inside socket: who asks for another by UPnP moves there.
      remove(mapping: slot)
    }
    if let limit = configuration.portMapping.perHost, explicitMappings(of: inside.ip).count >= limit {
      throw .quota
    }
    let host = hosts.enter(inside.ip)
    hosts.slots.elements[host].mappingCount += 1
    do throws(MappingRefusal) {
      let outside = try place(transport, inside, suggested: suggested, insists: insists, host: host)
      _ = table.insert(
        Mapping(
          insideKey: FlowKey(transport, inside, .everyone),
          outsideKey: FlowKey(transport, outside, .everyone),
          host: host, expiry: end, latestExpiry: end))
      return outside
    } catch {
      leave(host)
      throw error
    }
  }

  /// A TCP connection goes on through an outside port that is open to nobody new any more: a router asks its rules for the first
  /// packet of a connection alone, as Linux does. It has a mapping of its own, for these two ends, and the port is free for others.
  mutating func keep(_ connection: Filter, of closed: Mapping) {
    let remote = connection.key.remote
    let insideKey = FlowKey(.tcp, closed.inside, remote)
    let outsideKey = FlowKey(.tcp, closed.outside, remote)
    guard table.mapping(inside: insideKey) == nil, table.mapping(outside: outsideKey) == nil else { return }
    let host = hosts.enter(closed.inside.ip)
    hosts.slots.elements[host].mappingCount += 1
    var mapping = Mapping(insideKey: insideKey, outsideKey: outsideKey, host: host, expiry: .distantFuture)
    mapping.isKept = true
    let slot = table.insert(mapping)
    noteFlow(slot, of: closed.inside, .tcp)
    noteUse(of: slot, isNew: true)
    let key = FilterKey(mapping: slot, remote: remote)
    _ = table.insert(Filter(key, expiry: connection.expiry, connection: connection.connection))
  }

  /// The mapping of a connection that has outlived the port through which it came.
  @inline(__always)
  func keptMapping(_ transport: Transport, inside: SocketAddress, remote: SocketAddress) -> Int? {
    guard table.keptCount > 0, transport == .tcp else { return nil }
    return table.mapping(inside: FlowKey(.tcp, inside, remote)).flatMap(kept)
  }

  @inline(__always)
  func keptMapping(_ transport: Transport, outside: SocketAddress, remote: SocketAddress) -> Int? {
    guard table.keptCount > 0, transport == .tcp else { return nil }
    return table.mapping(outside: FlowKey(.tcp, outside, remote)).flatMap(kept)
  }

  private func kept(_ slot: Int) -> Int? { table.mappings.elements[slot].isKept ? slot : nil }

  var longestMappingLifetime: Duration { configuration.portMapping.longestLifetime }

  private mutating func place(
    _ transport: Transport, _ inside: SocketAddress, suggested: UInt16, insists: Bool, host: Int
  ) throws(MappingRefusal) -> SocketAddress {
    // A firewall, and IPv6, keep what is inside as it is: the mapping is a hole and nothing else.
    guard translates(inside.ip) else { return inside }
    guard let address = ports.pool.first else { throw .noPort }
    let wished = suggested == 0 ? inside.port : suggested
    let place = SocketAddress(address, port: wished)
    if configuration.portBlock == nil, !table.isTaken(transport, place, byOtherThan: inside) { return place }
    guard !insists, !configuration.portMapping.refusesTakenPorts else { throw .taken }
    let chosen = ports.choose(
      for: NATPorts.Request(transport: transport, inside: inside, remote: .everyone),
      host: &hosts.slots.elements[host], among: table, random: &random)
    guard let chosen else { throw .noPort }
    return chosen
  }

  /// The inside socket's explicit mapping.
  @inline(__always)
  func explicitMapping(_ transport: Transport, inside: SocketAddress) -> Int? {
    table.explicitCount == 0 ? nil : table.mapping(inside: FlowKey(transport, inside, .everyone))
  }

  /// The explicit mapping at an outside place.
  @inline(__always)
  func explicitMapping(_ transport: Transport, outside: SocketAddress) -> Int? {
    table.explicitCount == 0 ? nil : table.mapping(outside: FlowKey(transport, outside, .everyone))
  }

  /// The explicit mappings of one inside address, in the order of their slots.
  func explicitMappings(of host: IPAddress) -> [Int] {
    table.mappings.elements.indices.filter { slot in
      let mapping = table.mappings.elements[slot]
      return mapping.isExplicit && mapping.inside.ip == host
        && table.mapping(inside: mapping.insideKey) == slot
    }
  }

  /// How many outside ports are open because somebody inside has asked for them.
  public var explicitMappingCount: Int { table.explicitCount }
}
