import WarrenCrypto
import WarrenMachine
import WarrenQUIC

private let identity: QUICIdentity = {
  var random = FuzzRandom()
  guard let identity = try? QUICIdentity(PrivateKey(using: &random)) else {
    fatalError("GnuTLS takes no key of Ed25519")
  }
  return identity
}()

/// Hands datagrams to an endpoint, from some addresses, with time between them: it answers with less than it was sent, and
/// what it has begun ends by itself.
func fuzzQUIC(_ bytes: [UInt8]) {
  var input = Input(bytes)
  var configuration = QUICConfiguration(protocols: ["fuzz"])
  let choices = input.byte()
  configuration.alwaysRetries = choices & 1 != 0
  configuration.permitsEarlyData = choices & 2 != 0
  let endpoint = EndpointCore(identity, configuration, random: FuzzRandom())
  var now = Instant(nanoseconds: 1)
  var outbox = DatagramOutbox(byteCapacity: 65_536, runCapacity: 64)
  var (came, left) = (0, 0)
  func drain() {
    while let core = endpoint.pollAccepted() { precondition(core.side == .server) }
    while let core = endpoint.pollChanged() {
      _ = core.transmit(into: &outbox, at: now)
      while core.pollEvent() != nil {}
      while core.pollTouched() != nil {}
      left += outbox.freeCapacity == 65_536 ? 0 : 65_536 - outbox.freeCapacity
      outbox.removeAll()
    }
    while let answer = endpoint.pollAnswer() { left += answer.bytes.count }
  }
  while !input.isEmpty {
    let kind = input.byte()
    var datagram = input.block()
    // What begins a connection is this large at least.
    if kind & 1 == 1 { datagram += [UInt8](repeating: 0, count: max(0, 1200 - datagram.count)) }
    let path = NetworkPath(to: SocketAddress(IPAddress(192, 0, 2, kind >> 5), port: 9))
    came += datagram.count
    _ = endpoint.receive(datagram.span.bytes, on: path, ecn: .notCapable, at: now)
    drain()
    now = now.advanced(by: .milliseconds(Int(kind)))
  }
  precondition(left <= 3 * came, "a stranger's packets are multiplied")
  for _ in 0..<200 where endpoint.connectionCount > 0 {
    now = now.advanced(by: .seconds(1))
    for core in endpoint.allConnections { core.handleDeadline(at: now) }
    drain()
  }
  precondition(endpoint.connectionCount == 0, "a connection of nobody's stays")
}
