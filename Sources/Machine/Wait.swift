/// One suspended call: ends exactly once, with a value, an error, or because its task was cancelled.
///
/// Everything but its creation happens on the machine's executor. What it does can be seen by all rooms, so that each has it
/// made for the values that it waits for: otherwise every wait asks what its own type is, a dozen times.
public final class Wait<Value: Sendable>: @unchecked Sendable {
  @usableFromInline
  enum State {
    case notSuspended
    case suspended(UnsafeContinuation<Value, any Error>)
    case ended(Result<Value, any Error>)
  }

  @usableFromInline
  var state = State.notSuspended
  /// Called once when the wait ends, however it ends: gives back at once what was waited with.
  public var onEnd: (() -> Void)?

  @inlinable
  init() {}

  /// Whether it has ended.
  @inlinable
  public var hasEnded: Bool {
    if case .ended = state { true } else { false }
  }

  /// Ends the wait with a value, if it has not ended.
  @inlinable
  public func succeed(_ value: Value) { end(.success(value)) }

  /// Ends the wait with an error, if it has not ended.
  @inlinable
  public func fail(_ error: any Error) { end(.failure(error)) }

  @inlinable
  func end(_ result: Result<Value, any Error>) {
    if case .ended = state { return }
    let before = state
    state = .ended(result)
    let cleanUp = onEnd
    onEnd = nil
    cleanUp?()
    if case .suspended(let continuation) = before { continuation.resume(with: result) }
  }

  /// - Returns: whether there is something to wait for: not when it was cancelled before it began.
  @inlinable
  func suspend(_ continuation: UnsafeContinuation<Value, any Error>) -> Bool {
    if case .ended(let result) = state {
      continuation.resume(with: result)
      return false
    }
    state = .suspended(continuation)
    return true
  }
}

extension Array {
  /// Ends all of these waits, in order.
  @inlinable
  package func endAll<Value>(_ result: Result<Value, any Error>) where Element == Wait<Value> {
    for wait in self {
      switch result {
      case .success(let value): wait.succeed(value)
      case .failure(let error): wait.fail(error)
      }
    }
  }

  /// Adds one who waits; those who were cancelled are forgotten.
  @inlinable
  package mutating func add<Value>(_ wait: Wait<Value>) where Element == Wait<Value> {
    if !isEmpty { removeAll { $0.hasEnded } }
    append(wait)
  }

  /// Empties it: whoever goes on may already wait anew.
  @inlinable
  package mutating func takeAll<Value>() -> Self where Element == Wait<Value> {
    if isEmpty { return [] }
    defer { self = [] }
    return self
  }
}
