import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Somebody has asked this program to end.
struct Interruption: Error {
  let signal: CInt

  var exitCode: CInt { 128 + signal }
}

/// Calls `body`, and cancels it when somebody asks the program to end; whoever asks twice ends it at once.
func untilInterrupted<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws
  -> Value
{
  let signals = CaughtSignals(SIGINT, SIGTERM)
  return try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      for await number in signals {
        CaughtSignals.leave(SIGINT, SIGTERM)
        throw Interruption(signal: number)
      }
      return nil
    }
    defer { group.cancelAll() }
    while let result = try await group.next() { if let value = result { return value } }
    throw CancellationError()
  }
}
