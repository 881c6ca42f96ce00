import Glibc

/// Calls `body` on a thread of its own, and waits for it there: for what changes the thread that it is on.
public func onThread<Value>(_ body: () -> Value) -> Value {
  var value: Value?
  withoutActuallyEscaping({ value = body() }) { body in
    // It has returned before this does.
    let job = ThreadJob(body)
    var thread = pthread_t()
    precondition(pthread_create(&thread, nil, runThreadJob, Unmanaged.passRetained(job).toOpaque()) == 0)
    pthread_join(thread, nil)
  }
  return value!
}

/// Calls `body`, which may block, on a thread of its own, so that no other task waits for it.
public func awaitThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
{
  try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
    let job = ThreadJob { continuation.resume(with: Result { try body() }) }
    var thread = pthread_t()
    precondition(pthread_create(&thread, nil, runThreadJob, Unmanaged.passRetained(job).toOpaque()) == 0)
    pthread_detach(thread)
  }
}

private final class ThreadJob: @unchecked Sendable {
  // Handed over whole, and called once: hence `@unchecked`.
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

private func runThreadJob(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<ThreadJob>.fromOpaque(pointer!).takeRetainedValue().body()
  return nil
}
