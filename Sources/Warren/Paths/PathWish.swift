import WarrenMachine

/// What somebody wants of a connection's way, until it is so or is wanted no more. Used on the machine's executor alone.
final class PathWish: @unchecked Sendable {
  /// Nil for the best way that there is.
  let kind: Path.Kind?
  /// What became of it.
  private(set) var result: Result<Void, any Error>?
  private var wait: Wait<Void>?

  init(for kind: Path.Kind?) { self.kind = kind }

  func end(_ result: Result<Void, any Error>) {
    guard self.result == nil else { return }
    self.result = result
    [wait].compactMap { $0 }.endAll(result)
    wait = nil
  }

  func wait(_ wait: Wait<Void>) {
    if let result { [wait].endAll(result) } else { self.wait = wait }
  }
}
