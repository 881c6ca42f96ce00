import Warren

/// What `warren peer` says: a stream each, to its end.
enum PeerMessage {
  /// What a person types, and much more: it is kept whole.
  static let mostBytes = 65_536

  /// All of it.
  static func read(from stream: Connection.Stream) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let more = try await stream.read() {
      bytes += more
      guard bytes.count <= mostBytes else { throw QUICError(.closed, reason: "the message is too long") }
    }
    return bytes
  }
}
