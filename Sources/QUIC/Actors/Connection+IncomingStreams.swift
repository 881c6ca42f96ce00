import WarrenMachine

extension Connection {
  /// Streams that the other side opens, in the order in which it does. It may have no more of them open than were permitted,
  /// those that nobody has taken yet among them.
  public struct IncomingStreams: AsyncSequence, Sendable {
    public typealias Element = Stream

    let connection: Connection

    public func makeAsyncIterator() -> Iterator { Iterator(connection: connection) }

    /// Gives each to whoever asks first.
    public struct Iterator: AsyncIteratorProtocol {
      let connection: Connection

      /// The next one; nil when the connection is over, or the task is cancelled.
      public mutating func next() async -> Stream? {
        (try? await connection.endpoint.nextStream(of: connection.core, connection.state)) ?? nil
      }
    }
  }

  /// Streams that the other side opens. Read each to its end, or say by ``Stream/stop(code:)`` that you will not: what nobody
  /// reads takes the others' room.
  public var incomingStreams: IncomingStreams { IncomingStreams(connection: self) }
}

extension QUICEndpoint {
  func nextStream(of core: ConnectionCore, _ state: ConnectionState) async throws -> Connection.Stream? {
    while true {
      if let stream = state.arrivals.popFirst() {
        core.take(stream)
        scheduleFlush()
        return Connection.Stream(self, stream)
      }
      if core.error != nil { return nil }
      // Between the call and here others may have run: what is true now decides.
      try await machine.suspend({ "the other side to open a stream" }) { wait in
        if !state.arrivals.isEmpty || core.error != nil { wait.succeed(()) } else { state.waitToTake(wait) }
      }
    }
  }
}
