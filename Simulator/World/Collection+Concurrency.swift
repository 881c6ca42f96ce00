extension RandomAccessCollection where Self: Sendable, Element: Sendable {
  /// What `work` makes of each element, in their order: so many tasks work at once, each of which has every so manieth.
  ///
  /// - Throws: the first error, once the others have ended their turns.
  public func concurrentMap<Result: Sendable>(
    _ tasks: Int, _ work: @escaping @Sendable (Element) async throws -> Result
  ) async throws -> [Result] {
    try await withThrowingTaskGroup(of: [(Int, Result)].self) { group in
      for task in 0..<tasks {
        group.addTask {
          var done: [(Int, Result)] = []
          for place in stride(from: task, to: count, by: tasks) {
            done.append((place, try await work(self[index(startIndex, offsetBy: place)])))
          }
          return done
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }.sorted { $0.0 < $1.0 }.map { $0.1 }
    }
  }
}

extension Array {
  /// The same for rows, each of which may have another length.
  package func concurrentMapOfRows<Cell: Sendable, Result: Sendable>(
    _ tasks: Int, _ work: @escaping @Sendable (Cell) async throws -> Result
  ) async throws -> [[Result]] where Element == [Cell] {
    var results = try await flatMap { $0 }.concurrentMap(tasks, work)[...]
    return map { row -> [Result] in
      defer { results.removeFirst(row.count) }
      return [Result](results.prefix(row.count))
    }
  }
}
