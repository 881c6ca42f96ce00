import WarrenMachine

extension Machine {
  /// Says back in capitals whatever anybody says over TCP, and ends when the other side does.
  ///
  /// - Returns: at which port.
  @discardableResult
  public func shout(at address: SocketAddress) throws -> UInt16 {
    let listener = try listenTCP(on: address)
    nonisolated(unsafe) let unchecked = listener
    spawn("a shouter") {
      while true {
        let connection = try await unchecked.accept()
        nonisolated(unsafe) let connected = connection
        self.spawn("a shout") {
          while let bytes = try await connected.read() { try await connected.write(bytes.map { $0 ^ 0x20 }) }
          try connected.finish()
        }
      }
    }
    return listener.localAddress.port
  }
}
