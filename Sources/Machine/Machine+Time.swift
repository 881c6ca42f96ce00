extension Machine {
  /// Waits until `deadline` on this machine's clock.
  public func sleep(until deadline: Instant) async throws {
    try await onExecutor("sleep") { machine in
      try await machine.suspend({ "sleep until \(deadline)" }) { (wait: Wait<Void>) in
        let timer = machine.makeTimer { wait.succeed(()) }
        wait.onEnd = { timer.cancel() }
        timer.schedule(at: deadline)
      }
    }
  }

  /// Waits for `duration`.
  public func sleep(for duration: Duration) async throws {
    try await onExecutor("sleep") { machine in
      try await machine.sleep(until: machine.now.advanced(by: duration))
    }
  }

  /// Runs `body`, and cancels it when it has not ended after `limit`.
  ///
  /// - Throws: ``DeadlineExceeded`` when it had not ended; else what `body` throws.
  public func withDeadline<Value: Sendable>(
    _ limit: Duration,
    @_inheritActorContext _ body: sending @escaping @isolated(any) () async throws -> Value
  ) async throws -> Value {
    let task = spawn("with a deadline of \(limit)", body)
    let watch = spawn("deadline of \(limit)") { [self] in
      try await sleep(for: limit)
      task.cancel()
      return true
    }
    let result = await withTaskCancellationHandler {
      await task.result
    } onCancel: {
      task.cancel()
    }
    watch.cancel()
    let expired = (try? await watch.value) ?? false
    switch result {
    case .success(let value): return value
    case .failure(let error) where error is CancellationError && expired: throw DeadlineExceeded(limit: limit)
    case .failure(let error): throw error
    }
  }
}

/// Something was not done in the time it was given.
public struct DeadlineExceeded: Error, Hashable, Sendable, CustomStringConvertible {
  /// How long it was given.
  public var limit: Duration

  /// Not done within `limit`.
  public init(limit: Duration) { self.limit = limit }

  /// `not done within 5.0 seconds`.
  public var description: String { "not done within \(limit)" }
}
