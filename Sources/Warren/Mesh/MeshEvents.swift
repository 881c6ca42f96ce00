import WarrenMachine
import WarrenMesh

/// What happens in a mesh, in order; nothing is left out, however slowly it is read. Messages wait with their senders then.
public struct MeshEvents: AsyncSequence, Sendable {
  public typealias Element = MeshEvent

  let mesh: Mesh

  public func makeAsyncIterator() -> Iterator { Iterator(mesh: mesh) }

  /// Gives each to whoever asks first.
  public struct Iterator: AsyncIteratorProtocol {
    let mesh: Mesh

    /// The next one; nil when the mesh was left and everything was read, or the task is cancelled.
    public mutating func next() async -> MeshEvent? { (try? await mesh.nextEvent()) ?? nil }
  }
}

typealias MeshEventQueue = EventQueue<MeshEvent>

extension MeshEvent: SizedEvent {
  /// What it costs to keep.
  var size: Int {
    guard case .message(let message) = self else { return MeshLimits.messageCost }
    switch message.content {
    case .text(let text): return text.utf8.count + MeshLimits.messageCost
    case .bytes(let bytes): return bytes.count + MeshLimits.messageCost
    }
  }
}
