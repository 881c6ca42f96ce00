import WarrenMachine

extension PortMapper {
  /// What happened to a mapping.
  public enum Change: Hashable, Sendable {
    /// A port is open: for the first time, or again.
    case mapped(PortMapping)
    /// It is open elsewhere than before: the gateway restarted, or has another address.
    case moved(from: PortMapping, to: PortMapping)
    /// It is closed. It is asked for again until it is unmapped.
    case lost(PortMapping)
  }

  /// What happens to the mappings from the first on, until the mapper is closed; each reader sees it all.
  public nonisolated var changes: Changes { Changes(mapper: self) }

  /// The changes of a mapper's mappings.
  public struct Changes: AsyncSequence, Sendable {
    public typealias Element = Change
    let mapper: PortMapper

    public func makeAsyncIterator() -> Iterator { Iterator(mapper: mapper) }

    /// Reads them one after another.
    public struct Iterator: AsyncIteratorProtocol {
      let mapper: PortMapper
      private var read = 0

      init(mapper: PortMapper) { self.mapper = mapper }

      public mutating func next() async throws -> Change? {
        guard let (change, number) = try await mapper.change(after: read) else { return nil }
        read = number
        return change
      }
    }
  }
}
