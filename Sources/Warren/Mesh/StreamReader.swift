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
  func read(exactly count: Int) async throws -> [UInt8] {
    if bytes.count - start < count {
      var piece = Array(bytes[start...])
      (bytes, start) = ([], 0)
      // A large one comes as it is, and is not copied once more.
      if count >= MeshLimits.smallPayload {
        let rest = try await stream.read(exactly: count - piece.count)
        if piece.isEmpty { return rest }
        piece += rest
        return piece
      }
      while piece.count < count {
        guard let more = try await stream.read(atMost: MeshLimits.wordsAtOnce) else {
          throw QUICError(.closed, reason: "the stream has ended after \(piece.count) of \(count) bytes")
        }
        if piece.isEmpty { piece = more } else { piece += more }
      }
      bytes = piece
    }
    defer { start += count }
    return Array(bytes[start..<start + count])
  }
}
