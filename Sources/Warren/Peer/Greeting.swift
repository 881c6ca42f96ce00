import WarrenQUIC

/// What a peer says as soon as it can: with its first packet, where the two have met before. Used on the machine's executor alone.
final class Greeting: @unchecked Sendable {
  private let say: @Sendable (Connection) async throws -> Void
  private var said: (over: Connection, failure: (any Error)?)?

  init(_ say: @escaping @Sendable (Connection) async throws -> Void) { self.say = say }

  /// Says it early, over what may become the connection.
  func say(early connection: Connection) async {
    var failure: (any Error)?
    do { try await say(connection) } catch { failure = error }
    said = (connection, failure)
  }

  /// Says it, unless it was said over this connection and heard.
  func say(over connection: Connection) async throws {
    if let said, said.over.isSame(as: connection), try await connection.confirmed() {
      if let failure = said.failure { throw failure }
      return
    }
    try await say(connection)
  }
}
