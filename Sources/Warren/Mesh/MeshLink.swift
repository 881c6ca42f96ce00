import WarrenCrypto
import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// A connection with another node of a mesh: what is said over it, and what waits to be. Used on the machine's executor alone.
final class MeshLink: @unchecked Sendable {
  /// What each stream begins with.
  enum Mark: UInt8 {
    /// What neighbours say to each other.
    case words = 0x57
    /// Messages.
    case messages = 0x4D
    /// Files: the first of ``FileExchange/streamMark``.
    case files = 0x77
  }

  let peer: PeerID
  let connection: Connection
  /// Once both have said who they are.
  var isOpen = false
  var isOver = false
  var words: Connection.Stream?
  var messages: Connection.Stream?
  /// What is to be said.
  var waiting = Queue<[UInt8]>()
  var waitingBytes = 0
  var isSaying = false
  var isSending = false
  var tasks: [Task<Void, any Error>] = []
  /// Whether the other side's stream of messages has not ended.
  var isReading = false
  /// Those who wait for something to become of it.
  private var waits: [Wait<Void>] = []

  init(_ connection: Connection, with peer: PeerID) {
    self.connection = connection
    self.peer = peer
  }

  /// Waits until what is asked for is so, or it is over.
  func wait(_ wait: Wait<Void>, until isSo: (MeshLink) -> Bool) {
    if isOver || isSo(self) { wait.succeed(()) } else { waits.append(wait) }
  }

  /// Something has become of it.
  func changed() {
    waits.endAll(.success(()))
    waits = []
  }

  /// A frame: its length, and what it says.
  static func frame(_ bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
  }

  static func read(from stream: Connection.Stream, atMost limit: Int) async throws -> [UInt8] {
    let head = try await stream.read(exactly: 4)
    let count = Int(head.span.bytes.number(at: 0, as: UInt32.self))
    guard count <= limit else {
      throw MeshError(.nonsense, "a word of \(count) bytes was said, and at most \(limit) may be")
    }
    return count == 0 ? [] : try await stream.read(exactly: count)
  }
}
