import WarrenMachine

/// A TCP connection between a relayed address and a peer, which comes here over a connection with the relay.
final class RelayedConnection: TCPConnection {
  var machine: any Machine { carrier.machine }
  /// The relayed address.
  let localAddress: SocketAddress
  /// The peer's, as the relay sees it.
  let remoteAddress: SocketAddress
  var phase: TCPPhase { carrier.phase }

  var onReadable: (() -> Void)? {
    get { carrier.onReadable }
    set { carrier.onReadable = newValue }
  }
  var onWritable: (() -> Void)? {
    get { carrier.onWritable }
    set { carrier.onWritable = newValue }
  }

  /// That with the relay, with TLS in it or without.
  private let carrier: any TCPConnection

  init(over carrier: any TCPConnection, from relayed: SocketAddress, to peer: SocketAddress) {
    self.carrier = carrier
    (localAddress, remoteAddress) = (relayed, peer)
  }

  func readNow(into buffer: inout OutputRawSpan) throws(NetworkError) -> TCPRead {
    try carrier.readNow(into: &buffer)
  }
  func writeNow(_ bytes: RawSpan) throws(NetworkError) -> Int { try carrier.writeNow(bytes) }
  func finish() throws(NetworkError) { try carrier.finish() }
  func reset() { carrier.reset() }
  func close() { carrier.close() }
}
