extension Machine {
  /// Starts a task that lives on this machine: the only way in which Warren starts one.
  ///
  /// A plain `Task { }` would resume on the global pool after every wait: slow on a loop, and a hole in a
  /// simulation. The task is listed in ``waits`` under its name until it ends.
  @discardableResult
  public func spawn<Value: Sendable>(
    _ name: String,
    @_inheritActorContext _ operation: sending @escaping @isolated(any) () async throws -> Value
  ) -> Task<Value, any Error> {
    let waits = waits
    let id = waits.taskBegan(name)
    let task = Task(name: name, executorPreference: taskExecutor) {
      defer { waits.taskEnded(id) }
      return try await operation()
    }
    waits.task(id, isCancelledBy: { task.cancel() })
    return task
  }

  /// Runs `body` on this machine and waits for it: the way in for a program that is not an actor.
  public func run<Value: Sendable>(
    _ name: String = "run", _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = spawn(name) { try await body() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  /// Runs `body` here if the caller is on the executor, else on a task of its own.
  func onExecutor<Value: Sendable>(
    _ name: @autoclosure () -> String, _ body: @escaping @Sendable (Self) async throws -> Value
  ) async throws -> Value {
    if isOnExecutor { return try await body(self) }
    return try await run(name()) { [self] in try await body(self) }
  }

  /// Suspends the caller until `start`'s wait ends: the one pattern beneath every call that waits.
  ///
  /// `start` runs at once and arranges for the wait to be ended; what it sets as ``Wait/onEnd`` gives back what
  /// it took. Cancelling the caller's task, or closing the machine, ends the wait at once.
  public func suspend<Value: Sendable>(
    isolation: isolated (any Actor)? = #isolation,
    _ activity: @escaping @Sendable () -> String, _ start: (Wait<Value>) throws -> Void
  ) async throws -> Value {
    preconditionOnExecutor()
    let wait = Wait<Value>()
    guard let id = waits.add(activity, fail: { wait.fail($0) }) else { throw NetworkError.machineClosed }
    defer { waits.remove(id) }
    return try await withTaskCancellationHandler(
      operation: {
        // Named, so that the closure stays with the caller's actor: else it would run on whatever thread the
        // caller's task prefers, which is the loop's only if somebody has seen to that.
        _ = isolation
        return try await withUnsafeThrowingContinuation(isolation: isolation) { continuation in
          preconditionOnExecutor()
          guard wait.suspend(continuation) else { return }
          do { try start(wait) } catch { wait.fail(error) }
        }
      },
      onCancel: {
        if isOnExecutor {
          wait.fail(CancellationError())
        } else {
          submit { wait.fail(CancellationError()) }
        }
      },
      isolation: isolation)
  }
}
