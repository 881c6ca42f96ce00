@testable import WarrenMachine
@testable import WarrenTraversal

/// Gives a gateway's core answers of PCP, and time.
func fuzzPCP(_ bytes: [UInt8]) { fuzzGateway(bytes, [.pcp]) }

/// Gives a gateway's core answers of NAT-PMP, and time.
func fuzzNATPMP(_ bytes: [UInt8]) { fuzzGateway(bytes, [.natPMP, .pcp]) }

private func fuzzGateway(_ bytes: [UInt8], _ protocols: Set<PortMappingProtocol>) {
  var input = Input(bytes)
  let gateway = IPAddress(192, 168, 1, 1)
  var now = Instant(nanoseconds: 1)
  var core = GatewayCore(
    gateway, client: IPAddress(192, 168, 1, 2),
    PortMappingTerms(transport: .udp, localPort: 4000, suggestedPort: 4000), by: protocols,
    nonce: PCPNonce(1, 2),
    seed: 1, at: now)
  var outbox = DatagramOutbox(byteCapacity: 4000, runCapacity: 16)
  var steps = 0
  while !input.isEmpty, steps < 100 {
    steps += 1
    if input.byte() % 4 == 0 {
      now = core.nextDeadline.map { max(now, $0) } ?? now
      _ = core.handleDeadline(at: now)
    } else {
      var answer = input.block()
      // Half of them know the nonce: else all would end there.
      if answer.count >= 36, answer[0] == 2, answer[35] % 2 == 0 {
        answer.replaceSubrange(24..<36, with: [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2])
      }
      _ = core.received(answer.span.bytes, from: SocketAddress(gateway, port: 5351), at: now)
    }
    var sent = 0
    while core.poll(into: &outbox, at: now) {
      sent += 1
      precondition(sent < 20, "it asks without end")
    }
    outbox.removeAll()
  }
}
