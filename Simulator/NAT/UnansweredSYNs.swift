import WarrenMachine

/// SYNs that nobody inside asked for, kept for six seconds in case the inside opens the same connection
/// (RFC 5382, REQ-4).
struct UnansweredSYNs: Sendable {
  private var packets: [FlowKey: (packet: Packet, deadline: Instant)] = [:]
  private var deadlines = DeadlineQueue<FlowKey>()

  /// How many are kept at most: more than any honest outside sends, and little enough for an attack.
  private static let limit = 1024
  private static let patience: Int64 = 6_000_000_000

  var count: Int { packets.count }
  var nextDeadline: Instant? { deadlines.earliest }

  mutating func insert(_ packet: Packet, at now: Instant) {
    let key = FlowKey(.tcp, packet.destination, packet.source)
    guard packets[key] == nil, packets.count < UnansweredSYNs.limit else { return }
    let deadline = now.after(UnansweredSYNs.patience)
    packets[key] = (packet, deadline)
    deadlines.insert(key, at: deadline)
  }

  /// The inside has opened this connection itself.
  mutating func remove(_ outside: SocketAddress, _ remote: SocketAddress) {
    guard !packets.isEmpty else { return }
    packets[FlowKey(.tcp, outside, remote)] = nil
  }

  /// The next one whose time is over.
  mutating func takeDue(at now: Instant) -> Packet? {
    while let entry = deadlines.takeDue(at: now) {
      guard let kept = packets[entry.element], kept.deadline == entry.deadline else { continue }
      packets[entry.element] = nil
      return kept.packet
    }
    return nil
  }
}
