import Testing
import WarrenMachine

extension Machine {
  /// Waits until something is so.
  ///
  /// - Returns: how long it took.
  @discardableResult
  public func wait(
    _ wish: String, atMost limit: Duration = .seconds(20), _ isSo: @Sendable @escaping () async -> Bool
  ) async throws -> Duration {
    let start = now
    while !(await isSo()) {
      try #require(start.duration(to: now) < limit, "it was waited in vain for \(wish)")
      try await sleep(for: .milliseconds(5))
    }
    return start.duration(to: now)
  }
}
