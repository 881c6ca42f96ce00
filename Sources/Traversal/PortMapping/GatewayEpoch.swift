import WarrenMachine

/// A gateway's own count of seconds, by which it says that it has restarted and forgotten everything.
struct GatewayEpoch: Hashable, Sendable {
  private var last: (server: UInt32, client: Instant)?

  static func == (left: GatewayEpoch, right: GatewayEpoch) -> Bool {
    left.last?.server == right.last?.server && left.last?.client == right.last?.client
  }

  func hash(into hasher: inout Hasher) { hasher.combine(last?.server) }

  /// Takes note of the seconds in an answer of PCP.
  ///
  /// - Returns: whether the gateway has lost its state since the last one (RFC 6887, 8.5).
  mutating func noted(pcp server: UInt32, at now: Instant) -> Bool {
    defer { last = (server, now) }
    guard let last else { return false }
    if Int64(server) + 1 < Int64(last.server) { return true }
    let clientDelta = last.client.duration(to: now).components.seconds
    let serverDelta = Int64(server) - Int64(last.server)
    return clientDelta + 2 < serverDelta - serverDelta / 16
      || serverDelta + 2 < clientDelta - clientDelta / 16
  }

  /// Takes note of the seconds in an answer of NAT-PMP.
  ///
  /// - Returns: whether the gateway has lost its state since the last one (RFC 6886, 3.6).
  mutating func noted(natPMP server: UInt32, at now: Instant) -> Bool {
    defer { last = (server, now) }
    guard let last else { return false }
    let elapsed = last.client.duration(to: now).components.seconds
    return Int64(server) + 2 < Int64(last.server) + elapsed * 7 / 8
  }
}
