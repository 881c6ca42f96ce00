import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// Reads a stream in pieces of known length, of which many small ones come with one read. Used on the machine's executor alone.
final class StreamReader: @unchecked Sendable {
  private let stream: Connection.Stream
  private var bytes: [UInt8] = []
  private var start = 0

  init(_ stream: Connection.Stream) { self.stream = stream }

  /// So many bytes; throws if the stream ends before.
  ///
  /// - Parameter progressed: called whenever a part of a large piece has come.
  func read(exactly count: Int, progressed: () async -> Void = {}) async throws -> [UInt8] {
    if bytes.count - start < count {
      var piece = Array(bytes[start...])
      (bytes, start) = ([], 0)
      // A large one comes as it is, and is not copied once more.
      if count >= MeshLimits.smallPayload {
        while piece.count < count {
          let more = try await more(atMost: count - piece.count, of: count)
          if piece.isEmpty, more.count == count { return more }
          piece += more
          await progressed()
        }
        return piece
      }
      while piece.count < count {
        let more = try await more(atMost: MeshLimits.wordsAtOnce, of: count)
        if piece.isEmpty { piece = more } else { piece += more }
      }
      bytes = piece
    }
    defer { start += count }
    return Array(bytes[start..<start + count])
  }

  private func more(atMost limit: Int, of count: Int) async throws -> [UInt8] {
    guard let more = try await stream.read(atMost: limit) else {
      throw QUICError(.closed, reason: "the stream has ended in the middle of \(count) bytes")
    }
    return more
  }
}
