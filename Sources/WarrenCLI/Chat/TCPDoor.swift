import Warren

/// A port at which somebody is waited for who wants to talk: one, and no other.
actor TCPDoor {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private var listeners: [any TCPListener] = []

  init(on machine: any Machine) { self.machine = machine }

  /// Listens at all addresses of this computer.
  ///
  /// - Returns: the port.
  func open(port: UInt16) throws -> UInt16 {
    var port = port
    for ip in try machine.wildcards() {
      listeners.append(try machine.listenTCP(on: SocketAddress(ip, port: port)))
      port = listeners[0].localAddress.port
    }
    return port
  }

  /// Whoever comes first; nobody else is let in after that.
  func first() async throws -> TCPLines {
    defer { close() }
    return try await machine.suspend({ "somebody to talk" }) { (wait: Wait<TCPLines>) in
      for listener in listeners {
        nonisolated(unsafe) let unchecked = listener
        listener.onConnection = {
          do {
            guard let accepted = try unchecked.acceptNow() else { return }
            nonisolated(unsafe) let connection = accepted
            if wait.hasEnded { connection.close() } else { wait.succeed(TCPLines(connection)) }
          } catch {
            wait.fail(error)
          }
        }
      }
    }
  }

  func close() {
    for listener in listeners { listener.close() }
    listeners = []
  }
}
