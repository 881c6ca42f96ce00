import WarrenMachine
import WarrenSTUN

/// Answers STUN on the registry's port.
final class STUNResponder {
  private let socket: any UDPSocket
  private var core: STUNServerCore
  private var writer = STUNMessageWriter()
  private var outbox = DatagramOutbox()

  init(_ socket: any UDPSocket, attest: @escaping @Sendable (SocketAddress) -> UInt64) {
    self.socket = socket
    core = STUNServerCore(STUNServerCore.Addresses(primary: socket.localAddress))
    core.attest = attest
    core.answersOtherPorts = true
  }

  func answer(_ datagram: borrowing Datagram) {
    let local = socket.localAddress
    guard let route = core.receive(datagram.payload, from: datagram.source, at: local, into: &writer) else {
      return
    }
    outbox.append(writer.bytes, to: route.destination, from: local.ip.isUnspecified ? datagram.localIP : nil)
    socket.sendOrDrop(&outbox)
  }
}
