import Warren

/// A conversation over a connection: messages both ways on one stream, which the side opens that has begun the connection.
struct ChatTalk: Sendable {
  /// What is spoken over the connection (ALPN).
  static let protocolName = "warren-chat/1"
  /// With what a connection ends whose other side makes no sense.
  private static let nonsense: UInt64 = 1

  let connection: Connection
  private let stream: Connection.Stream
  private let machine: any Machine

  /// Begins it, as soon as both sides have.
  init(over connection: Connection, on machine: any Machine) async throws {
    self.connection = connection
    self.machine = machine
    if connection.isClient {
      stream = try await connection.openStream()
      // Only what is on it lets the other side see it.
      try await stream.write(try ChatFrames.frame(""))
    } else {
      do {
        stream = try await machine.withDeadline(ChatLimits.greeting) {
          for await stream in connection.incomingStreams { return stream }
          throw ChatError.silent
        }
      } catch is DeadlineExceeded {
        throw ChatError.silent
      }
    }
  }

  /// Waits where the other side does not read.
  func say(_ text: String) async throws { try await stream.write(try ChatFrames.frame(text)) }

  /// Calls `body` with each message, until the other side has said its last one.
  func hear(_ body: @Sendable (String) async -> Void) async throws {
    var frames = ChatFrames()
    do {
      while let bytes = try await stream.read(atMost: ChatLimits.textBytes) {
        frames.take(bytes)
        while let text = try frames.next() { if !text.isEmpty { await body(text) } }
      }
    } catch let error as ChatError {
      await connection.close(code: Self.nonsense, reason: "\(error)")
      throw error
    }
  }

  /// Says that this side has said its last, and waits until the other side has heard it and said the same: for so long at most, or for
  /// as long as it is there.
  func end(within limit: Duration? = ChatLimits.farewell) async {
    try? await stream.finish()
    if let limit {
      _ = try? await machine.withDeadline(limit) { try await connection.closed() }
    } else {
      await waitForEnd()
    }
    await connection.close()
  }

  /// Waits until the connection is over.
  func waitForEnd() async { _ = try? await connection.closed() }

  /// Both sides have said their last.
  func bothHaveEnded() async { await connection.close() }
}

/// Whether a conversation that this side was ending has ended so that the other side may not have heard all: who has, says so.
func isUnheard(_ error: any Error) -> Bool {
  switch error {
  case is CancellationError, NetworkError.closed: false
  case let error as QUICError: !error.isRemote || error.code != .application(0)
  default: true
  }
}

/// How the end of a conversation is told.
func endText(_ error: any Error) -> String {
  switch error {
  case let error as QUICError:
    switch error.code {
    case .idle, .forgotten: "it has gone without a word: nothing is heard of it any more"
    case .application where error.isRemote:
      error.reason.isEmpty ? "it has ended it" : "it has ended it: \(error.reason)"
    default: "\(error)"
    }
  default: "\(error)"
  }
}
