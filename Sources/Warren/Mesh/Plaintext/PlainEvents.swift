import WarrenMachine
import WarrenMesh

/// What happens in a mesh, in order; nothing is left out, however slowly it is read. What others say waits with them then.
public struct PlainEvents: AsyncSequence, Sendable {
  public typealias Element = PlainEvent

  let mesh: PlainMesh

  public func makeAsyncIterator() -> Iterator { Iterator(mesh: mesh) }

  /// Gives each to whoever asks first.
  public struct Iterator: AsyncIteratorProtocol {
    let mesh: PlainMesh

    /// The next one; nil when the mesh was left and everything was read, or the task is cancelled.
    public mutating func next() async -> PlainEvent? { (try? await mesh.nextEvent()) ?? nil }
  }
}
