import WarrenMachine

extension QUICEndpoint {
  /// Connections that others have begun, in the order in which they did.
  public struct Connections: AsyncSequence, Sendable {
    public typealias Element = Connection

    let endpoint: QUICEndpoint

    public func makeAsyncIterator() -> Iterator { Iterator(endpoint: endpoint) }

    /// Gives each to whoever asks first.
    public struct Iterator: AsyncIteratorProtocol {
      let endpoint: QUICEndpoint

      /// The next one; nil when the endpoint is closed, or the task is cancelled.
      public mutating func next() async -> Connection? { (try? await endpoint.nextConnection()) ?? nil }
    }
  }

  /// Connections that others have begun, once it is known who they are.
  public nonisolated var connections: Connections { Connections(endpoint: self) }

  private func nextConnection() async throws -> Connection? {
    while true {
      if let connection = arrived.popFirst() { return connection }
      if isClosed { return nil }
      // Between the call and here others may have run: what is true now decides.
      try await machine.suspend({ "somebody to connect" }) { wait in
        if !arrived.isEmpty || isClosed { wait.succeed(()) } else { acceptors.add(wait) }
      }
    }
  }
}
