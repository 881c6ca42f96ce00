@testable import WarrenMachine
@testable import WarrenTraversal

/// One gateway's core, answers that are written by hand, and a clock that is moved by hand.
struct GatewayLaboratory {
  static let gateway = IPAddress(192, 168, 1, 1)
  static let server = SocketAddress(gateway, port: 5351)
  static let outside = SocketAddress(IPAddress(198, 51, 100, 7), port: 4000)

  var core: GatewayCore
  var now = Instant(nanoseconds: 1_000_000_000)

  init(_ transport: TransportProtocol = .udp) {
    let terms = PortMappingTerms(transport: transport, localPort: 4000, suggestedPort: 4000)
    core = GatewayCore(
      GatewayLaboratory.gateway, client: IPAddress(192, 168, 1, 2), terms, by: [.pcp, .natPMP, .upnp],
      nonce: PCPNonce(1, 2), seed: 1, at: now)
  }

  mutating func receive(
    _ bytes: [UInt8], from source: SocketAddress = GatewayLaboratory.server
  ) -> PortMappingEvent? {
    core.received(bytes.span.bytes, from: source, at: now)
  }

  /// What is sent now.
  mutating func requests() -> [[UInt8]] {
    var outbox = DatagramOutbox(byteCapacity: 2000, runCapacity: 16)
    while core.poll(into: &outbox, at: now) {}
    var requests: [[UInt8]] = []
    for run in outbox.pending {
      run.forEach { datagram in requests.append(datagram.payload.withUnsafeBytes { Array($0) }) }
    }
    return requests
  }

  /// Lets time pass.
  ///
  /// - Returns: what was sent, and what came of it, each with the time since the beginning of the waiting.
  mutating func wait(_ duration: Duration) -> (
    sent: [(Duration, [UInt8])], events: [(Duration, PortMappingEvent)]
  ) {
    let start = now
    let end = now.advanced(by: duration)
    var sent: [(Duration, [UInt8])] = []
    var events: [(Duration, PortMappingEvent)] = []
    while let deadline = core.nextDeadline, deadline <= end {
      now = max(now, deadline)
      if let event = core.handleDeadline(at: now) { events.append((start.duration(to: now), event)) }
      sent += requests().map { (start.duration(to: now), $0) }
    }
    now = end
    return (sent, events)
  }

  /// Has NAT-PMP ask for the mapping, as a gateway does that speaks nothing else.
  mutating func leadToNATPMP() {
    _ = requests()
    _ = receive([0, 0, 0, 1, 0, 0, 3, 232])
    _ = receive(GatewayLaboratory.natPMPAddress())
    _ = requests()
  }

  // MARK: Answers

  static func pcp(
    lifetime: UInt32 = 3600, epoch: UInt32 = 1000, result: UInt8 = 0, outside: SocketAddress = outside,
    _ change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes: [UInt8] = [2, 0x81, 0, result] + big(lifetime) + big(epoch) + [UInt8](repeating: 0, count: 12)
    bytes += [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 17, 0, 0, 0] + big(4000 as UInt16) + big(outside.port)
    bytes +=
      outside.ip.family == .v6
      ? big(outside.ip.high) + big(outside.ip.low)
      : [UInt8](repeating: 0, count: 10) + [255, 255] + big(outside.ip.v4Bits)
    change(&bytes)
    return bytes
  }

  static func pcpAnnounce(epoch: UInt32) -> [UInt8] {
    [2, 0x80, 0, 0, 0, 0, 0, 0] + big(epoch) + [UInt8](repeating: 0, count: 12)
  }

  static func natPMPAddress(
    _ address: IPAddress = outside.ip, epoch: UInt32 = 1000, _ change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes = [0, 128, 0, 0] + big(epoch) + big(address.v4Bits)
    change(&bytes)
    return bytes
  }

  static func natPMP(
    lifetime: UInt32 = 3600, epoch: UInt32 = 1000, port: UInt16 = 4000,
    _ change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes = [0, 129, 0, 0] + big(epoch) + big(4000 as UInt16) + big(port) + big(lifetime)
    change(&bytes)
    return bytes
  }

  private static func big(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}
