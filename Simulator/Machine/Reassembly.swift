import WarrenMachine

/// Puts datagrams together that were cut on the way (RFC 791, 3.2; RFC 8200, 4.5).
struct Reassembly {
  private struct Key: Hashable {
    var source: IPAddress
    var destination: IPAddress
    var transport: Transport
    var identification: UInt32
  }

  private struct Partial {
    var key: Key
    var expires: Instant
    var parts: [Packet]
  }

  /// The oldest first. Few, so that looking through them costs nothing.
  private var partials: [Partial] = []

  /// - Returns: the whole packet when this part was the last that lacked.
  mutating func add(_ part: Packet, at now: Instant) -> Packet? {
    partials.removeAll { $0.expires <= now }
    let key = Key(
      source: part.source.ip, destination: part.destination.ip, transport: part.transport,
      identification: part.fragment!.identification)
    let index: Int
    if let known = partials.firstIndex(where: { $0.key == key }) {
      index = known
    } else {
      if partials.count == SimulatorLimits.reassemblies { partials.removeFirst() }
      index = partials.count
      partials.append(
        Partial(key: key, expires: now.advanced(by: SimulatorLimits.reassemblyTime), parts: []))
    }
    partials[index].parts.append(part)
    guard var whole = Reassembly.whole(partials[index].parts) else { return nil }
    partials.remove(at: index)
    whole.fragment = nil
    return whole
  }

  /// The first part, when all parts are there: it has the ports, and shares the whole payload.
  private static func whole(_ parts: [Packet]) -> Packet? {
    let sorted = parts.sorted { $0.fragment!.offset < $1.fragment!.offset }
    var end = 0
    for part in sorted {
      let fragment = part.fragment!
      guard fragment.offset <= end else { return nil }
      end = max(end, fragment.offset + fragment.length)
      if fragment.isLast { return sorted[0] }
    }
    return nil
  }
}
