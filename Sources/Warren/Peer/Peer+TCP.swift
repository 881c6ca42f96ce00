import WarrenMachine
import WarrenQUIC
import WarrenTraversal

/// Where UDP is blocked, or somebody wants it so, a connection goes over TCP: a hole is punched for that as well, and what goes
/// through it are datagrams, each behind its length.
extension Peer {
  /// Somebody wants a connection to go a way of a kind of which there is none.
  func look(for kind: Path.Kind, of adopted: AdoptedConnection) {
    switch kind {
    case .direct: mend(adopted)
    case .tcp: if !isHidden { mend(adopted, over: .tcp) }
    case .relayed: keepSpare(for: adopted, after: .zero)
    }
  }

  /// What a puncher finds for TCP is one more way of the connection.
  func takeTCP(of puncher: HolePuncher, _ approach: Approach) {
    approach.tasks.append(
      machine.spawn("a TCP connection") { [weak self] in
        let connection = Opened(try await puncher.takeConnection())
        guard let self else { return connection.tcp.close() }
        await self.take(connection, of: approach)
      })
  }

  private func take(_ opened: Opened, of approach: Approach) async {
    guard !isClosed, !approach.isOver, let ports, let adopted = approach.mended, adopted.paths != nil else {
      return opened.tcp.close()
    }
    let socket = FramedSocket(over: opened.tcp)
    let channel = adopt(socket)
    ports.borrowed(socket, as: channel)
    adopted.sockets.append(channel)
    socket.onLost = { [weak self] _ in self?.assumeIsolated { $0.lost(channel, of: adopted) } }
    adopted.paths?.add(NetworkPath(to: socket.remoteAddress, through: channel), .tcp)
  }

  private func adopt(_ socket: FramedSocket) -> UInt16 { endpoint.assumeIsolated { $0.use(socket) } }

  /// Its TCP connection has ended.
  private func lost(_ channel: UInt16, of adopted: AdoptedConnection) {
    adopted.sockets.removeAll { $0 == channel }
    adopted.paths?.remove(channel: channel)
    giveUp(channel)
  }

  /// A connection that moves from one actor of a machine to another. Used on its executor alone: hence `@unchecked`.
  private struct Opened: @unchecked Sendable {
    let tcp: any TCPConnection
    init(_ tcp: any TCPConnection) { self.tcp = tcp }
  }
}
