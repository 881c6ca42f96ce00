import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension World {
  /// Runs `body` in this world until it returns, on a thread of its own and in the world's own time.
  ///
  /// Then all machines are closed, and the tasks on them cancelled, so that what still runs ends. A world is run once: the next run
  /// wants a new one, with the same seed or another.
  ///
  /// - Throws: what `body` throws; or ``RunError`` when nothing can go on, or a job has left the simulation.
  @discardableResult
  public func run<Value: Sendable>(
    _ body: @escaping @Sendable (World) async throws -> Value
  ) async throws -> Value {
    precondition(!hasRun, "a world is run once: make a new one for the next run")
    hasRun = true
    let outcome = Outcome<Value>()
    // Made here and not on the world's thread, so that it inherits the caller's task-local values.
    let task = Task(name: "world", executorPreference: taskExecutor) { [self] in
      do { outcome.result = .success(try await body(self)) } catch { outcome.result = .failure(error) }
      outcome.isThere.value = true
    }
    let failure = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<RunError?, Never>) in
        startThread { [self] in
          letRealTimePass()
          let failure = go(until: { outcome.isThere.value })
          continuation.resume(returning: failure)
        }
      }
    } onCancel: {
      task.cancel()
    }
    if let failure { throw failure }
    return try outcome.result!.get()
  }

  /// What the body of a run came to: written on the world's thread, read when that has ended.
  private final class Outcome<Value: Sendable>: @unchecked Sendable {
    var result: Result<Value, any Error>?
    let isThere = Flag()
  }

  /// Asked between any two things that happen, and so not of a generic type.
  private final class Flag {
    var value = false
  }

  /// Runs until `isDone`, closes every machine, and runs what that sets free.
  private func go(until isDone: () -> Bool) -> RunError? {
    let counter = EscapeDetector.Counter()
    ready.beginRun()
    EscapeDetector.start(counter)
    defer {
      EscapeDetector.stop()
      ready.endRun()
    }
    var failure = proceed(until: isDone, counter)
    for machine in machinesInOrder {
      machine.closeNow()
      machine.waits.cancelTasks()
    }
    // Nothing may wait any more, so that this ends by itself; what does not is the run's own failure.
    var end = proceed(until: { false }, counter, isEnding: true)
    for _ in 0..<patience(after: failure).wholeNanoseconds / 1_000_000 where !isDone() {
      usleep(1000)
      end = proceed(until: { false }, counter, isEnding: true)
    }
    if failure == nil { failure = end }
    timers.removeAll()
    return failure
  }

  private func patience(after failure: RunError?) -> Duration {
    if case .escaped = failure { return SimulatorLimits.patienceForEscaped }
    return SimulatorLimits.patienceForStuck
  }

  private func proceed(
    until isDone: () -> Bool, _ counter: EscapeDetector.Counter, isEnding: Bool = false
  ) -> RunError? {
    var jobsInThisInstant = 0
    let end = configuration.longestRun.wholeNanoseconds
    while !isDone() {
      guard jobsInThisInstant < SimulatorLimits.jobsPerInstant else {
        return .spinning(seed: seed, at: now, tasks: everybody(\.runningTasks))
      }
      if let item = ready.next() {
        // Each call between actors is a place at which others may come first.
        item.run(
          on: executor.asUnownedSerialExecutor(), taskExecutor.asUnownedTaskExecutor(), goesOn: false)
        jobsInThisInstant += 1
        guard counter.escapes.isEmpty else {
          defer { counter.escapes = [] }
          return .escaped(seed: seed, at: now, jobs: counter.escapes)
        }
      } else if isEnding {
        let tasks = everybody(\.runningTasks)
        return tasks.isEmpty ? nil : .stuck(seed: seed, at: now, waiting: [], tasks: tasks)
      } else {
        let before = now
        guard moveOn() else {
          return .stuck(
            seed: seed, at: now, waiting: everybody(\.waiting), tasks: everybody(\.runningTasks))
        }
        jobsInThisInstant = now > before ? 0 : jobsInThisInstant + 1
        guard now.nanoseconds < end else {
          return .ranTooLong(
            seed: seed, limit: configuration.longestRun, waiting: everybody(\.waiting))
        }
      }
    }
    return nil
  }

  /// Lets the next thing happen that has a time: all packets of that instant, or one timer.
  ///
  /// - Returns: whether there was one.
  private func moveOn() -> Bool {
    let packet = packetsOnTheirWay.earliest
    let timer = timers.earliest
    guard let next = Instant.earliest(packet, timer) else { return false }
    now = max(now, next)
    if timer == nil || timer! > next || (packet == next && ties.chance(0.5)) {
      while let arrival = packetsOnTheirWay.removeFirst(dueAt: now) { arrive(arrival) }
    } else {
      _ = timers.fireNext(at: now)
    }
    return true
  }

  private func everybody(_ list: (WaitList) -> [String]) -> [String] {
    machinesInOrder.flatMap { machine in list(machine.waits).map { "\(machine.name): \($0)" } }
  }
}
