import WarrenMachine

extension Connection {
  /// One stream of a connection: bytes in order, to the end. Reading gives what has arrived, piece by piece.
  public struct Stream: Sendable, AsyncSequence {
    public typealias Element = [UInt8]

    let endpoint: QUICEndpoint
    // Used on the endpoint's executor alone.
    nonisolated(unsafe) let core: StreamCore
    /// Its number.
    public let id: Int64
    /// Whether both sides may send.
    public let isBidirectional: Bool

    init(_ endpoint: QUICEndpoint, _ core: StreamCore) {
      self.endpoint = endpoint
      self.core = core
      id = core.id
      isBidirectional = core.isBidirectional
    }

    /// Sends bytes; waits while the other side, or the way, does not take them.
    public func write(_ bytes: [UInt8]) async throws { try await endpoint.write(bytes, to: core) }

    /// Says that no more will be written.
    public func finish() async throws { try await endpoint.finish(core) }

    /// Gives up sending: the other side is told the code.
    public func reset(code: UInt64) async { await endpoint.reset(core, code) }

    /// Wants no more of what the other side sends.
    public func stop(code: UInt64) async { await endpoint.stop(core, code) }

    /// Waits until both sides are done with it, and know that of each other; or its connection is over. A connection's end overtakes
    /// what was written before: whoever says something last waits for this, and closes the connection then.
    public func closed() async throws { try await endpoint.waitForEnd(of: core) }

    /// What has arrived, as soon as something has; nil at the end.
    public func read(atMost limit: Int = .max) async throws -> [UInt8]? {
      try await endpoint.read(core, atMost: limit)
    }

    /// So many bytes; throws if the stream ends before.
    public func read(exactly count: Int) async throws -> [UInt8] {
      var bytes: [UInt8] = []
      while bytes.count < count {
        guard let more = try await read(atMost: count - bytes.count) else {
          throw QUICError(.closed, reason: "the stream has ended after \(bytes.count) of \(count) bytes")
        }
        if bytes.isEmpty, more.count == count { return more }
        bytes += more
      }
      return bytes
    }

    /// Among streams with something to send, the higher is first.
    public func setPriority(_ priority: Int) async { await endpoint.setPriority(core, priority) }

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Reads what arrives, to the end.
    public struct Iterator: AsyncIteratorProtocol {
      let stream: Stream

      public mutating func next() async throws -> [UInt8]? { try await stream.read() }
    }
  }
}

extension QUICEndpoint {
  func write(_ bytes: [UInt8], to stream: StreamCore) async throws {
    var written = 0
    while true {
      written += try stream.write(bytes.span.bytes.extracting(droppingFirst: written))
      scheduleFlush()
      if written == bytes.count { return }
      let id = stream.id
      try await change(of: stream, "the other side to read stream \(id)") {
        stream.writeCapacity > 0 || !stream.isWritable
      }
    }
  }

  func finish(_ stream: StreamCore) throws {
    try stream.finish()
    scheduleFlush()
  }

  func reset(_ stream: StreamCore, _ code: UInt64) {
    stream.reset(code: code)
    scheduleFlush()
  }

  func stop(_ stream: StreamCore, _ code: UInt64) {
    stream.stop(code: code)
    scheduleFlush()
  }

  func waitForEnd(of stream: StreamCore) async throws {
    let id = stream.id
    while stream.isKnown, stream.connection.error == nil {
      try await change(of: stream, "both sides to be done with stream \(id)") {
        !stream.isKnown || stream.connection.error != nil
      }
    }
  }

  func setPriority(_ stream: StreamCore, _ priority: Int) { stream.priority = priority }

  func read(_ stream: StreamCore, atMost limit: Int) async throws -> [UInt8]? {
    while true {
      let bytes = stream.read(atMost: limit)
      if !bytes.isEmpty {
        scheduleFlush()
        return bytes
      }
      if stream.isAtEnd { return nil }
      if let error = stream.readError { throw error }
      let id = stream.id
      try await change(of: stream, "stream \(id) to bring something") { stream.isReadable }
    }
  }

  private func change(
    of stream: StreamCore, _ wish: @autoclosure @Sendable @escaping () -> String, _ isThere: () -> Bool
  ) async throws {
    let state = stream.attachment as? StreamState ?? StreamState()
    stream.attachment = state
    // Between the call and here others may have run: what is true now decides.
    try await machine.suspend(wish) { wait in if isThere() { wait.succeed(()) } else { state.wait(wait) } }
  }
}
