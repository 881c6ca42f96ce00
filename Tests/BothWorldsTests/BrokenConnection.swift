import Warren

/// A connection of which it is found out while writing that it has ended. Used on its machine's executor alone.
final class BrokenConnection: TCPConnection {
  let machine: any Machine
  let localAddress = SocketAddress(.loopback(.v4), port: 1)
  let remoteAddress = SocketAddress(.loopback(.v4), port: 2)
  private(set) var phase = TCPPhase.open
  var onReadable: (() -> Void)?
  var onWritable: (() -> Void)?

  init(on machine: any Machine) { self.machine = machine }

  func readNow(into buffer: inout OutputRawSpan) throws(NetworkError) -> TCPRead { .nothingYet }
  func writeNow(_ bytes: RawSpan) throws(NetworkError) -> Int { throw .connectionReset(remoteAddress) }
  func finish() throws(NetworkError) {}
  func reset() { close() }
  func close() { phase = .closed }
}
